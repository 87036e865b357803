import TimestreamSQL

internal import CSQLite

/// A plan's functions in a connection, for as long as this value lives.
final class PlanFunctions {
  private let connection: Connection
  private var names: [(name: String, parameters: Int32)] = []

  /// Adds the functions that a plan's SQL calls.
  init(_ plan: QueryPlan, in connection: Connection) {
    self.connection = connection
    for program in plan.programs {
      let parameters = Int32(clamping: program.inputs.count)
      names.append((program.name, parameters))
      sqlite3_create_function_v2(
        connection.handle, program.name, parameters,
        SQLITE_UTF8 | (program.isDeterministic ? SQLITE_DETERMINISTIC : 0),
        Unmanaged.passRetained(program).toOpaque(),
        { context, count, values in
          guard let data = sqlite3_user_data(context) else { return }
          let program = Unmanaged<QueryPlan.Program>.fromOpaque(data).takeUnretainedValue()
          do throws(QueryError) {
            SQLDatum.result(context, try program(SQLDatum.values(values, count, program.inputs)))
          } catch {
            sqlite3_result_error(context, error.message, -1)
          }
        }, nil, nil, { data in if let data { Unmanaged<QueryPlan.Program>.fromOpaque(data).release() } })
    }
    for aggregate in plan.aggregates {
      let parameters = Int32(clamping: aggregate.inputs.count)
      names.append((aggregate.name, parameters))
      sqlite3_create_window_function(
        connection.handle, aggregate.name, parameters, SQLITE_UTF8,
        Unmanaged.passRetained(aggregate).toOpaque(),
        { context, count, values in
          GroupState.of(context)?.step(context) { aggregate, group throws(QueryError) in
            try group.add(SQLDatum.values(values, count, aggregate.inputs))
          }
        },
        { context in GroupState.finish(context) },
        { context in GroupState.of(context)?.value(context) },
        { context, _, _ in
          GroupState.of(context)?.step(context) { _, group throws(QueryError) in group.removeFirst() }
        },
        { data in if let data { Unmanaged<QueryPlan.Aggregate>.fromOpaque(data).release() } })
    }
  }

  deinit {
    for (name, parameters) in names {
      sqlite3_create_function_v2(connection.handle, name, parameters, SQLITE_UTF8, nil, nil, nil, nil, nil)
    }
  }
}

/// A group of an aggregate while SQLite feeds it.
private final class GroupState {
  private let aggregate: QueryPlan.Aggregate
  private let group: QueryPlan.Aggregate.Group
  private var failure: QueryError?

  private init(_ aggregate: QueryPlan.Aggregate) {
    self.aggregate = aggregate
    // SQLite doesn't say whether rows will be removed again; only OVER with a frame removes them.
    group = aggregate.group(inWindow: aggregate.isWindowed)
  }

  /// The group of a call; SQLite keeps its pointer, in memory that is zero at first.
  static func of(_ context: OpaquePointer?) -> GroupState? {
    guard
      let memory = sqlite3_aggregate_context(
        context, Int32(clamping: MemoryLayout<UnsafeMutableRawPointer?>.size))
    else {
      return nil
    }
    let slot = memory.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
    if let known = slot.pointee { return Unmanaged<GroupState>.fromOpaque(known).takeUnretainedValue() }
    guard let data = sqlite3_user_data(context) else { return nil }
    let state = GroupState(Unmanaged<QueryPlan.Aggregate>.fromOpaque(data).takeUnretainedValue())
    slot.pointee = Unmanaged.passRetained(state).toOpaque()
    return state
  }

  func step(
    _ context: OpaquePointer?,
    _ body: (QueryPlan.Aggregate, QueryPlan.Aggregate.Group) throws(QueryError) -> Void
  ) {
    guard failure == nil else { return }
    do throws(QueryError) {
      try body(aggregate, group)
    } catch {
      failure = error
      sqlite3_result_error(context, error.message, -1)
    }
  }

  func value(_ context: OpaquePointer?) {
    do throws(QueryError) {
      if let failure { throw failure }
      SQLDatum.result(context, try group.result())
    } catch {
      sqlite3_result_error(context, error.message, -1)
    }
  }

  /// The value, also of no rows at all; frees the group.
  static func finish(_ context: OpaquePointer?) {
    guard let state = of(context) else { return }
    state.value(context)
    guard let memory = sqlite3_aggregate_context(context, 0) else { return }
    let slot = memory.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
    if let known = slot.pointee { Unmanaged<GroupState>.fromOpaque(known).release() }
    slot.pointee = nil
  }
}

/// Values between SQLite and plans.
enum SQLDatum {
  static func values(
    _ values: UnsafeMutablePointer<OpaquePointer?>?, _ count: Int32, _ types: [SQLType]
  ) -> [Datum] {
    guard let values else { return [] }
    return zip(0..<Int(count), types).map { value(values[$0], $1) }
  }

  static func value(_ value: OpaquePointer?, _ type: SQLType) -> Datum {
    switch sqlite3_value_type(value) {
    case SQLITE_NULL: return .null
    case SQLITE_INTEGER:
      let number = sqlite3_value_int64(value)
      return type == .boolean
        ? .boolean(number != 0) : type == .double ? .double(Double(number)) : .integer(number)
    case SQLITE_FLOAT: return .double(sqlite3_value_double(value))
    case SQLITE_TEXT:
      guard let text = sqlite3_value_text(value) else { return .null }
      return .text(
        String(
          decoding: UnsafeBufferPointer(start: text, count: Int(sqlite3_value_bytes(value))), as: UTF8.self))
    default:
      let bytes = sqlite3_value_blob(value)
      return DatumCoding.decode(UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_value_bytes(value))))
    }
  }

  static func result(_ context: OpaquePointer?, _ datum: Datum) {
    switch datum {
    case .null: sqlite3_result_null(context)
    case .boolean(let value): sqlite3_result_int64(context, value ? 1 : 0)
    case .integer(let value): sqlite3_result_int64(context, value)
    case .double(let value): sqlite3_result_double(context, value)
    case .text(let text): ts_sqlite3_result_text(context, text, UInt64(clamping: text.utf8.count))
    case .list:
      DatumCoding.encode(datum).withUnsafeBytes {
        ts_sqlite3_result_blob(context, $0.baseAddress, UInt64(clamping: $0.count))
      }
    }
  }
}
