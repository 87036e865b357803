internal import CSQLite
import Numbers
import Time

/// Timestream's functions that SQLite doesn't have; times and durations are nanoseconds, times since 1970.
///
/// Every function has a result or an error for every value of every SQL type. As in SQL, NULL makes NULL.
enum QueryFunctions {
  /// The moment that `now()` gives, the same within a statement.
  final class Clock {
    var now: Int64 = 0
  }

  /// Why a function has no result for its arguments.
  struct Failure: Error { let message: String }

  /// The arguments of a call, read when they are asked for.
  struct Arguments {
    fileprivate let count: Int32
    fileprivate let values: UnsafeMutablePointer<OpaquePointer?>?

    subscript(index: Int) -> SQLValue { index < count ? QueryFunctions.value(values?[index]) : .null }

    fileprivate var hasNull: Bool {
      (0..<Int(count)).contains { sqlite3_value_type(values?[$0]) == SQLITE_NULL }
    }
  }

  /// A function: its name, and what it makes of `now` and of arguments that aren't NULL.
  struct Function: Sendable {
    let name: String
    let parameters: Int
    let result: @Sendable (_ now: Int64, _ arguments: Arguments) throws(Failure) -> SQLValue
  }

  /// All functions but the aggregates.
  static let all: [Function] =
    moments + units
    + [
      Function(name: "bin", parameters: 2) { _, values throws(Failure) in
        let (time, step) = (try moment(values[0]), try duration(values[1], of: "bin()"))
        guard step > 0 else { throw Failure(message: "bin() needs a duration above 0, such as 30s") }
        return try integer(time.checkedSubtract(time.floorDivided(by: step).remainder))
      },
      Function(name: "date_trunc", parameters: 2) { _, values throws(Failure) in
        let (unit, time) = (try text(values[0]), try moment(values[1]))
        guard let start = Timestamp.truncated(time, to: unit.lowercased()) else {
          throw Failure(
            message:
              "date_trunc() takes second, minute, hour, day, week, month, quarter or year, not '\(unit)'"
          )
        }
        // A time before the first representable one was replaced by it, and no unit begins there.
        return try integer(start == .min ? nil : start)
      },
      Function(name: "date_diff", parameters: 3) { _, values throws(Failure) in
        let length = try length(ofUnit: values[0], in: "date_diff()")
        let difference = Int128(try moment(values[2])) - Int128(try moment(values[1]))
        return try integer(Int64(exactly: difference / Int128(length)))
      },
      Function(name: "date_add", parameters: 3) { _, values throws(Failure) in
        let length = try length(ofUnit: values[0], in: "date_add()")
        return try integer(number(values[1]).checkedMultiply(length)?.checkedAdd(moment(values[2])))
      },
    ]

  private static let moments: [Function] =
    ["now", "current_timestamp"].map { name in
      Function(name: name, parameters: 0) { now, _ throws(Failure) in .integer(now) }
    }
    + [("from_milliseconds", 1_000_000), ("from_nanoseconds", 1), ("from_unixtime", 1_000_000_000)].map {
      name, factor in
      Function(name: name, parameters: 1) { _, values throws(Failure) in
        guard case .real(let value) = values[0] else {
          return try integer(number(values[0]).checkedMultiply(Int64(factor)))
        }
        return try integer(Int64(truncated: (value * Double(factor)).rounded()))
      }
    }
    + ["from_iso8601_timestamp", "parse_timestamp"].map { name in
      Function(name: name, parameters: 1) { _, values throws(Failure) in
        .integer(try moment(.text(text(values[0]))))
      }
    }
    + [
      Function(name: "ago", parameters: 1) { now, values throws(Failure) in
        try integer(now.checkedSubtract(duration(values[0], of: "ago()")))
      }
    ]

  private static let units: [Function] = [
    Function(name: "to_milliseconds", parameters: 1) { _, values throws(Failure) in
      .integer(try moment(values[0]).floorDivided(by: 1_000_000).quotient)
    },
    Function(name: "to_unixtime", parameters: 1) { _, values throws(Failure) in
      .real(Double(try moment(values[0])) / 1e9)
    },
    Function(name: "to_iso8601", parameters: 1) { _, values throws(Failure) in
      .text(Timestamp.iso8601(try moment(values[0])))
    },
  ]

  // MARK: Arguments

  private static func integer(_ value: Int64?) throws(Failure) -> SQLValue {
    guard let value else { throw Failure(message: "the result is out of range") }
    return .integer(value)
  }

  /// A whole number; the fraction of a real one is cut off.
  private static func number(_ value: SQLValue) throws(Failure) -> Int64 {
    switch value {
    case .integer(let number): return number
    case .real(let number):
      if let whole = Int64(truncated: number) { return whole }
    case .text(let text):
      if let whole = Int64(text) { return whole }
      if let whole = NumberText.double(text).flatMap({ Int64(truncated: $0) }) { return whole }
    case .null, .blob: break
    }
    throw Failure(message: "\(described(value)) is not a number in the range of 64 bits")
  }

  /// A time: a number of nanoseconds, or a text of ISO 8601.
  private static func moment(_ value: SQLValue) throws(Failure) -> Int64 {
    if case .text(let text) = value, let time = Timestamp.parse(text) { return time }
    do throws(Failure) {
      return try number(value)
    } catch {
      throw Failure(message: "\(described(value)) is not a time in the years 1677 to 2262")
    }
  }

  /// A duration: a number of nanoseconds, or a text such as `15m`.
  private static func duration(_ value: SQLValue, of function: String) throws(Failure) -> Int64 {
    if case .text(let text) = value, let length = StatementRewriting.nanoseconds(ofDuration: text) {
      return length
    }
    do throws(Failure) {
      return try number(value)
    } catch {
      throw Failure(message: "\(function) takes a duration such as 15m, not \(described(value))")
    }
  }

  private static func text(_ value: SQLValue) throws(Failure) -> String {
    guard case .text(let text) = value else { throw Failure(message: "\(described(value)) is not a text") }
    return text
  }

  private static func described(_ value: SQLValue) -> String {
    switch value {
    case .null: "NULL"
    case .integer(let number): "\(number)"
    case .real(let number): "\(number)"
    case .text(let text): "'\(text.prefix(60))'"
    case .blob: "a blob"
    }
  }

  private static func length(ofUnit value: SQLValue, in function: String) throws(Failure) -> Int64 {
    switch try text(value).lowercased() {
    case "nanosecond": 1
    case "microsecond": 1000
    case "millisecond": 1_000_000
    case "second": 1_000_000_000
    case "minute": RollupLevel.minute
    case "hour": RollupLevel.hour
    case "day": 24 * RollupLevel.hour
    case "week": 168 * RollupLevel.hour
    default:
      throw Failure(
        message: "\(function) takes nanosecond, microsecond, millisecond, second, minute, hour, day or week")
    }
  }

  // MARK: In SQLite

  /// Adds the functions to a connection.
  static func add(to connection: Connection, _ clock: Clock) {
    for function in all {
      let registered = Unmanaged.passRetained(Registered(function, clock))
      // SQLite frees it by the last closure, also if it doesn't take the function.
      sqlite3_create_function_v2(
        connection.handle, function.name, Int32(clamping: function.parameters),
        SQLITE_UTF8 | SQLITE_DETERMINISTIC,
        registered.toOpaque(),
        { context, count, values in
          guard let data = sqlite3_user_data(context) else { return }
          let registered = Unmanaged<Registered>.fromOpaque(data).takeUnretainedValue()
          QueryFunctions.call(registered, context, Arguments(count: count, values: values))
        }, nil, nil,
        { data in
          guard let data else { return }
          Unmanaged<Registered>.fromOpaque(data).release()
        })
    }
    addExtreme("max_by", takesGreatest: true, connection)
    addExtreme("min_by", takesGreatest: false, connection)
  }

  private final class Registered {
    let function: Function
    let clock: Clock
    init(_ function: Function, _ clock: Clock) {
      self.function = function
      self.clock = clock
    }
  }

  private static func call(_ registered: Registered, _ context: OpaquePointer?, _ arguments: Arguments) {
    if arguments.hasNull { return }
    do throws(Failure) {
      set(try registered.function.result(registered.clock.now, arguments), context)
    } catch {
      sqlite3_result_error(context, error.message, -1)
    }
  }

  private static func value(_ value: OpaquePointer?) -> SQLValue {
    switch sqlite3_value_type(value) {
    case SQLITE_INTEGER: return .integer(sqlite3_value_int64(value))
    case SQLITE_FLOAT: return .real(sqlite3_value_double(value))
    case SQLITE_TEXT:
      let start = sqlite3_value_text(value)
      let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_value_bytes(value)))
      return .text(String(decoding: bytes, as: UTF8.self))
    case SQLITE_BLOB:
      let start = sqlite3_value_blob(value)
      return .blob(Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_value_bytes(value)))))
    default: return .null
    }
  }

  private static func set(_ value: SQLValue, _ context: OpaquePointer?) {
    switch value {
    case .null: sqlite3_result_null(context)
    case .integer(let number): sqlite3_result_int64(context, number)
    case .real(let number): sqlite3_result_double(context, number)
    case .text(var text):
      text.withUTF8 { bytes in
        bytes.withMemoryRebound(to: CChar.self) {
          ts_sqlite3_result_text(context, $0.baseAddress, UInt64(clamping: $0.count))
        }
      }
    case .blob(let bytes):
      bytes.withUnsafeBytes { ts_sqlite3_result_blob(context, $0.baseAddress, UInt64(clamping: $0.count)) }
    }
  }

  // MARK: Aggregates

  /// The value and the key of the extreme so far, owned by SQLite's allocator; zeroed memory is none yet.
  private struct Extreme {
    var value: OpaquePointer?
    var key: OpaquePointer?

    mutating func free() {
      sqlite3_value_free(value)
      sqlite3_value_free(key)
      self = Extreme()
    }
  }

  /// `max_by(x, y)`: the x where y is greatest; keys are compared as ORDER BY does.
  private static func addExtreme(_ name: String, takesGreatest: Bool, _ connection: Connection) {
    sqlite3_create_function_v2(
      connection.handle, name, 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
      UnsafeMutableRawPointer(bitPattern: takesGreatest ? 1 : 2), nil,
      { context, _, values in
        guard let values, sqlite3_value_type(values[1]) != SQLITE_NULL,
          let memory = sqlite3_aggregate_context(context, Int32(MemoryLayout<Extreme>.stride))
        else { return }
        let state = memory.assumingMemoryBound(to: Extreme.self)
        if let key = state.pointee.key {
          let takesGreatest = sqlite3_user_data(context) == UnsafeMutableRawPointer(bitPattern: 1)
          let (new, old) = (QueryFunctions.value(values[1]), QueryFunctions.value(key))
          guard takesGreatest ? QueryFunctions.isLess(old, new) : QueryFunctions.isLess(new, old) else {
            return
          }
        }
        state.pointee.free()
        state.pointee = Extreme(value: sqlite3_value_dup(values[0]), key: sqlite3_value_dup(values[1]))
      },
      { context in
        guard let memory = sqlite3_aggregate_context(context, 0) else { return }
        let state = memory.assumingMemoryBound(to: Extreme.self)
        if let value = state.pointee.value { sqlite3_result_value(context, value) }
        state.pointee.free()
      }, nil)
  }

  /// Whether a value comes before another in SQLite's order: NULL, numbers, texts, blobs.
  static func isLess(_ left: SQLValue, _ right: SQLValue) -> Bool {
    switch (left, right) {
    case (.integer(let left), .integer(let right)): left < right
    case (.real(let left), .real(let right)): left < right
    case (.integer(let left), .real(let right)): isLess(left, right)
    case (.real(let left), .integer(let right)): !isLess(right, left) && Int64(exactly: left) != right
    case (.text(let left), .text(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
    case (.blob(let left), .blob(let right)): left.lexicographicallyPrecedes(right)
    default: rank(left) < rank(right)
    }
  }

  /// Exactly, also where a double doesn't tell neighbouring integers apart. SQLite has no NaN.
  private static func isLess(_ integer: Int64, _ real: Double) -> Bool {
    guard let whole = Int64(truncated: real.rounded(.down)) else { return real > 0 }
    return integer < whole || integer == whole && real > real.rounded(.down)
  }

  private static func rank(_ value: SQLValue) -> Int {
    switch value {
    case .null: 0
    case .integer, .real: 1
    case .text: 2
    case .blob: 3
    }
  }
}
