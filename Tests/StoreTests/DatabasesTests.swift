import Foundation
import Testing
import TimestreamSQL

@testable import Store

/// Statements over the stores of one folder: each is a database.
@Suite struct DatabasesTests {
  let fixture: StoreFixture
  init() throws {
    fixture = try StoreFixture()
    _ = try LocalStore(path: fixture.path()).write([StoreFixture.request(0, [("temp", .double(-20))])])
    _ = try LocalStore(path: fixture.path("fleetDB.sqlite")).write([
      StoreFixture.request(0, [("temp", .double(-11))]), StoreFixture.request(1, [("temp", .double(-12))]),
    ])
    try Data("no store".utf8).write(to: URL(fileURLWithPath: fixture.path("notes.sqlite")))
  }

  private func rows(_ statement: String) throws -> [String] {
    let reader = try StoreReader(path: fixture.path())
    let plan = try reader.plan(statement)
    var rows: [String] = []
    try reader.run(plan) { values in
      rows.append(zip(values, plan.columns).map { $0.text(as: $1.type) }.joined(separator: "|"))
      return true
    }
    return rows
  }

  @Test(arguments: [
    ("SHOW DATABASES LIKE '%DB'", ["fleetDB", "sensorDB"]),
    ("SHOW TABLES FROM fleetDB", ["truck01_sensors"]),
    ("SELECT count(*) FROM truck01_sensors", ["1"]),
    ("SELECT count(*) FROM fleetDB.truck01_sensors", ["2"]),
    ("SELECT min(temp) FROM \"fleetDB\".\"truck01_sensors_wide\"", ["-12.0"]),
    (
      "SELECT a.temp, b.temp FROM sensorDB.truck01_sensors_wide a JOIN fleetDB.truck01_sensors_wide b USING (time)",
      ["-20.0|-11.0"]
    ),
  ])
  func `a statement reads any database of the folder`(statement: String, expected: [String]) throws {
    #expect(try rows(statement) == expected)
  }

  @Test(arguments: [
    ("SELECT 1 FROM otherDB.truck01_sensors", "Database 'otherDB' does not exist"),
    ("SELECT 1 FROM fleetDB.trucks", "Table 'fleetDB.trucks' does not exist"),
    ("SELECT 1 FROM notes.t", "notes.sqlite"),
  ])
  func `what is missing or no store is named`(statement: String, reason: String) throws {
    let error = try #require(throws: (any Error).self) { try rows(statement) }
    #expect("\(error)".contains(reason), "\(error)")
  }
}
