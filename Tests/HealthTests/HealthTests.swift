import JSON
import Testing

@testable import Health

@Suite struct HealthTests {
  @Test func `a health without problems is good and says nothing`() {
    let health = Health()
    #expect(health.isGood)
    #expect(health.text.isEmpty)
    var json = JSONWriter()
    health.write(to: &json)
    #expect(json.text == #"{"good":true,"problems":[]}"#)
  }

  @Test func `cases of one problem are counted, with the first reason, and only the first is new`() {
    var health = Health()
    let changed1 = health.add(.notStored, "sensorDB.t", reason: "the first")
    #expect(changed1)
    let changed2 = health.add(.notStored, "sensorDB.t", reason: "the second", count: 4)
    #expect(!changed2)
    #expect(health.problems.map(\.count) == [5])
    #expect(health.problems.map(\.reason) == ["the first"])
    #expect(!health.isGood)
  }

  @Test func `a count at its limit stays there`() {
    var health = Health()
    health.add(.lost, count: .max)
    health.add(.lost, count: 5)
    health.add(.lost, count: -3)
    #expect(health.problems.map(\.count) == [.max])
  }

  @Test func `subjects of one kind beyond ten count as one`() {
    var health = Health()
    for number in 1...1000 { health.add(.unreadable, "topic/\(number)") }
    #expect(health.problems.count == 11)
    #expect(health.problems.last?.subject == "others")
    #expect(health.problems.reduce(0) { $0 + $1.count } == 1000)
  }

  @Test func `long texts from outside are cut`() {
    var health = Health()
    let long = String(repeating: "é", count: 60_000)
    health.add(.unreadable, long, reason: long)
    health.add(.unreadable, long)
    #expect(health.problems.count == 1)
    #expect(health.text.utf8.count < 4000)
  }

  @Test func `what passes is forgotten, and what is told again replaces the old state`() {
    var health = Health()
    let changed3 = health.set(.storeFails, reason: "locked", count: 3)
    #expect(changed3)
    let changed4 = health.set(.storeFails, reason: "locked", count: 7)
    #expect(!changed4)
    #expect(health.problems.map(\.count) == [7])
    let changed5 = health.clear(.storeFails)
    #expect(changed5)
    let changed6 = health.clear(.storeFails)
    #expect(!changed6)
    #expect(health.isGood)
  }

  @Test func `two parts are merged by kind, in the order of the kinds`() {
    var one = Health()
    one.add(.waiting, count: 2)
    one.add(.notStored, "a", count: 1)
    var other = Health()
    other.add(.engineLost, reason: "taken over")
    other.add(.notStored, "a", count: 2)
    one.merge(other)
    #expect(one.problems.map(\.kind) == [.engineLost, .notStored, .waiting])
    #expect(one.problems.map(\.count) == [1, 3, 2])
  }

  @Test(arguments: Health.Kind.allCases)
  func `each kind has a sentence with its count and its subject, for one and for many`(kind: Health.Kind)
    throws
  {
    for count in [1, 618] {
      var health = Health()
      health.add(kind, "the/subject", reason: "the reason", count: count)
      let problem = try #require(health.problems.first)
      #expect(problem.sentence.hasSuffix("."))
      #expect(problem.sentence.contains("the reason") || kind == .sessionForgotten)
      let counts: [Health.Kind] = [.engineLost, .sessionForgotten, .queueNotSaved]
      #expect(problem.sentence.contains("\(count) ") || counts.contains(kind))
      var json = JSONWriter()
      health.write(to: &json)
      // Whatever the sentence quotes, the text is JSON.
      _ = try JSONElement(Array(json.text.utf8))
      #expect(json.text.contains("\"kind\":\"\(kind.rawValue)\""))
    }
  }
}
