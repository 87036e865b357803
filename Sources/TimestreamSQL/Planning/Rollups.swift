import Numbers

extension QueryTable {
  /// What a table keeps beside its readings: each measure's count, least and greatest value and sum in each whole minute and
  /// hour. A table has none if its statements must read all readings.
  public struct Rollups: Sendable {
    /// A measure that is rolled up.
    public struct Measure: Sendable {
      /// Its name in the column `measure_name`.
      public let name: String
      /// The column of its values.
      public let column: String
      /// A SELECT of its spans of a given length in nanoseconds: the table's dimensions, measure_name, `time` (the span's
      /// beginning) and the columns of `SpanColumns`.
      public let spans: @Sendable (_ length: Int64) -> String
      /// A SELECT of the readings in spans that `spans` leaves out because their numbers aren't exact: the table's dimensions,
      /// measure_name, `time`, the value's column and `SpanColumns.start`; nil if there are none.
      public let readings: (@Sendable (_ length: Int64) -> String)?

      /// A measure.
      public init(
        name: String, column: String, spans: @escaping @Sendable (Int64) -> String,
        readings: (@Sendable (Int64) -> String)?
      ) {
        self.name = name
        self.column = column
        self.spans = spans
        self.readings = readings
      }
    }

    /// The lengths of spans in nanoseconds, the longest first; each is a multiple of the next.
    public let lengths: [Int64]
    /// The measures that are rolled up.
    public let measures: [Measure]

    /// Rollups of a table.
    public init(lengths: [Int64], measures: [Measure]) {
      self.lengths = lengths
      self.measures = measures
    }
  }
}

/// The columns of `QueryTable.Rollups.Measure.spans`; no user's column has such a name.
public enum SpanColumns {
  /// The number of values.
  public static let count = "ts::count"
  /// The least value.
  public static let least = "ts::least"
  /// The greatest value.
  public static let greatest = "ts::greatest"
  /// The sum of the values.
  public static let sum = "ts::sum"
  /// The time of the first reading.
  public static let first = "ts::first"
  /// The time of the last reading.
  public static let last = "ts::last"
  /// The beginning of a reading's span.
  public static let start = "ts::start"
}

/// A table after FROM that has rollups.
struct RolledTable {
  let rollups: QueryTable.Rollups
  /// The table in SQL, and its alias there.
  let source: String
  let alias: String
  /// The table's columns.
  let columns: [QueryTable.Column]
  /// The names of all measures.
  let measureNames: [String]
}

/// Answers a grouped query from rollups, if that gives the same result as the readings.
///
/// The query's FROM becomes a union of partial rows: readings at the window's edges, then minutes, and hours between them. Its
/// aggregates become aggregates of these rows. That is possible if everything else in the query has one value throughout each
/// span: dimensions, the measure's name, and expressions of `bin(time, …)` with whole minutes or hours.
struct RollupPlanner {
  /// A query that reads rollups.
  struct Plan {
    /// The relation after FROM, without a WHERE.
    let source: String
    /// The SQL of each aggregate, by its key.
    let aggregates: [String: String]
  }

  /// In windows shorter than this (nanoseconds), only readings are read: the longer statement would cost more than it saves.
  private static let shortest: Int64 = 3_600_000_000_000
  /// The maximum number of parts in the union; SQLite allows 500, and views are unions themselves.
  private static let partLimit = 60

  /// What a partial row tells about a column's values, or about its rows if the column is nil.
  private struct Share: Hashable {
    enum Kind: String { case count, least, greatest, sum }
    let kind: Kind
    let column: String?
    var name: String { Emitter.quoted("ts::\(kind.rawValue) \(column ?? "*")") }
  }

  /// A part of the window: spans of a length, or readings if `length` is nil. A bound that is nil is open.
  private struct Part {
    var from: Int64?
    var to: Int64?
    var length: Int64?
  }

  private let planner: QueryPlanner
  private let table: RolledTable
  private let columns: [String: QueryTable.Column]
  /// The length of the longest spans throughout which everything has one value.
  private var length: Int64
  private var window = Part()
  private var shares: Set<Share> = []
  /// The columns that are read outside of aggregates.
  private var used: Set<String> = []
  private var aggregates: [String: String] = [:]

  init?(_ planner: QueryPlanner, _ table: RolledTable) {
    guard let longest = table.rollups.lengths.first else { return nil }
    self.planner = planner
    self.table = table
    length = longest
    columns = Dictionary(
      table.columns.map { ("\(table.alias).\(Emitter.quoted($0.name))", $0) },
      uniquingKeysWith: { one, _ in one })
  }

  /// The plan of a query with this WHERE; `outputs` are all other expressions that it evaluates. nil if it needs the readings.
  mutating func plan(_ filter: TypedExpression?, outputs: [TypedExpression], isGrouped: Bool)
    throws(QueryError)
    -> Plan?
  {
    var conditions: [TypedExpression] = []
    for condition in filter.map(conjuncts) ?? [] where !addBound(condition) {
      guard isSteady(condition) else { return nil }
      conditions.append(condition)
    }
    for output in outputs { guard isServed(output, isGrouped) else { return nil } }
    if let from = window.from, let to = window.to, to.saturatingSubtract(from) < Self.shortest { return nil }
    guard let parts = split(window, table.rollups.lengths.drop { $0 > length }),
      parts.contains(where: { $0.length != nil })
    else { return nil }
    let selects = try selects(parts, conditions)
    guard !selects.isEmpty, selects.count <= Self.partLimit else { return nil }
    return Plan(
      source: "(\(selects.joined(separator: " UNION ALL "))) AS \(table.alias)", aggregates: aggregates)
  }

  // MARK: What the query needs

  private func conjuncts(_ condition: TypedExpression) -> [TypedExpression] {
    if case .and(let operands) = condition.kind { operands.flatMap(conjuncts) } else { [condition] }
  }

  private func isTime(_ expression: TypedExpression) -> Bool {
    if case .reference(let sql) = expression.kind { columns[sql]?.role == .time } else { false }
  }

  /// Narrows the window by a comparison of the time with a constant; returns false for any other condition.
  private mutating func addBound(_ condition: TypedExpression) -> Bool {
    guard case .compare(let comparison, let left, let right) = condition.kind else { return false }
    let bound: Int64
    var isReversed = false
    if isTime(left), case .constant(.integer(let value)) = right.kind {
      bound = value
    } else if isTime(right), case .constant(.integer(let value)) = left.kind {
      (bound, isReversed) = (value, true)
    } else {
      return false
    }
    // Some bounds move to the next nanosecond, which must exist.
    guard bound < .max else { return false }
    switch (comparison, isReversed) {
    case (.greater, false), (.less, true): window.from = max(window.from ?? .min, bound + 1)
    case (.greaterOrEqual, false), (.lessOrEqual, true): window.from = max(window.from ?? .min, bound)
    case (.less, false), (.greater, true): window.to = min(window.to ?? .max, bound)
    case (.lessOrEqual, false), (.greaterOrEqual, true): window.to = min(window.to ?? .max, bound + 1)
    case (.equal, _), (.unequal, _): return false
    }
    return true
  }

  /// Whether a value is the same throughout each span; makes the spans shorter if that helps.
  private mutating func isSteady(_ expression: TypedExpression) -> Bool {
    switch expression.kind {
    case .constant, .local: return true
    case .reference(let sql):
      guard let column = columns[sql], column.role == .dimension || column.role == .measureName else {
        return false
      }
      used.insert(column.name)
      return true
    case .apply(let function, let arguments):
      guard function.isDeterministic else { return false }
      if arguments.count == 2, let step = step(of: function.name, arguments) {
        guard let longest = table.rollups.lengths.first(where: { step % $0 == 0 }) else { return false }
        length = min(length, longest)
        used.insert("time")
        return true
      }
      return areSteady(arguments)
    // Their SQL may read anything.
    case .exists, .inQuery, .aggregate: return false
    default: return areSteady(expression.children)
    }
  }

  private mutating func areSteady(_ expressions: [TypedExpression]) -> Bool {
    for expression in expressions { guard isSteady(expression) else { return false } }
    return true
  }

  /// The length whose multiples `bin(time, …)` or `date_trunc(…, time)` returns, in nanoseconds; nil for any other call.
  private func step(of function: String, _ arguments: [TypedExpression]) -> Int64? {
    switch function {
    case "bin":
      guard isTime(arguments[0]), case .constant(.integer(let step)) = arguments[1].kind, step > 0 else {
        return nil
      }
      return step
    case "date_trunc":
      guard isTime(arguments[1]), case .constant(.text(let unit)) = arguments[0].kind else { return nil }
      switch unit.lowercased() {
      case "minute": return 60_000_000_000
      case "hour", "day", "week", "month", "quarter", "year": return 3_600_000_000_000
      default: return nil
      }
    default: return nil
    }
  }

  /// Whether partial rows can give a value of the select list, HAVING or ORDER BY.
  private mutating func isServed(_ expression: TypedExpression, _ isGrouped: Bool) -> Bool {
    guard case .aggregate(let call) = expression.kind else {
      switch expression.kind {
      case .constant, .reference, .local, .exists, .inQuery: return isSteady(expression)
      case .apply(let function, let arguments) where step(of: function.name, arguments) != nil:
        return isSteady(expression)
      case .apply(let function, _) where !function.isDeterministic: return false
      default:
        for child in expression.children { guard isServed(child, isGrouped) else { return false } }
        return true
      }
    }
    if call.window != nil {
      guard isGrouped else { return false }
      for operand in call.operands { guard isServed(operand, isGrouped) else { return false } }
      return true
    }
    guard let sql = aggregate(call) else { return false }
    aggregates[call.key] = sql
    return true
  }

  /// The aggregate of partial rows that replaces an aggregate of readings; nil if there is none.
  private mutating func aggregate(_ call: AggregateCall) -> String? {
    guard !call.isDistinct, call.filter == nil, call.order.isEmpty else { return nil }
    func share(_ kind: Share.Kind, _ column: String?) -> Share { Share(kind: kind, column: column) }
    func sum(_ share: Share) -> String { "sum(\(table.alias).\(share.name))" }
    let name = call.function.name
    if call.isStar {
      shares.insert(share(.count, nil))
      return "coalesce(\(sum(share(.count, nil))), 0)"
    }
    guard call.arguments.count == 1 else { return nil }
    var argument = call.arguments[0]
    // avg(bigint) is avg(double) of the converted number.
    if name == "avg", case .convert(let operand) = argument.kind { argument = operand }
    guard case .reference(let sql) = argument.kind, let column = columns[sql],
      column.role == .time || column.role == .measureValue && column.type.isNumeric
    else { return nil }
    switch name {
    case "count":
      let count = share(.count, column.role == .time ? nil : column.name)
      shares.insert(count)
      return "coalesce(\(sum(count)), 0)"
    case "min", "max":
      let extreme = share(name == "min" ? .least : .greatest, column.name)
      shares.insert(extreme)
      return "\(name)(\(table.alias).\(extreme.name))"
    case "sum":
      shares.insert(share(.sum, column.name))
      return sum(share(.sum, column.name))
    case "avg":
      let (total, count) = (share(.sum, column.name), share(.count, column.name))
      shares.formUnion([total, count])
      // As doubles: a sum of integers may exceed 64 bits where their mean doesn't.
      return "(sum(CAST(\(table.alias).\(total.name) AS REAL)) / \(sum(count)))"
    default: return nil
    }
  }

  // MARK: Partial rows

  /// Splits a window into spans that are as long as possible, and readings where no span fits; nil near the ends of the range of
  /// times.
  private func split(_ window: Part, _ lengths: ArraySlice<Int64>) -> [Part]? {
    guard let length = lengths.first else { return [window] }
    var start: Int64?
    if let from = window.from {
      let rest = from.floorDivided(by: length).remainder
      guard let next = rest == 0 ? from : from.checkedAdd(length - rest) else { return nil }
      start = next
    }
    var end: Int64?
    if let to = window.to {
      guard let last = to.checkedSubtract(to.floorDivided(by: length).remainder) else { return nil }
      end = last
    }
    if let start, let end, start >= end { return split(window, lengths.dropFirst()) }
    var parts: [Part] = []
    if let from = window.from, let start, from < start {
      guard let edge = split(Part(from: from, to: start), lengths.dropFirst()) else { return nil }
      parts += edge
    }
    parts.append(Part(from: start, to: end, length: length))
    if let to = window.to, let end, end < to {
      guard let edge = split(Part(from: end, to: to), lengths.dropFirst()) else { return nil }
      parts += edge
    }
    return parts
  }

  private func selects(_ parts: [Part], _ conditions: [TypedExpression]) throws(QueryError) -> [String] {
    var texts: [String] = []
    for condition in conditions { texts.append(try planner.sql(condition)) }
    let measures = table.rollups.measures.filter { mayPass($0.name, conditions) }
    let rolled = Set(table.rollups.measures.map(\.name))
    let hasOthers = table.measureNames.contains { !rolled.contains($0) && mayPass($0, conditions) }
    var selects: [String] = []
    for part in parts {
      guard let length = part.length else {
        selects.append(select(table.source, part, "time", texts, .reading(nil)))
        continue
      }
      for measure in measures {
        selects.append(select("(\(measure.spans(length)))", part, "time", texts, .span(measure)))
        if let readings = measure.readings {
          selects.append(
            select("(\(readings(length)))", part, SpanColumns.start, texts, .reading(measure)))
        }
      }
      if hasOthers {
        let names = rolled.map { "'\($0.replacing("'", with: "''"))'" }.sorted().joined(separator: ", ")
        let others = "(\(table.alias).\"measure_name\" NOT IN (\(names)))"
        selects.append(select(table.source, part, "time", texts + [others], .reading(nil)))
      }
    }
    return selects
  }

  /// Whether rows of a measure may pass the conditions on its name.
  private func mayPass(_ name: String, _ conditions: [TypedExpression]) -> Bool {
    for condition in conditions {
      var compiler = Compiler { (expression) throws(QueryError) in
        if case .reference(let sql) = expression.kind { return sql }
        throw QueryError("not a column")
      }
      guard let evaluation = try? compiler.compile(condition), compiler.inputs.count == 1,
        columns[compiler.inputs[0]]?.role == .measureName
      else { continue }
      // A condition that fails is kept, to fail when it is needed.
      if let value = try? evaluation(Frame(inputs: [.text(name)], now: planner.now)), !value.isTrue {
        return false
      }
    }
    return true
  }

  /// The kind of a part's rows.
  private enum Row {
    /// A reading of one measure, or of any.
    case reading(QueryTable.Rollups.Measure?)
    case span(QueryTable.Rollups.Measure)
  }

  private func select(
    _ source: String, _ part: Part, _ timeColumn: String, _ conditions: [String], _ row: Row
  ) -> String {
    func quoted(_ column: String) -> String { "\(table.alias).\(Emitter.quoted(column))" }
    let kept = table.columns.filter { used.contains($0.name) }.map {
      "\(quoted($0.name)) AS \(Emitter.quoted($0.name))"
    }
    let sharesInOrder = shares.sorted { $0.name < $1.name }
    var list = kept + sharesInOrder.map { "\(value(of: $0, row)) AS \($0.name)" }
    if list.isEmpty { list = ["1"] }
    var terms = conditions
    let time = quoted(timeColumn)
    if let from = part.from { terms.append("\(time) >= \(from)") }
    if let to = part.to { terms.append("\(time) < \(to)") }
    return "SELECT \(list.joined(separator: ", ")) FROM \(source) AS \(table.alias)"
      + (terms.isEmpty ? "" : " WHERE \(terms.joined(separator: " AND "))")
  }

  private func value(of share: Share, _ row: Row) -> String {
    func quoted(_ column: String) -> String { "\(table.alias).\(Emitter.quoted(column))" }
    let isTime = share.column == "time"
    switch row {
    case .span(let measure):
      guard share.column == nil || isTime || share.column == measure.column else {
        return share.kind == .count ? "0" : "NULL"
      }
      switch share.kind {
      case .count: return quoted(SpanColumns.count)
      case .least: return quoted(isTime ? SpanColumns.first : SpanColumns.least)
      case .greatest: return quoted(isTime ? SpanColumns.last : SpanColumns.greatest)
      case .sum: return quoted(SpanColumns.sum)
      }
    case .reading(let measure):
      guard let column = share.column else { return "1" }
      guard isTime || measure == nil || column == measure?.column else {
        return share.kind == .count ? "0" : "NULL"
      }
      return share.kind == .count ? "(\(quoted(column)) IS NOT NULL)" : quoted(column)
    }
  }
}
