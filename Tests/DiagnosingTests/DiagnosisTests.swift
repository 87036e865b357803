import ColdChain
import Foundation
import Simulator
import Testing

@testable import Diagnosing

/// A CSV file that is there while a test needs it.
private final class Record {
  let path: String

  init(_ text: String) throws {
    path =
      FileManager.default.temporaryDirectory.appendingPathComponent("record-\(UUID().uuidString).csv").path
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func diagnose(_ change: (inout RecordReader.Options) -> Void = { _ in }) throws -> RecordReader.Result {
    var options = RecordReader.Options()
    change(&options)
    return try RecordReader(options).diagnose(csv: path)
  }
}

private func text(_ header: String, _ rows: Int, _ row: (Int) -> String) -> String {
  header + "\n" + (0..<rows).map { row($0) + "\n" }.joined()
}

/// A held box with a ripple, as a temperature of the row.
private func held(_ row: Int, at level: Double = -18) -> Double {
  ((level + 0.5 * sin(Double(row) / 3)) * 100).rounded() / 100
}

@Suite struct StoryDiagnosisTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  private static let result = Result {
    try RecordReader(RecordReader.Options()).diagnose(
      csv: root.appendingPathComponent("TruckSensorFiles/trucksensordata.csv").path)
  }

  private func figure(_ name: String, of cause: RankedCause) -> Double? {
    cause.evidence.flatMap(\.figures).first { $0.name == name }?.value
  }

  @Test
  func `the original's trip is electrical, with the figures that the generator was given, within a tenth`()
    throws
  {
    let diagnosis = try Self.result.get().diagnosis
    #expect(diagnosis.verdict == .electrical && diagnosis.confidence > 0.9)
    let cause = try #require(diagnosis.causes.first)
    #expect(abs(try #require(figure("fall", of: cause)) - 0.1) < 0.01)
    #expect(abs(try #require(figure("leadSeconds", of: cause)) - 30) < 20)
    #expect(abs(try #require(figure("heldSeconds", of: cause)) - 900) < 90)
    #expect(abs(try #require(figure("tendsTo", of: cause)) - 22) < 2.2)
    #expect(abs(try #require(figure("timeConstantSeconds", of: cause)) - 1800) < 180)
    let sentences = cause.evidence.map(\.text)
    #expect(
      sentences.contains { $0.contains("fell from") && $0.contains("before the temperature began to rise") })
  }

  @Test func `its phases are pull-down, holding and warming`() throws {
    let kinds = try Self.result.get().diagnosis.phases.map(\.kind)
    #expect(kinds == [.pullDown, .holding, .warming])
  }

  @Test func `the JSON has what the design promises`() throws {
    let result = try Self.result.get()
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(DiagnosisJSON.bytes(result))) as? [String: Any])
    for key in ["device", "from", "to", "coverage", "verdict", "causes", "excursions", "statistics"] {
      #expect(object[key] != nil, "\(key)")
    }
    let causes = try #require(object["causes"] as? [[String: Any]])
    #expect(causes.first?["cause"] as? String == "electrical")
    for cause in causes {
      #expect(cause["confidence"] is Double && cause["evidence"] is [Any] && cause["against"] is [Any])
      #expect(Cause(rawValue: cause["cause"] as? String ?? "") != nil)
    }
  }

  /// What the live page sees of the story on its way: the rows so far, and the verdict.
  @Test(arguments: [
    (400, Cause.notMeasured, "still cooling down"), (980, .none, "held −18.0 °C"),
    (1174, .electrical, "the supply voltage fell"),
  ])
  func `before its end the trip is what is known by then`(rows: Int, verdict: Cause, headline: String) throws
  {
    let path = Self.root.appendingPathComponent("TruckSensorFiles/trucksensordata.csv")
    let lines = try String(contentsOf: path, encoding: .utf8).split(separator: "\n").prefix(rows + 1)
    let result = try Record(lines.joined(separator: "\n") + "\n").diagnose()
    #expect(result.diagnosis.verdict == verdict)
    #expect(result.diagnosis.headline.contains(headline), "\(result.diagnosis.headline)")
  }

  @Test func `the text names the cause first`() throws {
    let lines = DiagnosisText.lines(try Self.result.get())
    #expect(lines[0].hasPrefix("trucksensordata: electrical ("))
    #expect(lines.allSatisfy { !$0.contains("nan") && !$0.contains("Optional") })
  }
}

@Suite struct ScenarioDiagnosisTests {
  @Test(arguments: Scenario.allCases)
  func `a scenario's cause is found on varied trips`(_ scenario: Scenario) {
    // Seeds that the ranking was not built with.
    let verdicts = (7_000_000..<7_000_006 as Range<UInt64>).map { seed in
      Evaluation.diagnose(.make([scenario], seed: seed, duration: 14_400, isVaried: true)).verdict
    }
    #expect(verdicts.count { $0.rawValue == scenario.cause } >= 5, "\(verdicts)")
    if scenario == .healthy { #expect(verdicts.allSatisfy { !$0.isFault }) }
  }

  @Test func `without voltage and door a stopped unit isn't told from a failing supply`() throws {
    var analyzer = TripAnalyzer()
    var simulation = TripSimulation(.make([.unitOff], seed: 5, duration: 14_400))
    var row = 0
    while let reading = simulation.next() {
      row += 1
      analyzer.add(
        Observation(time: Int64(reading.uptime * 1e9), row: row, temperature: reading.temperature))
    }
    let diagnosis = analyzer.finish()
    #expect(diagnosis.verdict == .unexplained)
    let ranked = diagnosis.causes.map(\.cause)
    #expect(ranked.contains(.unitOff) && ranked.contains(.electrical))
    #expect(
      diagnosis.causes.first { $0.cause == .electrical }?.against.contains {
        $0.text.contains("wasn't measured")
      } == true)
  }

  @Test func `sentences have dates if the record has several days`() {
    let noon: Int64 = 1_729_684_800_000_000_000  // 2024-10-23T12:00:00Z
    let hour: Int64 = 3_600_000_000_000
    let clock = ClockStyle.zone(offset: 7200)
    #expect(clock.dated(over: TimeSpan(noon, noon + 9 * hour)).text(noon) == "14:00:00")
    // Midnight in the zone.
    #expect(clock.dated(over: TimeSpan(noon, noon + 10 * hour)).text(noon) == "2024-10-23 14:00:00")
    let elapsed = ClockStyle.elapsed(since: noon)
    #expect(
      elapsed.dated(over: TimeSpan(noon, noon + 48 * hour)).text(noon + hour) == "1:00:00 after the start")
  }

  @Test func `what wasn't measured is said once`() throws {
    let rows = (0..<1200).map { "\($0 * 30),\($0 % 2 == 0 ? "-18.00" : "-18.10")" }
    let result = try Record("uptime,temp\n" + rows.joined(separator: "\n") + "\n").diagnose()
    let text = DiagnosisText.lines(result).joined(separator: "\n")
    #expect(text.components(separatedBy: "The door wasn't measured.").count == 2, "\(text)")
  }

  @Test func `a longer record finds the trip that went wrong`() {
    var analyzer = TripAnalyzer()
    var row = 0
    // Six days of sound trips, one in which the unit stops, three more.
    for day in 0..<10 {
      var simulation = TripSimulation(
        .make([day == 6 ? .unitOff : .healthy], seed: UInt64(day), duration: 86_400))
      while let reading = simulation.next() {
        row += 1
        if row % 10 != 0 { continue }
        var moved = reading
        moved.uptime += Double(day) * 86_400
        analyzer.add(Evaluation.observation(moved, row, extras: []))
      }
    }
    let diagnosis = analyzer.finish()
    #expect(diagnosis.verdict == .unitOff, "\(diagnosis.causes.map { ($0.cause, $0.confidence) })")
    #expect(diagnosis.departures.first.map { $0.span.start / 86_400_000_000_000 } == 6)
  }
}

@Suite struct BadRecordTests {
  @Test func `what is missing for a diagnosis is named`() throws {
    let short = text("time,temp", 2) { "2024-10-23 14:00:0\($0 * 4),-18.2" }
    #expect(
      try Record(short).diagnose().diagnosis.headline
        == "The record is too short to say anything about the load: 2 temperatures over 4 s.")
    let brief = try Record(text("time,temp", 4) { "2024-10-23 14:00:0\($0 * 2),-18.2" }).diagnose().diagnosis
    #expect(!brief.grades.isEmpty && brief.grades.allSatisfy { $0.result == .notMeasured }, "\(brief.grades)")
    let unnamed = try Record(text("time,Probe 1", 2) { "2024-10-23 14:00:0\($0 * 4),-18.2" }).diagnose()
    #expect(unnamed.diagnosis.headline.hasPrefix("The temperature wasn't measured"))
    #expect(
      unnamed.notes == [
        "No column is recognized as the temperature. Name it with --map temp=COLUMN; the columns are time, Probe 1."
      ])
    // As fast as no box is: five minutes to cool down, three of cold, and half an hour of warmth.
    let fast = text("uptime,temp", 3600) { row in
      let minutes = Double(row) / 120
      let celsius = minutes < 5 ? 22 - 8 * minutes : minutes < 8 ? -18 : 22 - 40 * exp(-(minutes - 8) / 4)
      return "\(Double(row) / 2),\(celsius)"
    }
    let warm = try Record(fast).diagnose().diagnosis
    #expect(warm.verdict != .none, "\(warm.headline)")
    #expect(warm.headline.hasPrefix("The box was above −"), "\(warm.headline)")
    let trips = text("time,temp", 200) {
      "\(1_700_000_000 + $0 * 60 + ($0 < 100 ? 0 : 700 * 86_400)),\(held($0))"
    }
    let result = try Record(trips).diagnose()
    #expect(result.notes.first?.hasPrefix("Nothing was measured for 700 days, from 2023-11-14 ") == true)
    #expect(result.notes.first?.hasSuffix("Choose one with --from and --to.") == true)
    #expect(result.diagnosis.headline.contains("0.02 % of the record"), "\(result.diagnosis.headline)")
  }

  @Test(
    arguments: [
      ("one point", text("uptime,temp", 1) { "\($0),-18" }, Cause.notMeasured),
      ("all missing", text("uptime,volts,temp,door", 600) { "\($0 * 10),12.5,,0" }, .notMeasured),
      ("no temperature column", text("uptime,volts,door", 600) { "\($0 * 10),12.5,0" }, .notMeasured),
      ("all equal", text("uptime,temp", 600) { "\($0 * 10),-18.00" }, .sensor),
      ("the probe isn't connected", text("uptime,temp", 600) { "\($0 * 10),0.00" }, .sensor),
      ("a text in every value", text("uptime,temp", 600) { "\($0 * 10),cold" }, .notMeasured),
      ("nan in every value", text("uptime,temp", 600) { "\($0 * 10),nan" }, .notMeasured),
      ("impossible values", text("uptime,temp", 600) { "\($0 * 10),\($0 % 2 == 0 ? 999 : -127)" }, .sensor),
      (
        "a few minutes at either end of a day",
        text("uptime,temp", 40) { "\($0 < 20 ? $0 * 30 : 80_000 + $0 * 30),\(held($0))" }, .notMeasured
      ),
      ("a sound box", text("uptime,temp", 600) { "\($0 * 30),\(held($0))" }, .none),
      (
        "a sound box by a logger of 10 minutes",
        text("time,temp", 144) {
          "\(1_700_000_000 + $0 * 600),\(held($0))"
        }, .none
      ),
    ] as [(String, String, Cause)])
  func `a record gets the verdict that it deserves`(_ name: String, _ text: String, _ verdict: Cause) throws {
    let result = try Record(text).diagnose()
    #expect(
      result.diagnosis.verdict == verdict, "\(result.diagnosis.causes.map { ($0.cause, $0.confidence) })")
    if verdict == .notMeasured || verdict == .sensor {
      #expect(result.diagnosis.grades.allSatisfy { $0.result != .ok })
    }
    _ = DiagnosisText.lines(result)
    _ = DiagnosisJSON.bytes(result)
  }

  @Test(arguments: ["temp", "Temperature (°C)", "Probe 1 Temp"])
  func `the temperature's column is found by its name`(_ name: String) throws {
    let result = try Record(text("time,\(name)", 600) { "\(1_700_000_000 + $0 * 60),\(held($0))" }).diagnose()
    #expect(result.diagnosis.temperature.count == 600)
  }

  @Test func `Fahrenheit is converted, by the header or when told`() throws {
    func fahrenheit(_ header: String) -> String {
      text(header, 600) { "\($0 * 30),\(held($0) * 1.8 + 32)" }
    }
    let named = try Record(fahrenheit("uptime,Temp (°F)")).diagnose()
    let told = try Record(fahrenheit("uptime,temp")).diagnose { $0.isFahrenheit = true }
    for result in [named, told] {
      #expect(abs((result.diagnosis.heldLevel ?? 0) + 18) < 0.3)
      #expect(result.diagnosis.verdict == Cause.none)
    }
  }

  @Test func `a column is named by hand`() throws {
    let record = try Record(text("uptime,a,b", 600) { "\($0 * 30),\(held($0)),12.6" })
    #expect(try record.diagnose().diagnosis.verdict == .notMeasured)
    let mapped = try record.diagnose { $0.map = [("temp", "a"), ("volts", "b")] }
    #expect(mapped.diagnosis.verdict == Cause.none && mapped.diagnosis.voltage.count == 600)
    #expect(throws: DatasetError.self) { try record.diagnose { $0.map = [("temp", "c")] } }
  }

  @Test func `rows in any order are sorted`() throws {
    let result = try Record(text("uptime,temp", 600) { "\((599 - $0) * 30),\(held($0))" }).diagnose()
    #expect(result.diagnosis.verdict == Cause.none && result.diagnosis.stepsBack == 0)
    #expect(result.notes.contains { $0.contains("sorted") })
  }

  @Test func `a second run in the same file goes on after the first`() throws {
    let result = try Record(text("uptime,temp", 1200) { "\($0 % 600 * 30),\(held($0))" }).diagnose()
    #expect(result.diagnosis.restarts == 1 && result.diagnosis.stepsBack == 0)
    #expect(result.diagnosis.remarks.contains { $0.contains("start again") })
    #expect(result.diagnosis.verdict == Cause.none)
  }

  @Test func `a single step back is left out and reported`() throws {
    let result = try Record(
      text("time,temp", 600) { "\(1_700_000_000 + ($0 == 300 ? 100 : $0) * 30),\(held($0))" }
    ).diagnose()
    #expect(result.diagnosis.stepsBack == 1 && result.diagnosis.verdict == Cause.none)
    #expect(result.diagnosis.remarks.contains { $0.contains("go back in time") })
  }

  @Test func `a file without times is refused with what to do`() throws {
    let record = try Record(text("a,temp", 10) { "x\($0),-18" })
    let error = #expect(throws: DatasetError.self) { try record.diagnose() }
    #expect(error?.description.contains("--map time=COLUMN") == true)
  }

  @Test func `a window leaves out what is outside`() throws {
    let record = try Record(
      text("time,temp", 600) { "\(1_700_000_000 + $0 * 60),\($0 < 300 ? held($0) : 10)" })
    let result = try record.diagnose { $0.window = 0..<1_700_010_000_000_000_000 }
    #expect(result.diagnosis.rows == 167 && result.diagnosis.verdict == Cause.none)
  }
}

@Suite struct ScoreTests {
  @Test func `precision and recall equal a hand-worked case`() {
    var score = Score()
    for (label, verdict) in [
      ("door", Cause.door), ("door", .door), ("door", .heat), ("heat", .heat), ("none", .none),
    ] { score.add(expected: [label], verdict: verdict, confidence: 0.9) }
    score.add(expected: ["sensor", "not-measured"], verdict: .notMeasured, confidence: 0.6)
    #expect(score.recall("door").map { abs($0 - 2.0 / 3) < 1e-9 } == true)
    #expect(score.precision("heat") == 0.5 && score.recall("not-measured") == 1)
    #expect(abs(score.macroRecall - (2.0 / 3 + 3) / 4) < 1e-9)
  }

  @Test(
    arguments: [
      (
        #"{"a.csv": "door", "b": ["sensor", "not-measured"]}"#,
        ["a.csv": ["door"], "b": ["sensor", "not-measured"]]
      ),
      ("[1]", nil), (#"{"a": 1}"#, nil), ("", nil),
    ] as [(String, [String: [String]]?)])
  func `labels are read`(_ text: String, _ expected: [String: [String]]?) {
    #expect(Score.labels(in: Array(text.utf8)) == expected)
  }
}

@Suite struct FleetTests {
  @Test(arguments: FleetPlan.allCases)
  func `what a fleet's affected trips have in common is named, and nothing else`(_ plan: FleetPlan) {
    for outcome in Evaluation.fleets([plan], trucks: 40, seeds: 1, seed: 9000) {
      #expect(outcome.isRight, "\(outcome)")
    }
  }

  @Test func `a fleet without positions, outside temperatures or faults can't say`() {
    let trips = (0..<20).map { number in
      TripFacts(
        device: "truck\(number)",
        Evaluation.diagnose(.make([number < 8 ? .unitOff : .healthy], seed: UInt64(number), duration: 9000)),
        clock: nil, tags: number < 8 ? ["dock=3"] : ["dock=1"])
    }
    let fleet = FleetAnalysis(trips)
    #expect(fleet.answers.map(\.value) == [.cantSay, .cantSay])
    #expect(
      fleet.findings.first.map { $0.kind == "tag" && $0.property == "dock=3" && $0.isSignificant } == true)
    #expect(FleetAnalysis([]).answers.map(\.value) == [.cantSay, .cantSay])
  }

  @Test func `a weakening unit is warned of in time, a stable one isn't`() {
    let outcomes = Evaluation.wear(trucks: 1, seed: 400)
    #expect(outcomes[0].inTime == 1 && outcomes[1].warned == 0, "\(outcomes)")
  }
}
