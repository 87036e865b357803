/// A statement ready to run: SQL for SQLite, and the functions that it calls.
///
/// Not safe for use by two threads at once: its functions keep buffers.
public final class QueryPlan {
  /// A column of the result.
  public struct Column: Sendable {
    /// Its name; `_col0` and so on for items without one.
    public let name: String
    /// Its type, which follows from the statement alone.
    public let type: SQLType
  }

  /// An expression that SQLite can't evaluate, as a function of values that SQLite has.
  public final class Program {
    /// The function's name in the SQL.
    public let name: String
    /// The types of its arguments.
    public let inputs: [SQLType]
    /// The type of its result.
    public let result: SQLType
    /// Whether equal arguments give equal results.
    public let isDeterministic: Bool
    private let frame: Frame
    private let body: Evaluation

    init(
      name: String, inputs: [SQLType], result: SQLType, isDeterministic: Bool, now: Int64,
      _ body: @escaping Evaluation
    ) {
      self.name = name
      self.inputs = inputs
      self.result = result
      self.isDeterministic = isDeterministic
      frame = Frame(now: now)
      self.body = body
    }

    /// The value for `inputs`.
    public func callAsFunction(_ inputs: [Datum]) throws(QueryError) -> Datum {
      frame.inputs = inputs
      return try body(frame)
    }
  }

  /// An aggregate that SQLite doesn't have.
  public final class Aggregate {
    /// The function's name in the SQL.
    public let name: String
    /// The types of its arguments; those to sort by come last.
    public let inputs: [SQLType]
    /// The type of its result.
    public let result: SQLType
    /// Whether it is called with OVER, so that rows can leave the window.
    public let isWindowed: Bool
    private let make: () -> any Accumulator
    private let order: [(isDescending: Bool, nullsFirst: Bool)]
    private let memory: MemoryBudget

    init(
      name: String, inputs: [SQLType], result: SQLType, isWindowed: Bool,
      order: [(isDescending: Bool, nullsFirst: Bool)], memory: MemoryBudget,
      _ make: @escaping () -> any Accumulator
    ) {
      self.memory = memory
      self.isWindowed = isWindowed
      self.name = name
      self.inputs = inputs
      self.result = result
      self.order = order
      self.make = make
    }

    /// The aggregation of one group's rows.
    public final class Group {
      private let aggregate: Aggregate
      private var accumulator: any Accumulator
      /// Kept only if they must be sorted, or can leave a window.
      private var rows: [[Datum]] = []
      private let isWindow: Bool
      /// Whether the accumulator has other rows than `rows`, or has them in another order.
      private var isStale = false
      private var keptBytes = 0

      fileprivate init(_ aggregate: Aggregate, isWindow: Bool) {
        self.aggregate = aggregate
        accumulator = aggregate.make()
        self.isWindow = isWindow
      }

      deinit { aggregate.memory.giveBack(keptBytes) }

      /// Adds a row's arguments.
      public func add(_ values: [Datum]) throws(QueryError) {
        let isSorted = !aggregate.order.isEmpty
        if isWindow || isSorted {
          rows.append(values)
          try keep(keptBytes + MemoryBudget.bytes(of: values))
        }
        if isSorted { isStale = true }
        if !isStale { try accumulator.add(values) }
        if !isWindow, !isSorted { try keep(accumulator.keptBytes) }
      }

      private func keep(_ bytes: Int) throws(QueryError) {
        let more = bytes - keptBytes
        guard more > 0 else { return }
        keptBytes = bytes
        try aggregate.memory.take(more)
      }

      /// Removes the first row, which has left the window.
      public func removeFirst() {
        guard !rows.isEmpty else { return }
        let bytes = MemoryBudget.bytes(of: rows.removeFirst())
        keptBytes -= bytes
        aggregate.memory.giveBack(bytes)
        isStale = true
      }

      /// The value of the rows so far.
      public func result() throws(QueryError) -> Datum {
        if isStale {
          accumulator = aggregate.make()
          for row in aggregate.sorted(rows) { try accumulator.add(row) }
          isStale = false
        }
        return try accumulator.result()
      }
    }

    /// An empty group; in a window, rows can be removed from it.
    public func group(inWindow: Bool) -> Group { Group(self, isWindow: inWindow) }

    private func sorted(_ rows: [[Datum]]) -> [[Datum]] {
      guard !order.isEmpty else { return rows }
      let first = inputs.count - order.count
      return rows.enumerated().sorted { one, other in
        for (index, direction) in order.enumerated() {
          let (left, right) = (one.element[first + index], other.element[first + index])
          if left.isNull != right.isNull { return left.isNull == direction.nullsFirst }
          let comparison = Datum.order(left, right)
          if comparison != 0 { return (comparison < 0) != direction.isDescending }
        }
        return one.offset < other.offset
      }.map { Array($0.element.prefix(first)) }
    }
  }

  /// The statement for SQLite.
  public let sql: String
  /// The values of its numbered parameters, from 1.
  public let parameters: [Datum]
  /// The result's columns, in order.
  public let columns: [Column]
  /// The functions that the SQL calls.
  public let programs: [Program]
  /// The aggregates that the SQL calls.
  public let aggregates: [Aggregate]
  /// Whether only the plan is asked for (EXPLAIN).
  public let isExplanation: Bool

  init(
    sql: String, parameters: [Datum], columns: [Column], programs: [Program], aggregates: [Aggregate],
    isExplanation: Bool
  ) {
    self.sql = sql
    self.parameters = parameters
    self.columns = columns
    self.programs = programs
    self.aggregates = aggregates
    self.isExplanation = isExplanation
  }

  /// Plans a statement; throws `QueryError` with line and column, in Timestream's words.
  ///
  /// `now` is the value of now() for the whole statement, in nanoseconds since 1970. Without `usesRollups`, the plan reads only
  /// readings.
  public static func make(
    _ statement: String, catalog: any QueryCatalog, now: Int64, usesRollups: Bool = true
  ) throws(QueryError) -> QueryPlan {
    let planner = QueryPlanner(catalog: catalog, now: now, usesRollups: usesRollups)
    let isExplanation: Bool
    let planned: PlannedQuery
    switch try Parser.statement(statement) {
    case .query(let query): (planned, isExplanation) = (try planner.plan(query, outer: nil), false)
    case .explain(let query): (planned, isExplanation) = (try planner.plan(query, outer: nil), true)
    case let listing: (planned, isExplanation) = (try planner.listing(listing), false)
    }
    let columns =
      isExplanation
      ? [Column(name: "Query Plan", type: .varchar)]
      : planned.columns.enumerated().map { Column(name: $1.name ?? "_col\($0)", type: $1.type) }
    return QueryPlan(
      sql: planned.sql, parameters: planner.parameters, columns: columns,
      programs: planner.programs, aggregates: planner.aggregates, isExplanation: isExplanation)
  }
}
