import Store
import Testing

@testable import TimestreamSQL

/// Statements that want more than there is.
@Suite struct LimitTests {
  private func aggregate(limit: Int, _ make: @escaping () -> any Accumulator) -> QueryPlan.Aggregate {
    QueryPlan.Aggregate(
      name: "a", inputs: [.varchar], result: .varchar, isWindowed: false, order: [],
      memory: MemoryBudget(limit: limit), make)
  }

  @Test
  func
    `the values that a statement's aggregates keep are limited together, and a group that is done gives back its own`()
    throws
  {
    let collect = aggregate(limit: 1 << 20) { Collector { .list($0.map { $0[0] }) } }
    let row = [Datum.text(String(repeating: "x", count: 1000))]
    for _ in 0..<10 {
      let group = collect.group(inWindow: false)
      for _ in 0..<900 { try group.add(row) }
    }
    let one = collect.group(inWindow: false)
    for _ in 0..<600 { try one.add(row) }
    let other = collect.group(inWindow: false)
    let failure = #expect(throws: QueryError.self) { for _ in 0..<600 { try other.add(row) } }
    #expect(failure?.message == "The statement's aggregates keep more than 1 MiB of values")
  }

  @Test func `different values count, equal ones don't`() throws {
    let distinct = aggregate(limit: 1 << 20) { Distinct() }.group(inWindow: false)
    for _ in 0..<100_000 { try distinct.add([.integer(1)]) }
    #expect(throws: QueryError.self) {
      for value in 0..<100_000 { try distinct.add([.integer(Int64(value))]) }
    }
  }

  @Test func `rows that leave a window give back their memory`() throws {
    let window = aggregate(limit: 1 << 20) { First() }.group(inWindow: true)
    for value in 0..<100_000 {
      try window.add([.integer(Int64(value))])
      if value >= 10 { window.removeFirst() }
    }
    #expect(try window.result() == .integer(99_990))
  }

  @Test func `a statement may have 256 KiB and no byte more`() throws {
    let head = "SELECT '"
    let text = String(repeating: "x", count: 262_144 - head.utf8.count - 1)
    #expect(try QueryFixture.shared.query(head + text + "'").rows == [text])
    #expect(QueryFixture.shared.failure(head + text + "x'") == "The statement has more than 262144 bytes")
  }

  @Test(
    "A statement that would write is refused by its first word",
    arguments: [
      "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "UNLOAD", "ATTACH", "PRAGMA", "VACUUM",
      "REPLACE",
    ])
  func writes(word: String) {
    let failure = QueryFixture.shared.failure("\(word) truck01_sensors")
    #expect(failure.hasPrefix("line 1:1: "), "\(failure)")
    #expect(QueryFixture.shared.failure("SELECT 1; \(word) truck01_sensors").hasPrefix("line 1:11: "))
  }

  @Test(
    "A cross join of a table with itself ends by its time or its memory, and the connection works on",
    arguments: [
      "SELECT max(a.measure_value::double * b.measure_value::double + c.measure_value::double) FROM readings a, readings b, readings c",
      "SELECT a.time, b.time, c.time FROM readings a, readings b, readings c ORDER BY a.measure_value::double * b.measure_value::double",
      "SELECT DISTINCT to_nanoseconds(a.time) + to_nanoseconds(b.time) / 7 - to_nanoseconds(c.time) / 5 FROM readings a, readings b, readings c",
      "SELECT approx_percentile(a.measure_value::double * b.measure_value::double, 0.5) FROM readings a, readings b, readings c",
      "SELECT array_agg(a.device) FROM readings a, readings b, readings c",
    ])
  func crossJoin(statement: String) throws {
    let store = try RolledStore(RolledStore.random(5, count: 2000))
    let plan = try store.reader.plan(statement)
    do throws(StoreError) {
      try store.reader.run(plan, timeLimit: 0.5) { _ in true }
      Issue.record("it ended")
    } catch {
      #expect([.interrupted, .statement].contains(error.kind), "\(error)")
    }
    #expect(try store.rows("SELECT count(*) > 0 FROM readings", usesRollups: true).rows == ["true"])
  }
}
