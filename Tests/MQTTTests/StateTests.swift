import Testing
import Time

@testable import MQTT

/// The decisions that need no broker and no waiting.
@Suite struct StateTests {
  private func time(_ milliseconds: Int64) -> MonotonicTime {
    MonotonicTime(nanoseconds: milliseconds * 1_000_000)
  }

  @Test func `pauses double up to the longest, and end with the time-out`() {
    var policy = ReconnectPolicy(timeout: 60_000_000_000)
    policy.started(at: time(0))
    let pauses = [100, 200, 400, 800, 1600, 3200, 6400, 8000, 8000]
    for pause in pauses {
      #expect(policy.failed(at: time(1000), random: 0) == .retry(at: time(1000 + Int64(pause))))
    }
    #expect(policy.failed(at: time(59_000), random: 0) == .retry(at: time(60_000)))
    #expect(policy.failed(at: time(60_000), random: 0) == .giveUp)
  }

  @Test func `jitter shortens a pause by at most half`() {
    for random in [0.0, 0.25, 0.5, 0.999] {
      var policy = ReconnectPolicy(timeout: 60_000_000_000)
      guard case .retry(let next) = policy.failed(at: time(0), random: random) else {
        Issue.record("gave up")
        return
      }
      #expect(next.nanoseconds >= 50_000_000 && next.nanoseconds <= 100_000_000)
    }
  }

  @Test func `a connection restarts the count and the clock`() {
    var policy = ReconnectPolicy(timeout: 1_000_000_000)
    _ = policy.failed(at: time(0), random: 0)
    _ = policy.failed(at: time(500), random: 0)
    policy.connected()
    #expect(policy.failed(at: time(5000), random: 0) == .retry(at: time(5100)))
  }

  @Test func `three unanswered connections that published are a denied topic`() throws {
    var diagnosis = LossDiagnosis()
    let settings = ConnectionSettings(host: "h", port: 1, clientID: "c")
    for attempt in 1...3 {
      diagnosis.connected(at: time(0))
      diagnosis.published(to: try TopicName("truck/x"))
      let verdict = diagnosis.lost(at: time(100), settings: settings)
      #expect((verdict != nil) == (attempt == 3))
      if let verdict { #expect(verdict.message.contains("'truck/x'") && verdict.kind == .refused) }
    }
  }

  @Test func `long lives and answers are above suspicion`() throws {
    var diagnosis = LossDiagnosis()
    let settings = ConnectionSettings(host: "h", port: 1, clientID: "c")
    for _ in 1...20 {
      diagnosis.connected(at: time(0))
      diagnosis.published(to: try TopicName("truck/x"))
      #expect(diagnosis.lost(at: time(6000), settings: settings) == nil)
    }
    for attempt in 1...LossDiagnosis.shortLimit {
      diagnosis.connected(at: time(0))
      diagnosis.published(to: try TopicName("truck/x"))
      diagnosis.acknowledged()
      let verdict = diagnosis.lost(at: time(100), settings: settings)
      #expect(
        (verdict?.message.contains("same client identifier") == true) == (attempt == LossDiagnosis.shortLimit)
      )
    }
  }

  @Test func `a broker that went away or said why it ends connections is above suspicion`() throws {
    let settings = ConnectionSettings(host: "h", port: 1, clientID: "c")
    var restarted = LossDiagnosis()
    var refusing = LossDiagnosis()
    for attempt in 1...30 {
      restarted.connected(at: time(0))
      restarted.published(to: try TopicName("truck/x"))
      restarted.acknowledged()
      #expect(restarted.lost(at: time(100), settings: settings) == nil)
      if attempt.isMultiple(of: 5) { restarted.unreachable() }
      refusing.connected(at: time(0))
      refusing.published(to: try TopicName("truck/x"))
      // Its words don't arrive in time each time.
      if attempt.isMultiple(of: 5) || attempt == 1 { refusing.explained() }
      #expect(refusing.lost(at: time(100), settings: settings) == nil)
    }
    refusing.acknowledged()
    for attempt in 1...3 {
      refusing.connected(at: time(0))
      refusing.published(to: try TopicName("truck/x"))
      #expect((refusing.lost(at: time(100), settings: settings) != nil) == (attempt == 3))
    }
  }

  @Test func `the ring buffer is first in, first out, and takes back at the front`() {
    var buffer = RingBuffer<Int>()
    var plain: [Int] = []
    var random = SystemRandomNumberGenerator()
    for step in 0..<20_000 {
      switch UInt8.random(in: 0..<6, using: &random) {
      case 0...2:
        buffer.append(step)
        plain.append(step)
      case 3:
        buffer.prepend(step)
        plain.insert(step, at: 0)
      case 4:
        #expect(buffer.popLast() == plain.popLast())
      default:
        #expect(buffer.first == plain.first)
        #expect(buffer.popFirst() == (plain.isEmpty ? nil : plain.removeFirst()))
      }
      #expect(buffer.count == plain.count)
    }
  }

  @Test(
    arguments: [
      (0, [0]), (127, [0x7F]), (128, [0x80, 0x01]), (16_383, [0xFF, 0x7F]), (16_384, [0x80, 0x80, 0x01]),
      (2_097_151, [0xFF, 0xFF, 0x7F]), (2_097_152, [0x80, 0x80, 0x80, 0x01]),
      (268_435_455, [0xFF, 0xFF, 0xFF, 0x7F]),
    ] as [(Int, [UInt8])])
  func `a remaining length is encoded as section 1.5.5 has it`(value: Int, bytes: [UInt8]) {
    #expect(WireFormat.variableByteInteger(value) == bytes)
  }

  @Test func `a QoS 0 packet has the bytes of section 3.3`() throws {
    let header = try PublishHeader(
      topic: TopicName("a/b"), retain: true, properties: PublishProperties(userProperties: [("k", "v")]))
    var bytes: [UInt8] = []
    header.appendPacket(payload: [1, 2], version5: true, to: &bytes)
    #expect(bytes == [0x31, 15, 0, 3, 0x61, 0x2F, 0x62, 7, 0x26, 0, 1, 0x6B, 0, 1, 0x76, 1, 2])
    bytes = []
    header.appendPacket(payload: [1, 2], version5: false, to: &bytes)
    #expect(bytes == [0x31, 7, 0, 3, 0x61, 0x2F, 0x62, 1, 2])
  }

  @Test(arguments: ["\u{0}", "a\u{0}b", String(repeating: "x", count: 65_536)])
  func `a property that MQTT forbids is refused when its header is made`(text: String) throws {
    var properties: [PublishProperties] = [
      PublishProperties(userProperties: [(text, "v")]), PublishProperties(userProperties: [("k", text)]),
    ]
    for path in [\PublishProperties.contentType, \.responseTopic] {
      var one = PublishProperties()
      one[keyPath: path] = text
      properties.append(one)
    }
    for one in properties {
      let error = #expect(throws: MQTTError.self) {
        try PublishHeader(topic: TopicName("a"), properties: one)
      }
      #expect(error?.kind == .invalidSettings)
    }
  }

  @Test func `timers fire in order of their deadlines, moved and cancelled ones only as last set`() throws {
    let loop = try EventLoop()
    var fired: [Int] = []
    let timers = (0..<4).map { number in loop.makeTimer { fired.append(number) } }
    let now = MonotonicTime.now()
    timers[0].set(now.advanced(by: 3_000_000))
    timers[1].set(now.advanced(by: 1_000_000))
    timers[2].set(now)
    timers[3].set(now)
    timers[2].set(now.advanced(by: 2_000_000))
    timers[3].cancel()
    let end = loop.makeTimer { loop.stop() }
    end.set(now.advanced(by: 4_000_000))
    loop.run()
    #expect(fired == [1, 2, 0])
  }

  @Test(arguments: [
    ("", 8883, "a", 60, "host"), ("h", 8883, "", 60, "client identifier"), ("h", 8883, "a", 4, "keep-alive"),
  ])
  func `settings that can't work are refused`(
    host: String, port: UInt16, clientID: String, keepAlive: UInt16, reason: String
  ) {
    var settings = ConnectionSettings(host: host, port: port, clientID: clientID)
    settings.keepAliveSeconds = keepAlive
    let error = #expect(throws: MQTTError.self) { try settings.validate() }
    #expect(error?.message.contains(reason) == true)
  }
}
