import Testing

@testable import Simulator

/// Rates that change: by a profile, or while a run goes on.
@Suite struct RateTests {
  private func seconds(_ pacer: inout Pacer, _ numbers: ClosedRange<Int>) -> [Double] {
    numbers.map { Double(pacer.due(message: $0) ?? 0) / 1e9 }
  }

  @Test func `a profile's messages are due by the rate of their time, and after a pause`() throws {
    let profile = try RateProfile([(0, 2), (2_000_000_000, 0), (5_000_000_000, 10), (5_500_000_000, 1)])
    var pacer = Pacer(.profile(profile))
    #expect(
      seconds(&pacer, 1...11) == [0, 0.5, 1, 1.5, 5, 5.1, 5.2, 5.3, 5.4, 5.5, 6.5])
  }

  @Test func `after a profile's last pause nothing is due`() throws {
    var pacer = Pacer(.profile(try RateProfile([(0, 1), (1_000_000_000, 0)])))
    #expect(pacer.due(message: 1) == 0)
    #expect(pacer.due(message: 2) == .max)
  }

  @Test(
    arguments: [
      .rate(10), .interval(nanoseconds: 100_000_000), .ramp(from: 10, to: 10, nanoseconds: 1_000_000_000),
    ] as [Pacer.Mode])
  func `a rate that is set holds from its moment, and what was due before stays`(mode: Pacer.Mode) {
    var pacer = Pacer(mode)
    #expect(seconds(&pacer, 1...3) == [0, 0.1, 0.2])
    // Message 4 is due at 0.3 s, message 5 half an old interval and half a new one after it.
    pacer.change(rate: 5, at: 350_000_000)
    let due = seconds(&pacer, 4...6)
    for (time, expected) in zip(due, [0.3, 0.45, 0.65]) { #expect(abs(time - expected) < 1e-6) }
    pacer.change(rate: 0, at: 700_000_000)
    #expect(pacer.due(message: 7) == .max)
    pacer.change(rate: 100, at: 9_700_000_000)
    #expect(abs(Double(pacer.due(message: 7) ?? 0) / 1e9 - 9.7075) < 1e-6)
    #expect(pacer.askedRate == 100)
  }

  @Test func `a pace that isn't a rate can't be changed`() {
    var fast = Pacer(.maximum)
    fast.change(rate: 5, at: 0)
    #expect(fast.due(message: 9) == nil && !fast.hasRate)
    var replay = Pacer(.speed(2))
    replay.change(rate: 5, at: 0)
    #expect(replay.due(message: 2, elapsed: 4) == 2_000_000_000)
  }

  @Test(
    arguments: [
      .rate(4), .interval(nanoseconds: 250_000_000), .ramp(from: 0, to: 8, nanoseconds: 2_000_000_000),
    ] as [Pacer.Mode])
  func `trucks whose phases are spread publish together at the fleet's rate, after a change too`(
    mode: Pacer.Mode
  ) {
    var all: [Double] = []
    for truck in 0..<10 {
      var pacer = Pacer(mode, phase: Double(truck) / 10)
      all += seconds(&pacer, 1...8)
      pacer.change(rate: 2, at: 3_000_000_000)
      all += seconds(&pacer, 9...30).filter { $0 > 4 }
    }
    all.sort()
    // From 4 s on ten trucks at 2/s make a message each 50 ms.
    let late = all.filter { $0 > 4 && $0 < 6 }
    for (one, next) in zip(late, late.dropFirst()) { #expect(abs(next - one - 0.05) < 1e-6) }
    #expect(late.count >= 39)
  }

  @Test(
    arguments: [
      ("0,2\n30s,10\n2m,0\n", [0, 30, 120], [2, 10, 0]),
      ("time,rate\n0, 120/m\n500ms,1\n", [0, 0.5], [2, 1]),
    ] as [(String, [Double], [Double])])
  func `profiles are read`(text: String, times: [Double], rates: [Double]) throws {
    let file = TemporaryFile(text)
    let profile = try RateProfile(file: file.path)
    #expect(profile.steps.map { Double($0.start) / 1e9 } == times)
    #expect(profile.steps.map(\.rate) == rates)
  }

  @Test(arguments: [
    ("1s,2\n", "begins at the time 0"), ("0,2\n0,3\n", ":2: the times"),
    ("0,2\n5s,1\n4s,1\n", ":3: the times"),
    ("0,0\n", "above 0"), ("0,fast\n", ":1: the rate"), ("0,-1\n", ":1: the rate"),
    ("soon,1\n", ":1: the time"),
    ("0,1,2\n", "TIME,RATE"), ("", "above 0"),
  ])
  func `a profile that makes no sense is refused with its line`(text: String, reason: String) throws {
    let file = TemporaryFile(text)
    let error = #expect(throws: DatasetError.self) { try RateProfile(file: file.path) }
    #expect(error?.description.contains(reason) == true, "\(error as Any)")
  }

  @Test func `phases count what happened in them, and end with what was set meanwhile`() throws {
    var phases = RatePhases(.profile(try RateProfile([(0, 2), (10_000_000_000, 4), (20_000_000_000, 8)])))
    for second in 0..<12 { phases.acknowledged(at: Int64(second) * 1_000_000_000) }
    phases.change(rate: 1, at: 12_000_000_000)
    for _ in 1...2 { phases.acknowledged(at: 13_000_000_000) }
    let results = phases.results(until: 14_000_000_000, last: 13_000_000_000, trucks: 3)
    #expect(results.map(\.start) == [0, 10, 12])
    #expect(results.map(\.askedRate) == [6, 12, 3])
    #expect(results.map(\.acknowledged) == [10, 2, 2])
    #expect(results.map(\.reachedRate) == [1, 1, 1])
  }

  @Test(
    arguments: [
      ("5", 5), ("120/m", 2), (" 0 ", 0), ("{\"rate\": 5}", 5), ("{\"rate\":\"60/m\",\"x\":[1]}", 1),
      ("", nil),
      ("fast", nil), ("-1", nil), ("{\"rate\":null}", nil), ("{}", nil), ("{", nil), ("1e300", nil),
      ("\u{0}", nil),
    ] as [(String, Double?)])
  func `messages of a control topic are rates or are refused`(text: String, expected: Double?) {
    #expect((try? ControlMessage.rate(Array(text.utf8))) == expected)
  }

  @Test func `every beginning of a fleet has the scenarios' shares`() throws {
    let shares = try ScenarioShares("healthy:7,electrical-sag:2,hot-day+door-left-open:1")
    let assignment = shares.assignment(trucks: 1000)
    for length in [10, 100, 1000] {
      let counts = (0..<3).map { entry in assignment.prefix(length).count { $0 == entry } }
      #expect(counts == [length * 7 / 10, length * 2 / 10, length / 10])
    }
  }

  @Test(arguments: [
    "", "healthy:", "healthy:0", "healthy:-1", "ill:1", "healthy:1,healthy:2", "healthy:1:2", "healthy,",
  ])
  func `shares that make no sense are refused`(text: String) {
    #expect(throws: ScenarioShares.ParseError.self) { try ScenarioShares(text) }
  }

  @Test func `a simulated trip reads like its file, again and again`() throws {
    let plan = TripPlan.make([.unitOff], seed: 3, duration: 3600, isVaried: true)
    var bytes: [UInt8] = []
    TripFile.generate(plan) { (piece) throws(Never) in bytes += piece }
    let file = TemporaryFile(bytes)
    var options = Dataset.Options()
    options.reader.bufferSize = 64
    let (fromFile, simulated) = (
      try Dataset(path: file.path), try Dataset(trip: plan, name: "trip", options: options)
    )
    for _ in 1...2 {
      while let row = try fromFile.next() {
        let other = try #require(try simulated.next())
        #expect((0..<row.count).map(row.text) == (0..<other.count).map(other.text))
      }
      #expect(try simulated.next() == nil)
      try fromFile.rewind()
      try simulated.rewind()
    }
  }

  @Test(arguments: [1.5, 100, 3456, 1e6])
  func `a search for the limit comes close to it from anywhere, and ends`(limit: Double) {
    for start in [1, 1000, 1e9] {
      var search = LimitSearch(from: start)
      var steps = 0
      while let rate = search.next {
        search.record(holds: rate <= limit)
        steps += 1
      }
      #expect(steps <= 40)
      let (held, failed) = (search.held ?? 0, search.failed ?? .infinity)
      #expect(held <= limit && failed > limit && failed < held * 1.07, "\(held) \(failed) from \(start)")
    }
  }

  @Test func `a search where nothing or everything holds ends, too`() {
    for holds in [true, false] {
      var search = LimitSearch(from: 1000)
      var steps = 0
      while search.next != nil {
        search.record(holds: holds)
        steps += 1
      }
      #expect(steps <= 40)
      #expect((search.held == nil) == !holds && (search.failed == nil) == holds)
    }
  }
}
