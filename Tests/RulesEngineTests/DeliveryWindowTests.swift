import Numbers
import Health
import Testing

@testable import RulesEngine

/// When the messages of a session are acknowledged, and when they have to come again.
@Suite struct DeliveryWindowTests {
  private enum Event {
    /// A message with so many actions; whether only a store's failure is to have brought it again.
    case message(String, actions: Int, isRetry: Bool = false)
    case end
    case failed
    case answered
    case lost
    case unreadable
  }

  private struct Course: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let events: [(Event, DeliveryWindow.Step)]
  }

  private static let half: Int64 = 500_000_000

  private static var unreadable: Health {
    var health = Health()
    health.add(.unreadable, "t", reason: "no JSON")
    return health
  }

  private static let courses: [Course] = [
    Course(
      testDescription: "what no rule matches is acknowledged at once",
      events: [(.message("a", actions: 0), .acknowledge(losses: Health()))]),
    Course(
      testDescription: "the last action of all messages counts, whatever their order",
      events: [
        (.message("a", actions: 2), .wait), (.message("b", actions: 1), .wait), (.end, .wait),
        (.message("c", actions: 1), .wait), (.end, .wait), (.end, .wait),
        (.end, .acknowledge(losses: Health())),
      ]),
    Course(
      testDescription: "a store's failure keeps all back until the other actions have ended",
      events: [
        (.message("a", actions: 2), .wait), (.message("b", actions: 1), .wait), (.failed, .wait),
        (.end, .wait), (.end, .wait), (.end, .redeliver(after: half, because: "full")),
        (.message("a", actions: 1, isRetry: true), .wait), (.message("b", actions: 1, isRetry: true), .wait),
        (.message("c", actions: 2), .wait), (.end, .wait), (.end, .wait), (.end, .wait),
        (.end, .acknowledge(losses: Health())),
      ]),
    Course(
      testDescription: "the same message at a later time is new",
      events: [
        (.message("a", actions: 1), .wait), (.failed, .wait),
        (.end, .redeliver(after: half, because: "full")),
        (.message("a", actions: 1, isRetry: true), .wait), (.end, .acknowledge(losses: Health())),
        (.message("a", actions: 1), .wait), (.end, .acknowledge(losses: Health())),
      ]),
    Course(
      testDescription: "what comes instead of a message is new, and so is all that follows",
      events: [
        (.message("a", actions: 1), .wait), (.message("b", actions: 1), .wait), (.failed, .wait),
        (.end, .wait),
        (.end, .redeliver(after: half, because: "full")), (.message("x", actions: 1), .wait),
        (.message("b", actions: 1), .wait),
      ]),
    Course(
      testDescription: "an action that ends after its connection acknowledges nothing before the others",
      events: [
        (.message("a", actions: 1), .wait), (.lost, .wait), (.message("a", actions: 1), .wait), (.end, .wait),
        (.end, .acknowledge(losses: Health())),
      ]),
    Course(
      testDescription: "a loss counts with the acknowledgement",
      events: [
        (.message("a", actions: 1), .wait), (.unreadable, .wait), (.end, .acknowledge(losses: unreadable)),
        (.message("b", actions: 0), .acknowledge(losses: Health())),
      ]),
    Course(
      testDescription: "a loss that comes again counts once",
      events: [
        (.message("a", actions: 1), .wait), (.unreadable, .wait), (.failed, .wait),
        (.end, .redeliver(after: half, because: "full")),
        (.message("a", actions: 1, isRetry: true), .wait), (.unreadable, .wait),
        (.lost, .wait), (.end, .acknowledge(losses: Health())),
        (.message("a", actions: 1, isRetry: true), .wait), (.unreadable, .wait),
        (.end, .acknowledge(losses: unreadable)),
      ]),
    Course(
      testDescription: "what a second failure keeps from coming again is still no new message",
      events: [
        (.message("a", actions: 1), .wait), (.message("b", actions: 1), .wait), (.failed, .wait),
        (.end, .wait), (.end, .redeliver(after: half, because: "full")),
        (.message("a", actions: 1, isRetry: true), .wait), (.failed, .wait),
        (.end, .redeliver(after: 2 * half, because: "full")),
        (.message("a", actions: 0, isRetry: true), .acknowledge(losses: Health())),
        (.lost, .acknowledge(losses: Health())),
        (.message("b", actions: 1, isRetry: true), .wait), (.end, .acknowledge(losses: Health())),
        (.message("b", actions: 1), .wait),
      ]),
    Course(
      testDescription: "the pause doubles until a store answers",
      events: [
        (.message("a", actions: 1), .wait), (.failed, .wait),
        (.end, .redeliver(after: half, because: "full")),
        (.message("a", actions: 1, isRetry: true), .wait), (.failed, .wait),
        (.end, .redeliver(after: 2 * half, because: "full")),
        (.message("a", actions: 1, isRetry: true), .wait), (.answered, .wait),
        (.end, .acknowledge(losses: Health())),
        (.message("a", actions: 1), .wait), (.failed, .wait),
        (.end, .redeliver(after: half, because: "full")),
      ]),
  ]

  @Test(arguments: courses) private func `a window does what its events ask for`(_ course: Course) {
    var window = DeliveryWindow()
    for (number, (event, step)) in course.events.enumerated() {
      switch event {
      case .message(let text, let actions, let isRetry):
        #expect(window.receive("t", Array(text.utf8)) == isRetry, "event \(number)")
        window.start(actions)
      case .end: window.end()
      case .failed: window.storeFailed("full")
      case .answered: window.storeAnswered()
      case .lost: window.disconnected()
      case .unreadable: _ = window.lose(.unreadable, "t", reason: "no JSON")
      }
      #expect(window.next() == step, "event \(number): \(event)")
    }
  }

  @Test func `the pause between two tries is never longer than half a minute`() {
    var window = DeliveryWindow()
    var pauses: [Int64] = []
    for _ in 1...10 {
      window.storeFailed("full")
      if case .redeliver(let pause, _) = window.next() { pauses.append(pause / 1_000_000) }
    }
    #expect(pauses == [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000])
  }

  /// A broker's session, whose messages are each republished and stored.
  private struct Session {
    var window = DeliveryWindow()
    /// The first message that isn't acknowledged, and the first that isn't delivered in this connection.
    var acknowledged = 0
    var delivered = 0
    /// How often each was republished, and what is stored.
    var republished: [Int]
    var stored: Set<Int> = []
    var republishing: [Int] = []
    var storing: [Int] = []
    var hasFailed = false
    var losses = 0
    var fault: String?

    init(messages: Int) { republished = Array(repeating: 0, count: messages) }

    var isFinished: Bool { acknowledged == republished.count }

    mutating func deliver(_ count: Int) {
      for _ in 0..<count where delivered < republished.count {
        // Many messages are the same.
        let isRetry = window.receive("t", [UInt8(truncatingIfNeeded: delivered % 3)])
        if !isRetry { republishing.append(delivered) }
        storing.append(delivered)
        window.start(isRetry ? 1 : 2)
        delivered += 1
      }
      proceed()
    }

    mutating func republish(_ index: Int) {
      republished[republishing.remove(at: index)] += 1
      window.end()
      proceed()
    }

    mutating func store(_ count: Int, fails: Bool) {
      let batch = storing.prefix(count)
      storing.removeFirst(batch.count)
      for message in batch {
        if !fails { stored.insert(message) }
        window.end()
      }
      if fails { window.storeFailed("full") } else { window.storeAnswered() }
      hasFailed = hasFailed || fails
      proceed()
    }

    mutating func lose() {
      losses += 1
      window.disconnected()
      delivered = acknowledged
      proceed()
    }

    private mutating func proceed() {
      let isIdle = republishing.isEmpty && storing.isEmpty
      switch window.next() {
      case .wait: if isIdle { fault = "waits for nothing" }
      case .acknowledge:
        if !isIdle { fault = "acknowledges before all is done" }
        if hasFailed { fault = "acknowledges what a store refused" }
        for message in acknowledged..<max(acknowledged, delivered)
        where republished[message] == 0 || !stored.contains(message) {
          fault = "acknowledges message \(message), which isn't done"
        }
        acknowledged = max(acknowledged, delivered)
      case .redeliver:
        if !isIdle { fault = "asks for messages again whose actions aren't done" }
        if !hasFailed { fault = "asks again without a failure" }
        hasFailed = false
        delivered = acknowledged
      }
    }
  }

  @Test(arguments: [false, true])
  func
    `in any order of events, each message is done before it is acknowledged, and republished once unless its connection is lost`(
      losesConnections: Bool
    )
  {
    var generator = SplitMix64(seed: losesConnections ? 11 : 12)
    var redelivered = 0
    for _ in 0..<300 {
      var session = Session(messages: 40)
      var steps = 0
      while !session.isFinished, session.fault == nil, steps < 10_000 {
        steps += 1
        switch Int.random(in: 0..<20, using: &generator) {
        case 0..<6: session.deliver(Int.random(in: 1...8, using: &generator))
        case 6..<13 where !session.republishing.isEmpty:
          session.republish(Int.random(in: 0..<session.republishing.count, using: &generator))
        case 13..<18 where !session.storing.isEmpty:
          session.store(
            Int.random(in: 1...session.storing.count, using: &generator),
            fails: Int.random(in: 0..<5, using: &generator) == 0)
          redelivered += session.hasFailed ? 1 : 0
        case 18 where losesConnections && session.losses < 5: session.lose()
        default: break
        }
      }
      #expect(session.fault == nil)
      #expect(session.isFinished)
      #expect(session.stored.count == 40)
      #expect(session.republished.allSatisfy { (1...1 + session.losses).contains($0) })
    }
    #expect(redelivered > 100, "stores must fail for the test to say something")
  }
}
