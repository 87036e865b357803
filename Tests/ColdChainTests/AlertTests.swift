import Files
import Foundation
import Testing

@testable import ColdChain

@Suite struct AlertTests {
  private static let warm = AlertRule(
    name: "temperature", title: "warm", measure: "temp", condition: .above, threshold: -15, delay: 120,
    reset: -16,
    resetDelay: 30, latching: true, armedAt: -18)
  private static let low = AlertRule(
    name: "voltage", title: "low", measure: "volts", condition: .below, threshold: 11.95, delay: 60, reset: 12
  )

  private static func second(_ value: Double) -> Int64 { 1_700_000_000_000_000_000 + Int64(value * 1e9) }

  /// The changes of a state fed with (second, value).
  private static func changes(_ rule: AlertRule, _ points: [(Double, Double)]) -> [String] {
    var state = AlertState()
    return points.compactMap { time, value in
      state.add(value, at: second(time), rule).map { "\(Int(time)) \($0.rawValue)" }
    }
  }

  @Test func `devices beyond the limit raise no alerts, and those before them still do`() throws {
    let rule = try #require(AlertRule.defaults.first)
    var monitor = AlertMonitor()
    for number in 0..<AlertMonitor.deviceLimit {
      _ = monitor.add([], device: "d\(number)", at: 1, arrived: 1, [rule])
    }
    #expect(!monitor.isFull)
    #expect(monitor.add([], device: "late", at: 1, arrived: 1, [rule]).isEmpty)
    #expect(monitor.isFull && monitor.seen.count == AlertMonitor.deviceLimit && monitor.seen["late"] == nil)
    _ = monitor.add([], device: "d0", at: 2, arrived: 2, [rule])
    #expect(monitor.seen["d0"] == 2)
  }

  @Test(
    arguments: [
      // Cooling down from warm isn't an excursion.
      (warm, [(0, 20), (600, 10), (1200, -10)], []),
      // At the limit counts; the delay must pass without a break.
      (warm, [(0, -18), (10, -15), (100, -15), (129, -15), (130, -15)], ["130 raised"]),
      (warm, [(0, -18), (10, -14), (100, -15.1), (110, -14), (229, -14), (230, -14)], ["230 raised"]),
      // Between threshold and reset it goes on; below reset for its delay it ends, and waits for a person.
      (
        warm,
        [(0, -18), (10, -14), (130, -14), (140, -15.5), (200, -16), (229, -16), (230, -16), (300, -17)],
        ["130 raised", "230 ended"]
      ),
      (
        warm, [(0, -18), (10, -14), (130, -14), (200, -16), (210, -14), (220, -16), (249, -16), (250, -16)],
        ["130 raised", "250 ended"]
      ),
      // Without latching it is over.
      (
        low, [(0, 12.1), (10, 11.95), (70, 11.9), (80, 11.99), (90, 12), (100, 11.9), (160, 11.9)],
        ["70 raised", "90 cleared", "160 raised"]
      ),
      // Points out of order are ignored.
      (low, [(10, 11.9), (5, 12.5), (70, 11.9), (60, 12.5)], ["70 raised"]),
    ] as [(AlertRule, [(Double, Double)], [String])])
  func `an alert follows its rule`(_ rule: AlertRule, _ points: [(Double, Double)], _ expected: [String]) {
    #expect(Self.changes(rule, points) == expected)
  }

  /// 30 minutes at the limit or above it in all, as loggers count.
  private static let total = AlertRule(
    name: "total", title: "warm in all", measure: "temp", condition: .above, threshold: -15, delay: 1800,
    armedAt: -18, isCumulative: true)

  @Test(
    arguments: [
      // Three spans of 10 minutes; each reading holds until the next.
      (
        [(0, -18), (600, -15), (1200, -18), (1800, -14), (2400, -18), (3000, -15), (3600, -18), (4200, -18)],
        ["3600 raised"]
      ),
      // What isn't armed isn't counted, and 29 minutes are too few.
      ([(0, -14), (3000, -14), (3600, -18), (4200, -15), (5940, -18), (6000, -18)], []),
      // The next trip, after a pause of more than an hour, counts for itself.
      ([(0, -18), (600, -15), (2000, -18), (9000, -18), (9600, -15), (11_000, -18)], []),
      (
        [(0, -18), (600, -15), (2400, -15), (9000, -18), (9600, -15), (11_400, -15)],
        ["2400 raised", "9000 cleared", "11400 raised"]
      ),
    ] as [([(Double, Double)], [String])])
  func `a cumulative alert adds up the times`(_ points: [(Double, Double)], _ expected: [String]) {
    #expect(Self.changes(Self.total, points) == expected)
  }

  @Test func `a cumulative alert counts on after a restart, and from 0 once it is acknowledged`() throws {
    var monitor = AlertMonitor()
    func add(_ times: ClosedRange<Int>, _ value: Double) -> [String] {
      times.filter { $0 % 60 == 0 }.flatMap { second in
        // As if the process ended after each reading.
        monitor = AlertMonitor(text: monitor.text) ?? AlertMonitor()
        let time = Self.second(Double(second))
        return monitor.add(
          [(measure: "temp", value: value)], device: "a", at: time, arrived: time, [Self.total]
        ).map { "\(second) \($0.change.rawValue)" }
      }
    }
    #expect(add(0...60, -18) == [] && add(120...1860, -14) == [])
    #expect(add(1920...2400, -14) == ["1920 raised"])
    #expect(monitor.acknowledge(1, at: Self.second(2450))?.alert.ended == Self.second(2450))
    #expect(monitor.active(of: "a") == 0)
    #expect(add(2460...2460, -18) == [] && add(2520...4380, -14) == ["4320 raised"])
  }

  @Test func `a profile becomes a rule for each of its limits`() throws {
    let rules = try AlertRule.rules(
      in: Array(#"{"alerts": [{"name": "cargo", "profile": "quick-frozen", "latching": true}]}"#.utf8),
      file: "alerts.json")
    #expect(rules.map(\.name) == ["cargo −18", "cargo −15"])
    #expect(rules.map(\.threshold) == [-17.5, -14.5] && rules.map(\.delay) == [1800, 120])
    #expect(rules.allSatisfy { $0.measure == "temp" && $0.latching && $0.armedAt == $0.reset })
    // The ripple of a thermostat at −18 °C isn't an alert.
    let ripple = (0..<400).map { (number: Int) -> (Double, Double) in
      (Double(number) * 30, number / 20 % 2 == 0 ? -18.4 : -17.6)
    }
    #expect(Self.changes(rules[0], ripple) == [])
    #expect(Self.changes(rules[0], ripple + [(12_000, -17), (13_800, -17)]) == ["13800 raised"])
  }

  @Test func `a trip that is stored later has its alerts, once`() {
    let rules = [Self.warm, Self.low]
    typealias Row = (time: Int64, values: [(measure: String, value: Double)])
    func trip(_ start: Double) -> [Row] {
      (0..<60).map { (minute: Int) -> Row in
        let temperature: Double = (20..<40).contains(minute) ? -10 : -18.5
        let voltage: Double = minute < 50 ? 12.1 : 11.9
        let time = Self.second(start + Double(minute) * 60)
        return (time, [(measure: "temp", value: temperature), (measure: "volts", value: voltage)])
      }
    }
    var monitor = AlertMonitor()
    func add(_ start: Double, isHistory: Bool) -> [AlertRecord] {
      var rows = trip(start)[...]
      return monitor.addStored("a", isHistory: isHistory, rules) { rows.popFirst() }
    }
    let first = add(100_000, isHistory: false)
    #expect(first.map(\.rule) == ["temperature", "voltage"])
    #expect(first[0].worst == -10 && first[1].ended == nil && monitor.active(of: "a") == 2)
    // An earlier trip is over with its last reading, and leaves the states alone.
    let second = add(0, isHistory: true)
    #expect(second.map(\.rule) == ["temperature", "voltage"] && second.map(\.id) == [3, 4])
    #expect(second[1].ended == Self.second(59 * 60) && monitor.active(of: "a") == 2)
    #expect(add(0, isHistory: true).isEmpty && add(100_000, isHistory: true).isEmpty)
    #expect(monitor.alerts.count == 4)
  }

  @Test func `an acknowledged latched alert is over when its condition has ended`() {
    var state = AlertState()
    for time in [0.0, 10, 130] { _ = state.add(time == 0 ? -18 : -14, at: Self.second(time), Self.warm) }
    #expect(state.isActive)
    #expect(state.acknowledge() == .acknowledged)
    #expect(state.acknowledge() == nil)
    #expect(state.isActive)
    _ = state.add(-16, at: Self.second(200), Self.warm)
    #expect(state.add(-16, at: Self.second(230), Self.warm) == .cleared)
    #expect(!state.isActive)
  }

  @Test func `a monitor read back neither forgets nor repeats`() throws {
    var monitor = AlertMonitor()
    var events: [AlertEvent] = []
    for index in 0..<200 {
      events += monitor.add(
        [("temp", index == 0 ? -18 : -10)], device: "a", at: Self.second(Double(index)),
        arrived: Self.second(Double(index)),
        [Self.warm])
      // As if the process ended after each reading, and the broker delivered the last one again.
      monitor = try #require(AlertMonitor(text: monitor.text))
      #expect(
        monitor.add(
          [("temp", 99)], device: "a", at: Self.second(Double(index)), arrived: Self.second(Double(index)),
          [Self.warm]
        ).isEmpty)
    }
    #expect(events.map(\.change) == [.raised])
    #expect(monitor.alerts.count == 1 && monitor.alerts[0].worst == -10 && monitor.active(of: "a") == 1)
    #expect(monitor.acknowledge(1, at: Self.second(500))?.change == .acknowledged)
    #expect(monitor.acknowledge(1, at: Self.second(500)) == nil)
    #expect(monitor.acknowledge(7, at: Self.second(500)) == nil)
  }

  @Test func `no data is reported once, and over with the next reading`() {
    let rule = AlertRule(name: "no-data", title: "", measure: "", condition: .noData, threshold: 0, delay: 30)
    var monitor = AlertMonitor()
    // Readings of another year that arrive now are data.
    _ = monitor.add([], device: "a", at: 5, arrived: Self.second(0), [rule])
    #expect(monitor.tick(at: Self.second(29), [rule]).isEmpty)
    #expect(monitor.tick(at: Self.second(30), [rule]).map(\.change) == [.raised])
    #expect(monitor.tick(at: Self.second(60), [rule]).isEmpty)
    #expect(monitor.add([], device: "a", at: 6, arrived: Self.second(61), [rule]).map(\.change) == [.cleared])
  }

  @Test func `a watch that begins again waits for a device's first reading before it misses any`() {
    let rule = AlertRule(name: "no-data", title: "", measure: "", condition: .noData, threshold: 0, delay: 30)
    var monitor = AlertMonitor()
    _ = monitor.add([], device: "a", at: 5, arrived: Self.second(0), [rule])
    monitor.resumeWatch([rule])
    #expect(monitor.tick(at: Self.second(5000), [rule]).isEmpty)
    _ = monitor.add([], device: "a", at: 6, arrived: Self.second(5000), [rule])
    #expect(monitor.tick(at: Self.second(5030), [rule]).map(\.change) == [.raised])
    // What is reported stays so until data comes.
    monitor.resumeWatch([rule])
    #expect(
      monitor.add([], device: "a", at: 7, arrived: Self.second(6000), [rule]).map(\.change) == [.cleared])
  }

  @Test func `a reading from the future counts as measured when it arrives, and the next one is taken`() {
    var monitor = AlertMonitor()
    func add(_ device: String, _ time: Double, _ value: Double, arrived: Double) -> [String] {
      monitor.add(
        [("temp", value)], device: device, at: Self.second(time), arrived: Self.second(arrived), [Self.warm]
      ).map { "\($0.change) \($0.alert.device)" }
    }
    #expect(add("a", 1000, -18, arrived: 1000) == [])
    // Warm, 15 minutes ahead: not for two minutes yet.
    #expect(add("a", 1910, -10, arrived: 1010) == [])
    #expect(add("b", 1012, -18, arrived: 1012) == [])
    // Older than the one ahead, and than its arrival.
    #expect(add("a", 1005, -10, arrived: 1015) == [])
    #expect(add("a", 1005, -10, arrived: 1015) == [])
    #expect(add("a", 1100, -10, arrived: 1100) == [])
    #expect(add("a", 1130, -10, arrived: 1130) == ["raised a"])
    #expect(add("b", 1131, -10, arrived: 1131) == [])
    #expect(add("b", 1260, -10, arrived: 1260) == ["raised b"])
    // A clock that is always ahead: its readings follow each other as they arrive.
    for second in 0..<130 { _ = add("c", 5000 + Double(second), -18, arrived: 2000 + Double(second)) }
    var told: [String] = []
    for second in 0..<130 { told += add("c", 6000 + Double(second), -10, arrived: 3000 + Double(second)) }
    #expect(told == ["raised c"])
  }

  @Test func `a clock that is set back doesn't delay no data`() {
    let rule = AlertRule(name: "no-data", title: "", measure: "", condition: .noData, threshold: 0, delay: 30)
    var monitor = AlertMonitor()
    _ = monitor.add([], device: "a", at: 5, arrived: Self.second(10_000), [rule])
    #expect(monitor.tick(at: Self.second(100), [rule]).isEmpty)
    #expect(monitor.tick(at: Self.second(129), [rule]).isEmpty)
    #expect(monitor.tick(at: Self.second(130), [rule]).map(\.change) == [.raised])
  }

  @Test func `an alert is over when its rule is gone`() throws {
    var monitor = AlertMonitor()
    let rule = AlertRule(name: "r", title: "", measure: "temp", condition: .above, threshold: 0, delay: 0)
    #expect(monitor.add([("temp", 1)], device: "a", at: 1, arrived: 1, [rule]).map(\.change) == [.raised])
    #expect(monitor.keep([rule], at: 2).isEmpty)
    #expect(monitor.keep([], at: 3).map(\.change) == [.cleared])
    #expect(monitor.active(of: "a") == 0 && monitor.alerts[0].ended == 3)
  }

  @Test(arguments: [Int64.min, -1, 0, .max], [-Double.infinity, -1e308, 0, 1e308, .infinity, .nan])
  func `any time and value is taken, and the state is always a text that reads back`(
    _ time: Int64, _ value: Double
  ) throws {
    var monitor = AlertMonitor()
    let rules =
      AlertRule.defaults
      + [AlertRule(name: "r", title: "", measure: "temp", condition: .above, threshold: -1e9, delay: 0)]
    for other in [time, 0, .max, .min, time] {
      for arrived in [other, .max, .min] {
        _ = monitor.add([("temp", value)], device: "a\"\u{1}", at: time, arrived: arrived, rules)
        _ = monitor.tick(at: other, rules)
      }
    }
    let again = try #require(AlertMonitor(text: monitor.text))
    #expect(again.text == monitor.text)
  }

  @Test func `a damaged state is ignored, or works`() throws {
    var monitor = AlertMonitor()
    let rules = AlertRule.defaults
    for index in 0..<200 {
      _ = monitor.add(
        [("temp", index < 5 ? -20 : 0), ("volts", 11)], device: "a", at: Self.second(Double(index * 5)),
        arrived: Self.second(Double(index * 5)), rules)
    }
    for text in Mutations.all(of: Array(monitor.text.utf8), step: 17) {
      guard var read = AlertMonitor(text: String(decoding: text, as: UTF8.self)) else { continue }
      for time in [Int64.min, 0, .max] {
        _ = read.add([("temp", 5)], device: "a", at: time, arrived: time, rules)
        _ = read.tick(at: time, rules)
        _ = read.acknowledge(1, at: time)
      }
    }
  }
}

/// `rules/alerts.json`.
@Suite struct AlertDocumentTests {
  private static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../rules/alerts.json").path

  @Test func `the rules that apply without a file are those of the file`() throws {
    #expect(try AlertRule.rules(at: Self.file) == AlertRule.defaults)
    #expect(try AlertRule.rules(at: "none/alerts.json") == AlertRule.defaults)
    #expect(
      AlertRule.defaults.map(\.name) == ["temperature", "temperature-total", "voltage", "door", "no-data"])
    let limits = TripLimits(AlertRule.defaults)
    #expect(limits.setPoint == -18 && limits.tolerance == -15 && limits.lowVoltage == 11.95)
  }

  @Test(arguments: [
    ("", "1:1: a value is missing"), ("[]", "1:1: the document must be an object"),
    ("{}", "1:1: 'alerts' is missing"),
    (#"{"alerts":5}"#, "1:11: 'alerts' must be an array"),
    (#"{"alerts":[],"more":1}"#, "1:14: the field 'more' is unknown"),
    (#"{"alerts":[],"alerts":[]}"#, "1:14: the field 'alerts' appears twice"),
    (#"{"alerts":[{}]}"#, "1:12: 'name' is missing"),
    (#"{"alerts":[7]}"#, "1:12: an alert must be an object"),
    (#"{"alerts":[{"name":""}]}"#, "1:20: 'name' must have 1 to 200 bytes"),
    (#"{"alerts":[{"name":"a","condition":"over"}]}"#, "1:36: the condition 'over' is unknown"),
    (#"{"alerts":[{"name":"a","condition":"above","threshold":1}]}"#, "1:12: 'measure' is missing"),
    (#"{"alerts":[{"name":"a","condition":"above","measure":"t"}]}"#, "1:12: 'threshold' is missing"),
    (
      #"{"alerts":[{"name":"a","condition":"above","measure":"t","threshold":1,"reset":2}]}"#,
      "1:80: 'reset' is on the wrong side"
    ),
    (#"{"alerts":[{"name":"a","condition":"noData"}]}"#, "1:12: 'delay' is missing"),
    (#"{"alerts":[{"name":"a","condition":"noData","delay":0}]}"#, "1:53: 'delay' must be above 0"),
    (#"{"alerts":[{"name":"a","condition":"noData","delay":1,"reset":1}]}"#, "1:63: 'reset' doesn't apply"),
    (
      #"{"alerts":[{"name":"a","condition":"above","measure":"t","threshold":"x"}]}"#,
      "1:70: 'threshold' must be a number"
    ),
    (
      #"{"alerts":[{"name":"a","condition":"above","measure":"t","threshold":1e999}]}"#,
      "1:70: 'threshold' must be from"
    ),
    (
      #"{"alerts":[{"name":"a","condition":"above","measure":"t","threshold":1,"delay":-1}]}"#,
      "1:80: 'delay' must be from 0.0 to"
    ),
    (
      #"{"alerts":[{"name":"a","condition":"above","measure":"t","threshold":1,"latching":1}]}"#,
      "1:83: 'latching' must be true or false"
    ),
    (
      "{\"alerts\":[\n {\"name\":\"a\",\"condition\":\"noData\",\"delay\":1},\n {\"name\":\"a\",\"condition\":\"noData\",\"delay\":1}]}",
      "3:2: the alert 'a' appears twice"
    ),
    (
      #"{"alerts":[{"name":"a","condition":"above","measure":"t","threshold":1,"type":"sum"}]}"#,
      "1:79: the type 'sum' is unknown"
    ),
    (
      #"{"alerts":[{"name":"a","condition":"above","measure":"t","threshold":1,"type":"cumulative"}]}"#,
      "1:12: 'delay' is missing"
    ),
    (
      #"{"alerts":[{"name":"a","condition":"above","measure":"t","threshold":1,"type":"cumulative","delay":9,"reset":1}]}"#,
      "1:110: 'reset' doesn't apply"
    ),
    (#"{"alerts":[{"name":"a","profile":"fish"}]}"#, "1:34: the profile 'fish' is unknown"),
    (#"{"alerts":[{"name":"a","profile":"frozen","delay":1}]}"#, "1:51: 'delay' can't be combined with"),
    (#"{"alerts":[{"profile":"frozen"}]}"#, "1:12: 'name' is missing"),
    (#"{"alerts":[{"name":"a","nmae":"b"}]}"#, "1:24: the field 'nmae' is unknown"),
  ])
  func `a wrong document is refused with its file, line and column`(_ text: String, _ message: String) {
    #expect {
      _ = try AlertRule.rules(in: Array(text.utf8), file: "rules/alerts.json")
    } throws: { "\($0)".hasPrefix("rules/alerts.json:\(message)") }
  }

  @Test func `a document cut anywhere or with any number replaced is refused, or its rules work`() throws {
    for text in Mutations.all(of: try Files.read(Self.file), step: 1) {
      guard let rules = try? AlertRule.rules(in: text, file: "alerts.json") else { continue }
      var monitor = AlertMonitor()
      for index in 0..<4 {
        let time = Int64(index) * 200_000_000_000
        let values = [("temp", index == 0 ? -20.0 : 0), ("volts", 11), ("door", 1)]
        _ = monitor.add(
          values.map { (measure: $0.0, value: $0.1) }, device: "a", at: time, arrived: time, rules)
      }
      let limits = TripLimits(rules)
      #expect(limits.setPoint.isFinite && limits.tolerance.isFinite && limits.lowVoltage.isFinite)
    }
  }

  @Test func `a file is read again when it changed, and its failure is reported once`() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(
      "alerts-\(UUID().uuidString).json"
    ).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    var file = AlertRuleFile(path, [])
    func told() -> String {
      switch file.read() {
      case .unchanged: "unchanged"
      case .changed: "changed"
      case .failed: "failed"
      }
    }
    // Without a file the defaults apply.
    #expect(told() == "changed" && told() == "unchanged" && file.rules == AlertRule.defaults)
    let whole = try Files.read(Self.file)
    try Files.write(whole, to: path)
    #expect(told() == "unchanged")
    try Files.write(Array(whole.dropLast(30)), to: path)
    #expect(told() == "failed" && told() == "unchanged" && file.rules == AlertRule.defaults)
    try Files.write(Array(#"{"alerts":[]}"#.utf8), to: path)
    #expect(told() == "changed" && told() == "unchanged" && file.rules.isEmpty)
  }
}

/// Texts that are nearly the same.
enum Mutations {
  private static let numbers = [
    "0", "-1", "1e300", "-1e300", "1e-300", "1e999", "9223372036854775807", "-9223372036854775808",
    "9223372036854775808", "99999999999999999999999999", "0.1", "null", "\"x\"", "[]", "{}", "true",
  ]

  /// The text cut at every `step`th byte, and with each number replaced by extremes and other types.
  static func all(of text: [UInt8], step: Int) -> [[UInt8]] {
    var texts = stride(from: 0, to: text.count, by: step).map { Array(text[..<$0]) }
    var place = 0
    while place < text.count {
      guard text[place] == 0x2D || (0x30...0x39).contains(text[place]) else {
        place += 1
        continue
      }
      var end = place + 1
      while end < text.count, (0x30...0x39).contains(text[end]) || text[end] == 0x2E { end += 1 }
      for number in numbers { texts.append(Array(text[..<place]) + Array(number.utf8) + Array(text[end...])) }
      place = end
    }
    return texts
  }
}

@Suite struct TripTests {
  private static func trip(_ rows: [(Double, Double?, Double?, Bool?)]) throws -> Trip {
    try #require(
      Trip(
        rows.map { TripReading(time: Int64($0.0 * 1e9), temperature: $0.1, voltage: $0.2, isDoorOpen: $0.3) })
    )
  }

  @Test(
    arguments: [
      ([-20, -20, -20, -20], -20.0, -20.0), ([-20, -20, -20, -10], -17.5, -15.92),
      ([-25, -18, -12, -5], -15, -11.57),
      ([5, 5, 5, 25], 10, 15.13),
    ] as [([Double], Double, Double)])
  func `mean and mean kinetic temperature are those of the tables`(
    _ values: [Double], _ mean: Double, _ kinetic: Double
  ) throws {
    // The last value holds for a step too, so that all weigh the same.
    let rows = (values + [values[3]]).enumerated().map {
      (Double($0) * 10, Double?.some($1), Double?.none, Bool?.none)
    }
    let trip = try #require(
      Trip(
        rows.map { TripReading(time: Int64($0.0 * 1e9), temperature: $0.1, voltage: nil, isDoorOpen: nil) },
        limits: TripLimits(AlertRule.defaults, setPoint: -100)))
    #expect(abs((trip.temperature?.average ?? 0) - mean) < 0.005)
    #expect(abs((trip.meanKineticTemperature ?? 0) - kinetic) < 0.005)
  }

  @Test func `excursions begin once the load was cold, gaps are not graded, the door is counted`() throws {
    let trip = try Self.trip([
      (0, 20, 12, false), (10, -18, 12, true), (20, -18, 11.9, true), (30, -14, 11.95, false),
      (40, -13, 12, false),
      (50, -16, 12, false), (1000, -11, 12, true), (1010, -17, 12, false),
    ])
    #expect(trip.coldSince == 10_000_000_000)
    #expect(trip.gaps.map(\.seconds) == [950])
    #expect(abs(trip.coverage - 60.0 / 1010) < 1e-9)
    let limit = try #require(trip.limits.first { $0.celsius == trip.known.tolerance })
    #expect(limit.events.map(\.seconds) == [20, 10] && limit.events.map(\.worst) == [-13, -11])
    #expect(trip.openings.map(\.episode.seconds) == [20, 10])
    #expect(trip.openings[0].rise == 5)
    #expect(trip.lowVoltage.map(\.seconds) == [20] && trip.lowVoltage[0].worst == 11.9)
  }

  @Test func `nothing measured is nothing, one reading is a trip`() throws {
    #expect(Trip([]) == nil)
    let trip = try Self.trip([(5, nil, nil, nil)])
    #expect(trip.temperature == nil && trip.coverage == 1 && trip.openings.isEmpty)
  }

  @Test(arguments: [
    [Int64.min, .max], [.max, .max], [.min], [0, 0, 0], [.min, -1, 0, 1, .max],
    [.max - 1, .max, .min, .min + 1],
  ])
  func `any times and values make a trip`(_ times: [Int64]) throws {
    for value in [-Double.greatestFiniteMagnitude, -18, 0, 1e30, .greatestFiniteMagnitude, .infinity] {
      let readings = times.enumerated().map { index, time in
        TripReading(
          time: time, temperature: index % 2 == 0 ? value : -value, voltage: value, isDoorOpen: index % 2 == 0
        )
      }
      let trip = try #require(Trip(readings))
      #expect(trip.gaps.allSatisfy { $0.seconds > 0 } && trip.readings.count == times.count)
    }
  }
}
