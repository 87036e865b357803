import Numbers
import Testing

@testable import Store

@Suite struct ArrivalTests {
  let fixture: StoreFixture
  init() throws { fixture = try StoreFixture() }

  private func charts() throws -> LocalChartSource {
    LocalChartSource(try StoreReader(path: fixture.path()), table: "truck01_sensors")
  }

  private func temp(_ second: Double, _ value: Double, version: Int64 = 1, device: String = "a")
    -> WriteRequest
  {
    StoreFixture.request(second, [("temp", .double(value))], version: version, device: device)
  }

  /// What arrived, as `device second value`, and the cursor behind it.
  private func arrivals(_ charts: LocalChartSource, _ cursor: inout ArrivalCursor, limit: Int = 1000) throws
    -> [String]
  {
    let found = try charts.arrivals(charts.measures(), after: cursor, limit: limit)
    #expect(!found.isTooLate)
    cursor = found.cursor
    return found.groups.flatMap { group in
      group.rows.map {
        "\(group.device) \(($0.time - StoreFixture.start) / 1_000_000_000) \($0.values[0] ?? .nan)"
      }
    }
  }

  @Test func `readings come in the order of arrival, whatever their times are`() throws {
    let store = try LocalStore(path: fixture.path())
    #expect(try store.write([temp(0, -20)]).isEmpty)
    let charts = try charts()
    var cursor = try charts.newestArrival()
    // Ahead of the others, behind them, and of another device in the same transaction.
    let transactions = [
      [temp(900, -1), temp(900, -2, device: "b")], [temp(1, -19)], [temp(2, -18), temp(3, -17)],
      [temp(901, 0)],
    ]
    for transaction in transactions { #expect(try store.write(transaction).isEmpty) }
    let expected = ["a 900 -1.0", "b 900 -2.0", "a 1 -19.0", "a 2 -18.0", "a 3 -17.0", "a 901 0.0"]
    var other = cursor
    #expect(try arrivals(charts, &cursor) == expected)
    #expect(try arrivals(charts, &cursor) == [])
    for limit in 1...3 {
      var place = other
      var all: [String] = []
      while true {
        let some = try arrivals(charts, &place, limit: limit)
        #expect(some.count <= limit)
        if some.isEmpty { break }
        all += some
        // The place survives the process.
        place = try #require(ArrivalCursor(text: place.text))
      }
      #expect(all == expected)
    }
    // Redelivered and refused readings don't arrive; changed ones do.
    #expect(try store.write([temp(1, -19)]).isEmpty)
    #expect(try store.write([temp(1, -9)]).count == 1)
    #expect(try arrivals(charts, &cursor) == [])
    #expect(try LocalStore(path: fixture.path()).write([temp(1, -9, version: 2)]).isEmpty)
    #expect(try arrivals(charts, &cursor) == ["a 1 -9.0"])
    other = cursor
    #expect(try store.write([temp(0.5, -3), temp(1.5, -4)]).isEmpty)
    #expect(try arrivals(charts, &cursor) == ["a 0 -3.0", "a 1 -4.0"])
  }

  @Test func `a reader that keeps up gets each reading once`() throws {
    var random = SplitMix64(seed: 1)
    let stores = try (0..<2).map { _ in try LocalStore(path: fixture.path()) }
    #expect(try stores[0].write([temp(0, 0, device: "0")]).isEmpty)
    let charts = try charts()
    var cursor = try charts.newestArrival()
    var written: Set<String> = ["0 0"]
    for round in 0..<60 {
      var expected: Set<String> = []
      let requests = (0..<Int.random(in: 1...200, using: &random)).map { _ in
        let device = "\(Int.random(in: 0..<3, using: &random))"
        let second = Int.random(in: 0...(round % 2 == 0 ? 3000 : round * 50), using: &random)
        if written.insert("\(device) \(second)").inserted { expected.insert("\(device) \(second) 1.0") }
        return temp(Double(second), device == "0" && second == 0 ? 0 : 1, device: device)
      }
      #expect(try stores[round % 2].write(requests).isEmpty)
      let found = try arrivals(charts, &cursor)
      #expect(found.count == expected.count)
      #expect(Set(found) == expected)
    }
  }

  @Test func `a transaction of many series fills several rows of the journal`() throws {
    let store = try LocalStore(path: fixture.path())
    #expect(try store.write([temp(0, 0)]).isEmpty)
    let charts = try charts()
    var cursor = try charts.newestArrival()
    #expect(try store.write((0..<300).map { temp(1, Double($0), device: "d\($0)") }).isEmpty)
    #expect(try arrivals(charts, &cursor, limit: 1000) == (0..<300).map { "d\($0) 1 \(Double($0))" })
  }

  @Test func `the journal is limited, and who comes too late is told`() throws {
    let store = try LocalStore(path: fixture.path())
    #expect(try store.write([temp(0, 0)]).isEmpty)
    let charts = try charts()
    let start = ArrivalCursor()
    let measures = try charts.measures()
    #expect(try charts.arrivals(measures, after: start, limit: 10).groups.count == 1)
    let next = ArrivalJournal.rowsKept + 1024
    try store.connection.run("INSERT INTO ts_arrivals(sequence, ranges) VALUES (\(next - 1), x'')")
    #expect(try store.write([temp(1, 1)]).isEmpty)
    #expect(try store.connection.integer("SELECT min(sequence) FROM ts_arrivals") == next - 1)
    let late = try charts.arrivals(measures, after: start, limit: 10)
    #expect(late.isTooLate && late.groups.isEmpty)
    #expect(try late.cursor == charts.newestArrival())
    #expect(try store.write([temp(2, 2)]).isEmpty)
    #expect(try charts.arrivals(measures, after: late.cursor, limit: 10).groups[0].rows.count == 1)
    // A cursor of another file, and places that can't be.
    for text in ["1000000:0:0", "\(Int64.max):0:0"] {
      let cursor = try #require(ArrivalCursor(text: text))
      #expect(try charts.arrivals(measures, after: cursor, limit: 10).isTooLate)
    }
    for text in ["", "1:2", "a:b:c", "-1:0:0", "1:-1:0", "9223372036854775808:0:0"] {
      #expect(ArrivalCursor(text: text) == nil)
    }
  }

  @Test func `a file of an earlier version gets its journal when it is opened for writing`() throws {
    let store = try LocalStore(path: fixture.path())
    #expect(try store.write([temp(0, 0)]).isEmpty)
    try store.connection.run("DROP TABLE ts_arrivals")
    let charts = try charts()
    var cursor = try charts.newestArrival()
    #expect(try arrivals(charts, &cursor) == [])
    #expect(try LocalStore(path: fixture.path()).write([temp(-5, 1)]).isEmpty)
    #expect(try arrivals(charts, &cursor) == ["a -5 1.0"])
  }
}
