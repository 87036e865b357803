import Foundation
import Simulator
import Store
import Testing

@testable import trucksensor

/// What `store import` makes of a CSV.
@Suite struct StoreImportTests {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "trucksensor-import-\(UUID().uuidString)")

  private let store: LocalStore

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    store = try LocalStore(path: folder.appendingPathComponent("x.sqlite").path)
  }

  /// The records of a CSV text, of all its rows.
  private func records(_ text: String, start: Int64? = nil) throws -> [Record] {
    let path = folder.appendingPathComponent("x.csv").path
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    var settings = StoreImportFile.Settings()
    settings.start = start
    let file = try StoreImportFile(path, settings)
    var records: [Record] = []
    while true {
      let rows = try file.next(7)
      if rows.isEmpty { return records }
      records += rows.map(\.request.record)
    }
  }

  private func message(_ text: String, start: Int64? = nil) -> String? {
    do {
      _ = try records(text, start: start)
      return nil
    } catch {
      return "\(error)".split(separator: "/").last.map(String.init)
    }
  }

  @Test(arguments: [
    ("", "x.csv: the file is empty"), ("a,b\n1,2\n", "x.csv:1: there is no column 'time'"),
    ("time,a,a\n", "x.csv:1:8: the column 'a' appears twice"), ("time,\n", "x.csv:1:6: an empty name"),
    ("time,measure_value\n", "x.csv:1:6: the name 'measure_value' is reserved"),
    ("time,a,b\n1,2\n", "x.csv:2:3: the row has 2 fields, the header 3"),
    ("time,a\n1,2\n1,2,3\n", "x.csv:3:5: the row has 3 fields, the header 2"),
    ("time,a\n1\n", "x.csv:2:1: the row has 1 field, the header 2"),
    ("time,a\n ,2\n", "x.csv:2:1: the time is missing"), ("time,a\nx,2\n", "x.csv:2:1: 'x' is not a time"),
    ("time,a\n1e300,2\n", "x.csv:2:1: '1e300' is not a time"),
    ("time,a\n92233720368547758070,2\n", "x.csv:2:1: '92233720368547758070' is not a time"),
    ("time,a\n1, nan \n", "x.csv:2:3: 'nan' is not a number to store"),
    ("time,a\n1,1e999\n", "x.csv:2:3: '1e999' is not a number to store"),
    ("time,a\n1,\"\n", "x.csv:2:3"),
  ])
  func `a wrong file is an error with its place`(_ text: String, _ expected: String) {
    #expect(message(text)?.hasPrefix(expected) == true, "\(message(text) ?? "none")")
  }

  @Test func `fields are trimmed, numbers are numbers, and empty ones are left out`() throws {
    let found = try records(" time ,device,a,b,c,d,e\n 1.5 ,x, 12 ,\t-0.50, true,  ,n\u{A0}a\n")
    #expect(found.count == 1)
    #expect(found[0].time == 1_500_000_000 && found[0].dimensions == [Dimension("device", "x")])
    #expect(found[0].measures.map(\.name) == ["a", "b", "c", "e"])
    #expect(
      found[0].measures.map(\.value) == [.bigint(12), .double(-0.5), .boolean(true), .varchar("n\u{A0}a")])
  }

  private static let sample =
    "time,device,temp,volts,door,note\n"
    + (0..<12).map { "2024-10-23T14:00:\(10 + $0)Z,a,-\($0).25,12.\($0),\($0 % 2),\"n, \($0)\"\n" }.joined()
  private static let uptimes = "uptime,temp\n" + (0..<5).map { "\($0).5,-\($0).25\n" }.joined()

  /// Reads a text, and stores what it gives; anything but an error of the file is a fault.
  private func exercise(_ text: String, start: Int64? = nil) throws {
    do {
      let found = try records(text, start: start)
      _ = try store.write(found.map { WriteRequest(table: "truck01_sensors", record: $0) })
    } catch let error as DatasetError {
      #expect(error.description.contains("x.csv"))
    }
  }

  @Test func `a file that ends anywhere is stored as far as it goes, or is an error`() throws {
    for text in [Self.sample, Self.uptimes] {
      for count in stride(from: 0, to: text.count, by: 50) {
        try exercise(String(text.prefix(count)), start: 0)
      }
    }
  }

  @Test(arguments: [
    "1e300", "-1e300", "1e18", "1e999", "nan", "inf", "-9223372036854775808", "9223372036854775807",
    "9223372036854775808", "0",
    "-0.0", "1e-400", "0x10", "", " ", "+5", "٣",
  ])
  func `any number in any place of a file is stored, rejected or an error`(_ extreme: String) throws {
    for (text, starts) in [(Self.sample, [nil, 0]), (Self.uptimes, [0, Int64.max, .min])]
      as [(String, [Int64?])]
    {
      let numbers = text.matches(of: /-?\d+(\.\d+)?/)
      for number in numbers.prefix(14) {
        for start in starts {
          try exercise(text.replacingCharacters(in: number.range, with: extreme), start: start)
        }
      }
    }
  }
}
