import MQTT
import Store
import Testing
import Time

@testable import Health
@testable import trucksensor

/// The end of a run: when the rules have done all, and what is missing.
@Suite struct DrainTests {
  private func at(_ milliseconds: Int64) -> MonotonicTime {
    MonotonicTime(nanoseconds: milliseconds * 1_000_000)
  }

  private func situation(
    _ doneMark: Int, received: Int = 0, missing: Int = 0, trouble: StoreError.Kind? = nil,
    isLost: Bool = false
  ) -> DrainCourse.Situation {
    DrainCourse.Situation(
      doneMark: doneMark, received: received, missing: missing, storeTrouble: trouble, isLost: isLost)
  }

  private func course(timeout: Int64 = 30_000) -> DrainCourse {
    DrainCourse(at: at(0), timeout: timeout * 1_000_000, after: 1)
  }

  @Test func `a run is drained when a mark came back and nothing else came meanwhile`() {
    var course = course()
    let steps = [
      course.next(situation(1, received: 5), at: at(0)), course.next(situation(1, received: 9), at: at(2)),
      // Rules may have published for other rules.
      course.next(situation(2, received: 9), at: at(4)), course.next(situation(2, received: 9), at: at(6)),
      course.next(situation(3, received: 9), at: at(8)),
    ]
    #expect(steps == [.mark(2), .wait, .mark(3), .wait, .drained])
  }

  @Test func `messages that should have come are waited for, but not forever`() {
    var course = course()
    _ = course.next(situation(1), at: at(0))
    let waiting = [
      course.next(situation(2, missing: 3), at: at(2)), course.next(situation(2, missing: 3), at: at(1900)),
    ]
    #expect(waiting == [.wait, .wait])
    var other = course
    let late = other.next(situation(2, missing: 3), at: at(2100))
    #expect(late == .drained)
    let news = course.next(situation(2, received: 3, missing: 0), at: at(2100))
    #expect(news == .mark(3))
  }

  @Test func `a mark that a dead broker has forgotten is published again`() {
    var course = course()
    let steps = [
      course.next(situation(1), at: at(0)), course.next(situation(1), at: at(999)),
      course.next(situation(1), at: at(1000)), course.next(situation(1), at: at(1001)),
      course.next(situation(1), at: at(2000)),
    ]
    #expect(steps == [.mark(2), .wait, .mark(2), .wait, .mark(2)])
  }

  @Test func `a locked store is waited for until the deadline, another trouble for three seconds`() {
    for (trouble, milliseconds) in [
      (StoreError.Kind.locked, Int64(30_000)), (.full, 3000), (.unreachable, 3000),
    ] {
      var course = course()
      let early = course.next(situation(1, trouble: trouble), at: at(milliseconds - 1))
      let late = course.next(situation(1, trouble: trouble), at: at(milliseconds))
      #expect(early == .mark(2) && late == .givenUp, "\(trouble)")
    }
    var course = course()
    let lost = course.next(situation(1, isLost: true), at: at(0))
    #expect(lost == .givenUp)
  }

  // MARK: What is missing

  private func topics(_ names: String...) throws -> [TopicName] { try names.map { try TopicName($0) } }
  private func filters(_ names: String...) throws -> [TopicFilter] { try names.map { try TopicFilter($0) } }

  private func kinds(_ health: Health) -> [String] {
    health.problems.map { "\($0.kind.rawValue) \($0.count)" }
  }

  @Test func `messages on topics without a rule are unmatched, the others expected by each session`() throws {
    var account = RunAccount(topics: try topics("a/1", "a/2", "b"), isKept: true)
    account.use([try filters("b"), try filters("a/1", "c")], acknowledged: [0, 0, 0])
    #expect(account.unmatchedTopics == ["a/2"])
    #expect(account.unmatched([3, 5, 7]) == 5)
    #expect(account.expected(0, [3, 5, 7]) == 7 && account.expected(1, [3, 5, 7]) == 3)
    #expect(account.missing([3, 5, 7], settled: [7, 1]) == 2)
    var health = Health()
    account.note(unmatched: [3, 5, 7], health: &health)
    #expect(kinds(health) == ["unmatched 5"])
    #expect(health.text.contains("a filter such as 'a/+'"), "\(health.text)")
  }

  @Test func `a rule that changes meanwhile divides the counts`() throws {
    var account = RunAccount(topics: try topics("a"), isKept: true)
    account.use([try filters("x")], acknowledged: [0])
    account.use([try filters("a")], acknowledged: [10])
    account.use([try filters("a")], acknowledged: [15])
    #expect(account.isRough)
    #expect(account.unmatched([25]) == 10 && account.expected(0, [25]) == 15)
    #expect(account.unmatchedTopics.isEmpty)
  }

  @Test func `what is missing at the end waits, or is lost, and each is reported once`() throws {
    var kept = RunAccount(topics: try topics("a"), isKept: true)
    kept.use([try filters("a")], acknowledged: [0])
    var unkept = RunAccount(topics: try topics("a"), isKept: false)
    unkept.use([try filters("a")], acknowledged: [0])
    let cases: [(RunAccount, RunAccount.Ending, settled: Int, [String])] = [
      (kept, .init(isDrained: true), 10, []),
      (kept, .init(isDrained: false), 10, []),
      (kept, .init(isDrained: true), 8, ["lost 2"]),
      (kept, .init(isDrained: false), 8, ["waiting 2"]),
      (kept, .init(isDrained: false, waiting: 5), 8, ["waiting 5"]),
      (kept, .init(isDrained: false, engineIsLost: true), 8, ["lost 2"]),
      (kept, .init(isDrained: false, engineIsLost: true, isJournaled: true), 8, ["waiting 2"]),
      (kept, .init(isDrained: true, isJournaled: true, lostByJournal: 3), 10, ["lost 3"]),
      (unkept, .init(isDrained: false), 8, ["lost 2"]),
      (unkept, .init(isDrained: true), 8, ["lost 2"]),
      // A broker delivers again what it doesn't know to be acknowledged.
      (kept, .init(isDrained: true), 12, []),
    ]
    for (account, ending, settled, expected) in cases {
      var health = Health()
      account.conclude(acknowledged: [10], settled: [settled], ending, health: &health)
      #expect(kinds(health) == expected)
    }
    var health = Health()
    health.set(.storeFails, reason: "full", count: 9)
    kept.conclude(acknowledged: [10], settled: [8], .init(isDrained: false, waiting: 9), health: &health)
    #expect(kinds(health) == ["storeFails 0", "waiting 9"])
  }
}
