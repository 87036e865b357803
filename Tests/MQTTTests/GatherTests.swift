import Testing
import Time

@testable import MQTT

/// QoS 1 packets and acknowledgements that leave together.
@Suite(.serialized) struct GatherTests {
  private let fixture: BrokerFixture
  private let broker: EmbeddedBroker
  private let loop: EventLoop

  init() throws {
    fixture = try BrokerFixture()
    broker = try fixture.startBroker()
    loop = try EventLoop()
  }

  private func connect(_ name: String, gathers: Bool) throws -> (client: MQTTClient, recorder: Recorder) {
    let client = try fixture.client(name, port: broker.port, loop: loop) { $0.gathersPackets = gathers }
    let recorder = Recorder(loop)
    client.delegate = recorder
    client.connect()
    recorder.run { $0.isConnected }
    return (client, recorder)
  }

  @Test func `packets that are there together leave as one record, without it each has its own`() throws {
    defer { _ = broker.stop() }
    var written: [Bool: Int] = [:]
    for gathers in [true, false] {
      let (client, recorder) = try connect("truckSensor01", gathers: gathers)
      let header = try PublishHeader(topic: TopicName("truck/freezer"), qos: .atLeastOnce)
      let before = client.library.bytesWritten
      for number in 0..<100 {
        #expect(client.publish(OutgoingMessage(header: header, payload: [UInt8(number)], due: .now())))
      }
      recorder.run { $0.delivered.count == 100 }
      written[gathers] = Int(client.library.bytesWritten - before)
      client.disconnect()
    }
    // A record costs 22 bytes in TLS 1.3; a few batches are as good as one.
    let saved = (written[false] ?? 0) - (written[true] ?? 0)
    #expect(saved > 22 * 80 && saved <= 22 * 99, "\(written)")
  }

  @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
  func `what fills the socket arrives whole, once and in order`(qos: QoS) throws {
    defer { _ = broker.stop() }
    let (reader, arrived) = try connect("reader", gathers: true)
    reader.subscribe(try TopicFilter("truck/bulk"), qos: qos)
    arrived.run { !$0.subscribed.isEmpty }
    let (client, recorder) = try connect("truckSensor01", gathers: true)
    let header = try PublishHeader(topic: TopicName("truck/bulk"), qos: qos)
    // Around the size of a record, of the buffer, and far beyond both.
    let sizes = [1, 100, 16_000, 16_384, 16_385, 40_000, 3, 120_000, 16_300, 50]
    for number in 0..<200 {
      let payload = [UInt8](repeating: UInt8(number % 100), count: sizes[number % sizes.count])
      // Not within #expect, which would look at each byte.
      let isAccepted = client.publish(OutgoingMessage(header: header, payload: payload, due: .now()))
      #expect(isAccepted)
    }
    recorder.run { $0.delivered.count == 200 }
    arrived.run { $0.received.count == 200 }
    #expect(!recorder.timedOut && !arrived.timedOut)
    for (number, message) in arrived.received.enumerated() {
      let isWhole =
        message.payload == [UInt8](repeating: UInt8(number % 100), count: sizes[number % sizes.count])
      #expect(isWhole, "message \(number)")
    }
    client.disconnect()
    reader.disconnect()
  }

  @Test(arguments: [true, false])
  func `a client that signs out is heard: its will isn't published`(gathers: Bool) throws {
    defer { _ = broker.stop() }
    let (reader, arrived) = try connect("reader", gathers: false)
    reader.subscribe(try TopicFilter("truck/#"), qos: .atLeastOnce)
    arrived.run { !$0.subscribed.isEmpty }
    let client = try fixture.client("truckSensor01", port: broker.port, loop: loop) {
      $0.gathersPackets = gathers
      $0.will = try? Will(topic: TopicName("truck/bulk"), payload: [1], qos: .atLeastOnce)
    }
    let recorder = Recorder(loop)
    client.delegate = recorder
    client.connect()
    recorder.run { $0.isConnected }
    let header = try PublishHeader(topic: TopicName("truck/freezer"), qos: .atLeastOnce)
    for number in 0..<50 {
      #expect(client.publish(OutgoingMessage(header: header, payload: [UInt8(number)], due: .now())))
    }
    recorder.run { $0.delivered.count == 50 }
    client.disconnect()
    // The broker publishes a will before it reads what comes later.
    let (next, nextRecorder) = try connect("truckSensor01", gathers: false)
    #expect(next.publish(OutgoingMessage(header: header, payload: [99], due: .now())))
    nextRecorder.run { $0.delivered.count == 1 }
    arrived.run { $0.received.last?.payload == [99] }
    #expect(arrived.received.count == 51 && arrived.received.allSatisfy { $0.topic == "truck/freezer" })
    next.disconnect()
    reader.disconnect()
  }
}
