import Numbers
import Testing
import Time

@testable import RulesEngine

/// Which of the messages that a session got are dealt with.
@Suite struct DeliveryTests {
  private func count(_ publishers: String...) -> DeliveryCount {
    var count = DeliveryCount()
    count.count(Set(publishers))
    return count
  }

  @Test func `what came before the first mark had waited, what comes after it counts`() {
    var count = count("truck")
    count.receive(from: "truck", isKept: true) { 1 }
    count.receive(mark: 1)
    count.receive(from: "truck", isKept: true) { 1 }
    #expect(count.settled == 0 && count.earlier == 0 && count.mark == 0)
    count.release()
    #expect(count.settled == 1 && count.earlier == 1 && count.mark == 1)
  }

  @Test func `what isn't acknowledged doesn't count, and counts once when it comes again`() {
    var count = count("truck")
    count.receive(from: "truck", isKept: true) { 7 }
    count.receive(mark: 1)
    count.receive(from: "truck", isKept: true) { 1 }
    count.loseWindow()
    #expect(count.settled == 0 && count.earlier == 0 && count.mark == 0)
    for _ in 1...3 {
      count.receive(from: "truck", isKept: true) { 7 }
      count.receive(mark: 1)
      for number in 1...5 { count.receive(from: "truck", isKept: true) { number } }
      count.release()
    }
    // A broker that died delivers again what was acknowledged before.
    #expect(count.settled == 6 && count.earlier == 1)
  }

  @Test func `only numbered messages of the publishers count, and those of QoS 0 at once`() {
    var count = count("a", "b")
    count.receive(mark: 1)
    count.receive(from: "a", isKept: false) { 1 }
    count.receive(from: "b", isKept: false) { 1 }
    count.receive(from: "b", isKept: false) { nil }
    count.receive(from: "c", isKept: false) { 1 }
    count.receive(from: nil, isKept: true) { 1 }
    #expect(count.settled == 2 && count.received == 5)
  }

  @Test func `a set of numbers equals a plain set, whatever their order`() {
    var generator = SplitMix64(seed: 7)
    for _ in 0..<200 {
      var numbers = NumberSet()
      var plain: Set<Int> = []
      for _ in 0..<200 {
        let number = Int(truncatingIfNeeded: generator.next() % 150)
        numbers.insert(number)
        plain.insert(number)
        #expect(numbers.count == plain.count)
      }
      #expect(numbers.ranges.flatMap { Array($0) } == plain.sorted())
    }
    var extremes = NumberSet()
    for number in [Int.max, .min, .max, .min, .max - 1, 0] { extremes.insert(number) }
    #expect(extremes.count == 4)
  }

  @Test func `numbers with too many gaps count and take no more memory`() {
    var numbers = NumberSet()
    for number in 0..<30_000 { numbers.insert(number * 2) }
    #expect(numbers.count == 30_000)
    #expect(numbers.ranges.count == NumberSet.rangeLimit)
  }

  @Test func `a trouble that comes and goes is reported once in ten seconds`() {
    var news = TroubleNews()
    func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }
    let told = [
      news.came("full", at: at(0)), news.came("full", at: at(1)), news.passed(at: at(2)),
      news.came("full", at: at(3)), news.came("locked", at: at(4)), news.passed(at: at(20)),
      news.passed(at: at(21)), news.came("locked", at: at(22)),
    ]
    #expect(told == [true, false, false, false, true, true, false, true])
  }
}
