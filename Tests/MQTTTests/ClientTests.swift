import Files
import Foundation
import Glibc
import Testing
import Time

@testable import MQTT

/// Each test has a real broker of its own and real certificates.
@Suite(.serialized) struct ClientTests {
  private static let properties: PublishProperties = {
    var properties = PublishProperties(userProperties: [("clientId", "truckSensor01")])
    properties.isText = true
    properties.expirySeconds = 600
    properties.contentType = "text/csv"
    properties.responseTopic = "truck/reply"
    properties.correlationData = [0, 255]
    return properties
  }()

  let fixture: BrokerFixture
  let loop: EventLoop

  init() throws {
    fixture = try BrokerFixture()
    loop = try EventLoop()
  }

  @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce], [ProtocolVersion.version5, .version311])
  func `messages arrive in order, whole, at every QoS and version`(qos: QoS, version: ProtocolVersion) throws
  {
    let broker = try fixture.startBroker()
    let reader = try fixture.client("reader", port: broker.port, loop: loop) { $0.version = version }
    let seen = Recorder(loop)
    reader.delegate = seen
    reader.subscribe(try TopicFilter("truck/#"), qos: qos)
    reader.connect()
    seen.run { !$0.subscribed.isEmpty || $0.failure != nil || $0.timedOut }
    #expect(seen.subscribed == [.success(qos)])

    let truck = try fixture.client("truckSensor01", port: broker.port, loop: loop) { $0.version = version }
    let sent = Recorder(loop)
    truck.delegate = sent
    let header = try PublishHeader(
      topic: TopicName("truck/freezer"), qos: qos, properties: Self.properties)
    let payloads = (1...500).map { "message \($0)" }
    for payload in payloads {
      #expect(truck.publish(OutgoingMessage(header: header, payload: Array(payload.utf8), due: .now())))
    }
    truck.connect()
    func finished(_ one: Recorder) -> Bool {
      seen.received.count == 500 && sent.delivered.count == 500 || one.timedOut || sent.failure != nil
    }
    sent.until = finished
    seen.run(until: finished)
    #expect(seen.received.map { String(decoding: $0.payload, as: UTF8.self) } == payloads)
    #expect(sent.delivered == payloads)
    #expect(truck.undelivered == 0)
    #expect(seen.received.allSatisfy { $0.qos == qos && $0.topic == "truck/freezer" })
    if version == .version5 {
      #expect(seen.received.allSatisfy { $0.properties.userProperties.map(\.value) == ["truckSensor01"] })
      #expect(
        seen.received.allSatisfy { $0.properties.isText == true && $0.properties.contentType == "text/csv" })
      #expect(seen.received.allSatisfy { $0.properties.correlationData == [0, 255] })
      #expect(seen.received.allSatisfy { $0.properties.responseTopic == "truck/reply" })
      #expect(seen.received.allSatisfy { ($0.properties.expirySeconds ?? 0) > 0 })
    }
  }

  @Test func `a client without a certificate is refused`() throws {
    let error = try failure(of: "truckSensor01", withCertificate: false)
    #expect(error.kind == .credentials)
    #expect(error.message.contains("certificate"))
  }

  @Test func `a certificate of another CA is refused`() throws {
    try fixture.makeAuthority("other")
    try fixture.makeCertificate("stranger", authority: "other")
    let error = try failure(of: "truckSensor01", certificate: "stranger")
    #expect(error.kind == .credentials)
    #expect(error.message.contains("refused our certificate"))
  }

  @Test func `a broker that our CA did not sign is not believed`() throws {
    try fixture.makeAuthority("other")
    let error = try failure(of: "truckSensor01", trust: "other")
    #expect(error.kind == .credentials)
    #expect(error.message.contains("was not accepted"))
    #expect(error.message.contains("--ca"))
  }

  @Test func `a broker with another name is not believed`() throws {
    let error = try failure(of: "truckSensor01", serverName: "broker.example")
    #expect(error.kind == .credentials)
    #expect(error.message.contains("was not issued for 'broker.example'"))
  }

  @Test func `a closed port is reported after the time-out`() throws {
    let client = try fixture.client("truckSensor01", port: 1, loop: loop) { $0.connectTimeout = 300_000_000 }
    let seen = Recorder(loop)
    client.delegate = seen
    client.connect()
    seen.run { $0.failure != nil || $0.timedOut }
    #expect(seen.failure?.kind == .unreachable)
    #expect(seen.failure?.message.contains("Connection refused") == true, "\(seen.states)")
    #expect(seen.states.contains { if case .waiting = $0 { true } else { false } })
  }

  @Test func `a host that does not exist is reported at once`() throws {
    let client = try fixture.client("truckSensor01", port: 1, loop: loop, host: "no-such-host.invalid")
    let seen = Recorder(loop)
    client.delegate = seen
    client.connect()
    seen.run { $0.failure != nil || $0.timedOut }
    #expect(seen.failure?.message.contains("'no-such-host.invalid' can't be resolved") == true)
  }

  @Test func `a publish that the policy denies comes back with topic and reason`() throws {
    let broker = try fixture.startBroker()
    let client = try fixture.client("truckSensor01", port: broker.port, loop: loop)
    let seen = Recorder(loop)
    client.delegate = seen
    let header = try PublishHeader(topic: TopicName("truck/other"), qos: .atLeastOnce)
    #expect(client.publish(OutgoingMessage(header: header, payload: [1], due: .now())))
    client.connect()
    seen.run { !$0.refused.isEmpty || !$0.delivered.isEmpty || $0.timedOut }
    #expect(seen.delivered.isEmpty)
    #expect(seen.refused.first?.reasonCode == 0x87)
    #expect(seen.refused.first?.message.contains("'truck/other': not authorized") == true)
  }

  @Test(arguments: [QoS.atMostOnce, .atLeastOnce])
  func `a broker that dies and comes back loses nothing that waits, and keeps the order`(qos: QoS) throws {
    let broker = try fixture.startBroker()
    let truck = try fixture.client("truckSensor01", port: broker.port, loop: loop)
    let sent = Recorder(loop)
    truck.delegate = sent
    truck.connect()
    sent.run { $0.isConnected || $0.timedOut }
    kill(try brokerProcess(broker), SIGKILL)
    sent.run { !$0.isConnected || $0.timedOut }
    let header = try PublishHeader(topic: TopicName("truck/freezer"), qos: qos)
    for number in 1...200 {
      #expect(truck.publish(OutgoingMessage(header: header, payload: Array("\(number)".utf8), due: .now())))
    }
    #expect(sent.delivered.isEmpty)
    try broker.restart()
    // The subscriber is there before the truck is back: its first attempt comes at once, the truck's after a pause.
    let reader = try fixture.client("reader", port: broker.port, loop: loop)
    let seen = Recorder(loop)
    reader.delegate = seen
    reader.subscribe(try TopicFilter("#"), qos: .atLeastOnce)
    reader.connect()
    sent.run { $0.delivered.count == 200 || $0.timedOut }
    #expect(sent.delivered == (1...200).map(String.init))
    #expect(truck.reconnects == 1)
  }

  @Test func `the backlog has a limit, and the oldest can be dropped`() throws {
    let client = try fixture.client("truckSensor01", port: 1, loop: loop) { $0.backlogLimit = 2 }
    let header = try PublishHeader(topic: TopicName("truck/freezer"))
    func message(_ number: UInt8) -> OutgoingMessage {
      OutgoingMessage(header: header, payload: [number], due: .now())
    }
    #expect(client.publish(message(1)))
    #expect(client.publish(message(2)))
    #expect(!client.publish(message(3)))
    #expect(client.dropOldest()?.payload == [1])
    #expect(client.publish(message(3)))
    #expect(client.undelivered == 2)
  }

  @Test func `a second client with the same identifier is found out`() throws {
    let broker = try fixture.startBroker()
    let first = try fixture.client("truckSensor01", port: broker.port, loop: loop)
    let seen = Recorder(loop)
    first.delegate = seen
    first.connect()
    seen.run { $0.isConnected || $0.timedOut }
    let second = try fixture.client("truckSensor01", port: broker.port, loop: loop)
    let other = Recorder(loop)
    second.delegate = other
    second.connect()
    func ended(_ one: Recorder) -> Bool { seen.failure != nil || other.failure != nil || one.timedOut }
    other.until = ended
    seen.run(until: ended)
    let failure = seen.failure ?? other.failure
    #expect(failure?.message.contains("another client signs in with the same client identifier") == true)
  }

  @Test func `a second broker in one folder is refused and leaves the first alone`() throws {
    let first = try fixture.startBroker()
    let process = try brokerProcess(first)
    #expect { try fixture.startBroker() } throws: {
      "\($0)".contains("another run is using the local broker of this folder")
        && "\($0)".contains("on port \(first.port)")
    }
    #expect(kill(process, 0) == 0)
    #expect(EmbeddedBroker.runningPort(in: fixture.path("broker")) == first.port)
    first.stop()
    #expect(kill(process, 0) != 0)
    #expect(EmbeddedBroker.runningPort(in: fixture.path("broker")) == nil)
  }

  @Test func `each client for which the broker discards messages is named once`() throws {
    let path = fixture.path("mosquitto.log")
    var log = BrokerLog(path: path)
    #expect(log.newNotices() == [], "no log yet")
    let line = "2026-11-28T04:00:00: Outgoing messages are being dropped for client slow.\n"
    let other = "2026-11-28T04:00:00: New client connected from 127.0.0.1:1 as slow (p5, c1, k60).\n"
    try Files.write(Array((other + line).utf8), to: path)
    #expect(log.newNotices().count == 1)
    try Files.write(Array((other + line + line + line.replacing("slow", with: "slower")).utf8), to: path)
    let notices = log.newNotices()
    #expect(notices.count == 1)
    #expect(notices.first?.contains("Client slower doesn't keep up: its queue") == true)
  }

  @Test func `the bytes that wait for an absent client are limited, and the client is named`() throws {
    let size = 100_000
    let broker = try fixture.startBroker {
      $0.queueLimits = .init(
        messages: 1000, bytes: 10 * size, messagesUnderWay: 100, bytesUnderWay: 10 * size)
    }
    func connect() throws -> (MQTTClient, Recorder) {
      let reader = try fixture.client("reader", port: broker.port, loop: loop) {
        $0.cleanStart = false
        $0.sessionExpirySeconds = 600
      }
      let seen = Recorder(loop)
      reader.delegate = seen
      reader.subscribe(try TopicFilter("truck/#"), qos: .atLeastOnce)
      reader.connect()
      seen.run { !$0.subscribed.isEmpty || $0.failure != nil || $0.timedOut }
      return (reader, seen)
    }
    do {
      let (reader, seen) = try connect()
      reader.disconnect()
      seen.run { $0.states.last == .disconnected || $0.timedOut }
    }
    let truck = try fixture.client("truckSensor01", port: broker.port, loop: loop)
    let sent = Recorder(loop)
    truck.delegate = sent
    let header = try PublishHeader(
      topic: TopicName("truck/bulk"), qos: .atLeastOnce, properties: PublishProperties())
    for _ in 0..<30 {
      let payload = [UInt8](repeating: 0x61, count: size)
      #expect(truck.publish(OutgoingMessage(header: header, payload: payload, due: .now())))
    }
    truck.connect()
    sent.run { $0.delivered.count + $0.refused.count == 30 || $0.failure != nil || $0.timedOut }
    #expect(sent.delivered.count + sent.refused.count == 30)
    var notices: [String] = []
    broker.onNotice(loop) { [loop] in
      notices.append($0)
      loop.stop()
    }
    let deadline = loop.makeTimer { [loop] in loop.stop() }
    deadline.set(MonotonicTime.now().advanced(by: 10_000_000_000))
    loop.run()
    #expect(notices.count == 1 && notices[0].hasPrefix("Client reader doesn't keep up: "), "\(notices)")
    deadline.cancel()
    // What fits is kept.
    let (_, seen) = try connect()
    seen.run { $0.received.count >= 10 || $0.failure != nil || $0.timedOut }
    #expect(seen.received.count >= 10)
  }

  @Test(arguments: [QoS.atMostOnce, .atLeastOnce])
  func `a subscriber that is connected and stopped takes no more memory than the limits, and is named once`(
    qos: QoS
  ) throws {
    let size = 100_000
    let count = 500
    let broker = try fixture.startBroker {
      $0.queueLimits = .init(
        messages: 50, bytes: 20 * size, messagesUnderWay: 50, bytesUnderWay: 20 * size)
    }
    let memory = try residentKilobytes(broker)
    let reader = Process()
    reader.executableURL = URL(fileURLWithPath: "/usr/bin/stdbuf")
    reader.arguments = [
      "-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", "\(broker.port)", "-V", "5", "-D", "connect",
      "receive-maximum", "65535",
      "-i", "reader", "-q", "\(qos.rawValue)", "-t", "truck/#", "-t", "ready", "-F", "%l",
      "--cafile", fixture.path("ca.crt"), "--cert", fixture.path("reader.crt"), "--key",
      fixture.path("reader.key"),
    ]
    let output = Pipe()
    reader.standardOutput = output
    try reader.run()
    defer {
      kill(reader.processIdentifier, SIGKILL)
      reader.waitUntilExit()
    }
    let truck = try fixture.client("truckSensor01", port: broker.port, loop: loop)
    let sent = Recorder(loop, seconds: 60)
    truck.delegate = sent
    let first = try PublishHeader(topic: TopicName("truck/bulk"), qos: .atLeastOnce, retain: true)
    #expect(truck.publish(OutgoingMessage(header: first, payload: Array("first".utf8), due: .now())))
    truck.connect()
    sent.run { $0.delivered.count == 1 || $0.failure != nil || $0.timedOut }
    // Retained: it arrives whenever the subscription does.
    #expect(output.fileHandleForReading.availableData == Data("5\n".utf8))
    kill(reader.processIdentifier, SIGSTOP)

    let header = try PublishHeader(topic: TopicName("truck/bulk"), qos: qos, properties: PublishProperties())
    for _ in 0..<count {
      let payload = [UInt8](repeating: 0x61, count: size)
      #expect(truck.publish(OutgoingMessage(header: header, payload: payload, due: .now())))
    }
    // A last one that the broker acknowledges: then it has had all others.
    #expect(truck.publish(OutgoingMessage(header: first, payload: [], due: .now())))
    sent.run { $0.delivered.count + $0.refused.count == count + 2 || $0.failure != nil || $0.timedOut }
    #expect(sent.delivered.count + sent.refused.count == count + 2)
    // 50 packets of 100 KB, or 20 twice and 20 once, are 6 MB.
    let growth = try residentKilobytes(broker) - memory
    #expect(growth < 20_000, "\(count * size / 1000) KB were published")
    var notices: [String] = []
    broker.onNotice(loop) { [loop] in
      notices.append($0)
      loop.stop()
    }
    let deadline = loop.makeTimer { [loop] in loop.stop() }
    deadline.set(MonotonicTime.now().advanced(by: 10_000_000_000))
    loop.run()
    deadline.cancel()
    #expect(notices.count == 1 && notices[0].hasPrefix("Client reader doesn't keep up: "), "\(notices)")
  }

  @Test(arguments: [(65_535, true), (65_536, false), (300_000_000, false)])
  func `a will message has at most 65535 bytes`(size: Int, isPossible: Bool) throws {
    var settings = ConnectionSettings(host: "127.0.0.1", port: 1, clientID: "truckSensor01")
    settings.will = Will(
      topic: try TopicName("truck/freezer"), payload: [UInt8](repeating: 0x20, count: size))
    do {
      _ = try MQTTClient(settings: settings, loop: loop)
      #expect(isPossible)
    } catch {
      #expect(!isPossible)
      #expect(error.kind == .invalidSettings && error.message.contains("will message"))
    }
  }

  @Test func `an answer of the name service that comes after the client has given up does nothing`() throws {
    let client = try fixture.client("truckSensor01", port: 1, loop: loop, host: "slow.example") {
      $0.connectTimeout = 1
    }
    var answers: [(Result<[String], NameResolver.Failure>) -> Void] = []
    client.resolve = { _, _, done in answers.append(done) }
    let seen = Recorder(loop)
    client.delegate = seen
    client.connect()
    seen.run { $0.failure != nil || $0.timedOut }
    #expect(seen.failure?.kind == .unreachable)
    #expect(answers.count == 1, "one look-up at a time")
    let states = seen.states
    answers.first?(.success(["127.0.0.1"]))
    #expect(client.socket < 0)
    #expect(seen.states == states)
  }

  @Test func `what the owner subscribes when it hears of the connection is subscribed once`() throws {
    let broker = try fixture.startBroker()
    let reader = try fixture.client("reader", port: broker.port, loop: loop)
    let seen = Recorder(loop)
    reader.delegate = seen
    var subscribes = true
    seen.onEvent = { recorder, client in
      guard subscribes, recorder.isConnected else { return }
      subscribes = false
      for filter in ["a/#", "b/#"] {
        (try? TopicFilter(filter)).map { client.subscribe($0, qos: .atLeastOnce) }
      }
    }
    reader.connect()
    seen.run { $0.subscribed.count == 2 || $0.timedOut }
    reader.redeliver(after: 1, because: MQTTError(.unreachable, "a reason"))
    seen.run { $0.subscribed.count == 4 || $0.timedOut }
    // After this answer no other can be on its way.
    reader.subscribe(try TopicFilter("c/#"), qos: .atMostOnce)
    seen.run { $0.subscribed.last == .success(.atMostOnce) || $0.timedOut }
    #expect(seen.subscribed.count == 5)
    #expect(!seen.timedOut)
  }

  /// Payloads that no sensor sends, by name.
  private static let hostilePayloads: [String: [UInt8]] = {
    var state: UInt64 = 7
    let noise = (0..<1024).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 33)
    }
    return [
      "nothing": [], "NUL": [0], "noise": noise, "broken UTF-8": [0xC3, 0x28, 0xED, 0xA0, 0x80, 0xFF],
      "200 KB": [UInt8](repeating: 0x78, count: 200_000),
      "10000 open brackets": [UInt8](repeating: UInt8(ascii: "["), count: 10_000),
      "a number of 10000 digits": [UInt8](repeating: UInt8(ascii: "9"), count: 10_000),
    ]
  }()

  @Test(arguments: [QoS.atMostOnce, .atLeastOnce])
  func `any payload on any topic arrives as it was sent`(qos: QoS) throws {
    fixture.accessControlList = "user truckSensor01\ntopic write #\n\nuser reader\ntopic read #\n"
    let broker = try fixture.startBroker()
    let reader = try fixture.client("reader", port: broker.port, loop: loop)
    let seen = Recorder(loop)
    reader.delegate = seen
    reader.subscribe(try TopicFilter("#"), qos: qos)
    reader.connect()
    seen.run { !$0.subscribed.isEmpty || $0.timedOut }
    let truck = try fixture.client("truckSensor01", port: broker.port, loop: loop)
    let sent = Recorder(loop)
    truck.delegate = sent
    let topics = [
      "truck/freezer", "/", "//", " ", "truck/\u{1F69A}/\u{E4}", String(repeating: "x", count: 65_535),
      Array(repeating: "a", count: 100).joined(separator: "/"), "{\"a\":1}", "'; DROP TABLE t; --",
    ]
    var expected: [String: [[UInt8]]] = [:]
    for topic in topics {
      let header = try PublishHeader(topic: TopicName(topic), qos: qos)
      for payload in Self.hostilePayloads.values {
        #expect(truck.publish(OutgoingMessage(header: header, payload: payload, due: .now())))
        expected[topic, default: []].append(payload)
      }
    }
    truck.connect()
    let count = topics.count * Self.hostilePayloads.count
    func finished(_ one: Recorder) -> Bool {
      seen.received.count == count && sent.delivered.count == count || one.timedOut || sent.failure != nil
    }
    sent.until = finished
    seen.run(until: finished)
    #expect(sent.reconnectsSeen == 0 && sent.refused.isEmpty)
    let arrived = Dictionary(grouping: seen.received, by: \.topic).mapValues { $0.map(\.payload) }
    #expect(arrived == expected)
  }

  @Test(arguments: [ProtocolVersion.version5, .version311])
  func `a client hears once when the broker has read all it wrote, and not without a connection`(
    version: ProtocolVersion
  ) throws {
    let broker = try fixture.startBroker()
    defer { _ = broker.stop() }
    let truck = try fixture.client("truckSensor01", port: broker.port, loop: loop) { $0.version = version }
    let recorder = Recorder(loop)
    truck.delegate = recorder
    var heard = 0
    #expect(!truck.confirm { heard += 1 })
    truck.connect()
    recorder.run { $0.isConnected || $0.timedOut }
    let header = try PublishHeader(topic: TopicName("truck/freezer"), qos: .atLeastOnce)
    for number in 0..<20 {
      #expect(truck.publish(OutgoingMessage(header: header, payload: [UInt8(number)], due: .now())))
    }
    recorder.run { $0.delivered.count == 20 || $0.timedOut }
    let isAsked = truck.confirm { [loop] in
      heard += 1
      loop.stop()
    }
    #expect(isAsked)
    loop.run()
    #expect(heard == 1 && !recorder.timedOut)
    #expect(truck.confirm { heard += 1 })
    truck.disconnect()
    #expect(heard == 1 && !truck.confirm { heard += 1 })
  }

  @Test func `a client that mixes QoS 0 and 1 towards a slow reader loses nothing and breaks no packet`()
    throws
  {
    let broker = try fixture.startBroker()
    let reader = try fixture.client("reader", port: broker.port, loop: loop)
    let seen = Recorder(loop)
    reader.delegate = seen
    reader.subscribe(try TopicFilter("#"), qos: .atLeastOnce)
    reader.connect()
    seen.run { !$0.subscribed.isEmpty || $0.timedOut }
    let truck = try fixture.client("truckSensor01", port: broker.port, loop: loop)
    let sent = Recorder(loop)
    truck.delegate = sent
    let headers = try [QoS.atMostOnce, .atLeastOnce].map {
      try PublishHeader(topic: TopicName("truck/bulk"), qos: $0)
    }
    let count = 2000
    for number in 0..<count {
      let payload = Array("\(number) ".utf8) + [UInt8](repeating: 0x2E, count: 1 + number * 7919 % 20_000)
      #expect(
        truck.publish(OutgoingMessage(header: headers[number / 3 % 2], payload: payload, due: .now())))
    }
    truck.connect()
    func finished(_ one: Recorder) -> Bool {
      seen.received.count == count && sent.delivered.count == count || one.timedOut || sent.failure != nil
    }
    sent.until = finished
    seen.run(until: finished)
    #expect(seen.received.count == count && sent.delivered.count == count)
    #expect(sent.reconnectsSeen == 0)
    // Each guarantee keeps its own order.
    for qos in [QoS.atMostOnce, .atLeastOnce] {
      let numbers = seen.received.filter { $0.qos == qos }.compactMap {
        Int(String(decoding: $0.payload.prefix { $0 != 0x20 }, as: UTF8.self))
      }
      #expect(numbers == (0..<count).filter { ($0 / 3 % 2 == 0) == (qos == .atMostOnce) })
    }
  }

  private func residentKilobytes(_ broker: EmbeddedBroker) throws -> Int {
    let status = try Files.readText("/proc/\(brokerProcess(broker))/status")
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
    return try #require(Int(line.filter(\.isNumber)))
  }

  private func brokerProcess(_ broker: EmbeddedBroker) throws -> pid_t {
    let text = try Files.readText(fixture.path("broker/pid"))
    return try #require(pid_t(text.filter { $0 != "\n" }))
  }

  private func failure(
    of name: String, trust: String = "ca", certificate: String? = nil, withCertificate: Bool = true,
    serverName: String? = nil
  ) throws -> MQTTError {
    let broker = try fixture.startBroker()
    let client = try fixture.client(
      name, port: broker.port, loop: loop, trust: trust, certificate: certificate,
      withCertificate: withCertificate,
      serverName: serverName)
    let seen = Recorder(loop)
    client.delegate = seen
    client.connect()
    seen.run { $0.failure != nil || $0.isConnected || $0.timedOut }
    return try #require(seen.failure)
  }
}
