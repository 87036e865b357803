import Foundation
import JSON
import Testing

@testable import Simulator

/// Numbers and files that no truck makes: each is used or refused with a reason, and none stops the program.
@Suite struct ExtremesTests {
  private static let durations = ["1ns", "1", "100000d", "106751d", "9223372036s", "1e-9s"]
  private static let numbers = [
    "1e-300", "5e-324", "1e-9", "0.5", "1", "1e9", "999999999", "1e17", "1e300", "1.7976931348623157e308",
  ]

  private static let modes: [Pacer.Mode] = {
    var modes: [Pacer.Mode] = [.maximum]
    modes += numbers.compactMap { try? .rate(text: $0) }
    modes += numbers.compactMap { try? .speed(text: $0) }
    modes += durations.compactMap { try? .interval(text: $0) }
    for from in ["0"] + numbers {
      for to in numbers {
        modes += durations.compactMap { try? .ramp(text: "\(from)..\(to)/\($0)") }
      }
    }
    return modes
  }()

  @Test func `due times never go back, whatever the pace, the jitter and the number`() {
    #expect(Self.modes.count > 200)
    let times = [0, 1e-300, 1, 1e9, 1e12, 2e12]
    for mode in Self.modes {
      for jitter in [0, 1e-300, 1] {
        var pacer = Pacer(mode, jitter: jitter, seed: 1)
        var latest: Int64 = 0
        for (number, elapsed) in zip([Int.min, 0, 1, 2, 1_000_000, .max], times) {
          guard let due = pacer.due(message: number, elapsed: elapsed) else { continue }
          #expect(due >= latest)
          latest = due
        }
        #expect(pacer.askedRate.map { $0 >= 0 } ?? true)
      }
    }
  }

  @Test func `a histogram takes every value`() {
    var histogram = LatencyHistogram()
    for value: Int64 in [.min, -1, 0, 1, .max / 2, .max - 1, .max] { histogram.record(value) }
    #expect(histogram.max == .max)
    for fraction in [-1, 0, 0.5, 1, 2, .infinity, .nan] { #expect(histogram.quantile(fraction) >= 0) }
  }

  @Test(arguments: [0, -0.0, 1e-300, 1e12, 9e18, 1e300, -1e300, .infinity, -.infinity, .nan])
  func `a summary of any number is a JSON text`(value: Double) {
    var totals = ReplaySummary.Totals()
    (totals.askedRate, totals.reachedRate, totals.duration) = (value, value, value)
    (totals.askedSpeed, totals.reachedSpeed) = (value, value)
    var phases = RatePhases(.ramp(from: 1, to: 2, nanoseconds: 1))
    phases.change(rate: value, at: 2)
    totals.phases = phases.results(until: .max, last: .max, trucks: .max)
    let summary = ReplaySummary(ReplayStatistics(), totals)
    #expect((try? JSONSerialization.jsonObject(with: Data(summary.json))) != nil)
    #expect(!summary.text.isEmpty)
  }

  // MARK: Datasets

  private static let trip = ScenarioTests.bytes(
    .make([.electricalSag], seed: 3, duration: TripFile.storyDuration), rows: 60)

  private static let cells = [
    "1e300", "-1e300", "9e18", "-9223372036854775808", "18446744073709551616", "1e-300", "nan", "NaN", "inf",
    "-inf", "0x1p3", "", " ", "\"", "\"\"\"\"", "\u{0}", "\u{1F69A}", "1,2", "\"1\n2\"",
    String(repeating: "9", count: 10_000),
  ]

  /// What reading may end with; anything but a sentence about the file would have ended the test.
  private func replay(_ bytes: [UInt8], isLenient: Bool, needsTime: Bool) throws {
    let file = TemporaryFile(bytes)
    var options = Dataset.Options()
    options.isLenient = isLenient
    do throws(DatasetError) {
      let dataset = try Dataset(path: file.path, options: options)
      let encoder = PayloadEncoder(names: dataset.names)
      var pacer = Pacer(.speed(1e-300), jitter: 1)
      for pass in 1...2 {
        while let reading = needsTime ? try dataset.nextTimed() : try dataset.next() {
          let elapsed = needsTime ? try dataset.elapsed() : 0
          #expect(elapsed.isFinite && elapsed >= 0)
          _ = pacer.due(message: reading.line, elapsed: elapsed)
          var payload: [UInt8] = []
          encoder.append(reading, pass: pass, number: .max, timestamp: elapsed, to: &payload)
          #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(payload)) }
        }
        try dataset.rewind()
      }
    } catch {
      #expect(error.file == file.path && !error.message.isEmpty)
    }
    do throws(DatasetError) {
      let report = try DatasetCheck.report(path: file.path)
      #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(report.json)) }
      #expect(!report.description.isEmpty)
    } catch {
      #expect(error.file == file.path)
    }
  }

  @Test(arguments: [false, true], [false, true])
  func `a dataset cut off anywhere is replayed or refused`(isLenient: Bool, needsTime: Bool) throws {
    for length in stride(from: 0, through: Self.trip.count, by: 50) {
      try replay(Array(Self.trip[..<length]), isLenient: isLenient, needsTime: needsTime)
    }
  }

  @Test(arguments: cells)
  func `a dataset with anything in place of a number is replayed or refused`(cell: String) throws {
    let lines = String(decoding: Self.trip, as: UTF8.self).split(separator: "\n").prefix(6).map(String.init)
    for row in 0..<lines.count {
      for column in 0..<4 {
        var changed = lines
        var fields = changed[row].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        fields[column] = cell
        changed[row] = fields.joined(separator: ",")
        let bytes = Array((changed.joined(separator: "\n") + "\n").utf8)
        for isLenient in [false, true] {
          try replay(bytes, isLenient: isLenient, needsTime: true)
        }
      }
    }
  }

  @Test(arguments: [
    [UInt8](repeating: 0, count: 5000), [UInt8](repeating: 0x2C, count: 5000),
    [UInt8](repeating: 0x22, count: 5001),
    [UInt8](repeating: 0x0D, count: 5000), [0xFF, 0xFE, 0x61, 0], [0xEF, 0xBB, 0xBF], Array("a\n\u{0}".utf8),
  ])
  func `bytes that aren't a dataset are replayed or refused`(bytes: [UInt8]) throws {
    for isLenient in [false, true] { try replay(bytes, isLenient: isLenient, needsTime: false) }
  }

  @Test(arguments: ["", "\""])
  func `a line of a gigabyte is refused without reading it into memory`(start: String) throws {
    let file = TemporaryFile(Array("uptime,volts\n1,2\n\(start)".utf8))
    try #require(truncate(file.path, 1 << 30) == 0)
    for isLenient in [false, true] {
      var options = Dataset.Options()
      options.isLenient = isLenient
      let dataset = try Dataset(path: file.path, options: options)
      #expect(try dataset.next()?.text(0) == "1")
      let error = #expect(throws: DatasetError.self) { try dataset.next() }
      #expect(error?.message.contains("1048576 bytes") == true)
    }
  }

  @Test(arguments: [(5, 3, 2), (3, 5, 2)])
  func `rows that are short or long are refused, or repaired and counted`(header: Int, row: Int, rows: Int)
    throws
  {
    func line(_ count: Int) -> String { (1...count).map { "c\($0)" }.joined(separator: ",") + "\n" }
    let text = line(header) + line(header) + String(repeating: line(row), count: rows)
    let file = TemporaryFile(Array(text.utf8))
    let strict = try Dataset(path: file.path)
    #expect(try strict.next() != nil)
    let error = #expect(throws: DatasetError.self) { try strict.next() }
    #expect(error?.line == 3)
    var options = Dataset.Options()
    options.isLenient = true
    let lenient = try Dataset(path: file.path, options: options)
    while let reading = try lenient.next() { #expect(reading.count == header) }
    #expect(lenient.repairs.paddedRows + lenient.repairs.cutRows == rows)
  }
}
