import Testing
import Time

@testable import RulesEngine

struct ShareTakeoversTests {
  private static let start = MonotonicTime(nanoseconds: 0)
  private static func after(_ seconds: Int64) -> MonotonicTime { start.advanced(by: seconds * 1_000_000_000) }
  private static let delay: Int64 = 2_000_000_000

  @Test func `the session of an engine that has ended is taken over after the delay, once`() {
    var takeovers = ShareTakeovers(own: "a")
    takeovers.heard(.ended("b"), at: Self.start, delay: Self.delay)
    #expect(takeovers.next(at: Self.after(1)) == nil)
    #expect(takeovers.nextDue == Self.after(2))
    #expect(takeovers.next(at: Self.after(2)) == "b")
    #expect(takeovers.current == ["b"])
    takeovers.heard(.ended("b"), at: Self.after(3), delay: Self.delay)
    #expect(takeovers.next(at: Self.after(9)) == nil)
  }

  @Test(arguments: [ShareTakeovers.News.started("b"), .takenOver("b")])
  func `no session is taken over whose engine is back or that a third engine has`(news: ShareTakeovers.News) {
    var takeovers = ShareTakeovers(own: "a")
    takeovers.heard(.ended("b"), at: Self.start, delay: Self.delay)
    takeovers.heard(news, at: Self.after(1), delay: Self.delay)
    #expect(takeovers.nextDue == nil)
    #expect(takeovers.next(at: Self.after(9)) == nil)
  }

  @Test
  func `a session whose connection is lost is taken over again, unless its engine says that it is back`() {
    var takeovers = ShareTakeovers(own: "a")
    takeovers.heard(.ended("b"), at: Self.start, delay: 0)
    #expect(takeovers.next(at: Self.start) == "b")
    takeovers.lost("b", at: Self.after(5), delay: Self.delay)
    #expect(takeovers.current.isEmpty)
    #expect(takeovers.next(at: Self.after(7)) == "b")
    takeovers.lost("b", at: Self.after(8), delay: Self.delay)
    takeovers.heard(.started("b"), at: Self.after(9), delay: Self.delay)
    #expect(takeovers.next(at: Self.after(20)) == nil)
  }

  @Test func `an engine that is back keeps its session, also if it says so before it takes the session`() {
    var takeovers = ShareTakeovers(own: "a")
    takeovers.heard(.ended("b"), at: Self.start, delay: 0)
    #expect(takeovers.next(at: Self.start) == "b")
    takeovers.heard(.takenOver("b"), at: Self.start, delay: 0)
    takeovers.heard(.started("b"), at: Self.after(1), delay: Self.delay)
    takeovers.lost("b", at: Self.after(2), delay: Self.delay)
    #expect(takeovers.next(at: Self.after(20)) == nil)
    // It ends again.
    takeovers.heard(.ended("b"), at: Self.after(21), delay: 0)
    #expect(takeovers.next(at: Self.after(21)) == "b")
    takeovers.heard(.started("b"), at: Self.after(22), delay: Self.delay)
    takeovers.heard(.ended("b"), at: Self.after(23), delay: Self.delay)
    takeovers.lost("b", at: Self.after(24), delay: Self.delay)
    #expect(takeovers.next(at: Self.after(26)) == "b")
  }

  @Test func `an engine's own end, unknown messages and more than 64 sessions are ignored`() {
    var takeovers = ShareTakeovers(own: "a")
    takeovers.heard(.ended("a"), at: Self.start, delay: 0)
    #expect(takeovers.nextDue == nil)
    #expect(ShareTakeovers.News(Array("hello".utf8)) == nil)
    #expect(ShareTakeovers.News([0xFF, 0xFE]) == nil)
    for number in 0..<100 { takeovers.heard(.ended("e\(number)"), at: Self.start, delay: 0) }
    var taken = 0
    while takeovers.next(at: Self.start) != nil { taken += 1 }
    #expect(taken == 64)
  }

  @Test(arguments: [ShareTakeovers.News.started("b c"), .ended("é"), .takenOver("")])
  func `what engines tell each other is read as it was written`(news: ShareTakeovers.News) {
    #expect(ShareTakeovers.News(news.payload) == news)
  }
}
