import Glibc
import Testing

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
    #expect(error.message.contains("was not made for 'broker.example'"))
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

  @Test func `a broker left behind by a killed run is replaced, one in use is not`() throws {
    let first = try fixture.startBroker()
    let second = try fixture.startBroker()
    #expect(second.port != first.port)
    let process = try brokerProcess(first)
    // What a killed run leaves: the process and its pid file, but no lock.
    let copy = fixture.path("broker/\(first.port)")
    #expect(access(copy + "/lock", F_OK) == 0)
    #expect(kill(process, 0) == 0)
  }

  private func brokerProcess(_ broker: EmbeddedBroker) throws -> pid_t {
    let text = try #require(FileSystem.read(fixture.path("broker/\(broker.port)/pid")))
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
