import Numbers
import Time

internal import CSQLite

/// Timestream's functions that SQLite doesn't have; times are nanoseconds since 1970.
enum QueryFunctions {
  /// Adds them to a connection, `now()` being `now` until this is called again.
  static func add(to connection: Connection, now: Int64) {
    define("now", 0, connection, now) { context, _ in sqlite3_result_int64(context, moment(context)) }
    define("current_timestamp", 0, connection, now) { context, _ in
      sqlite3_result_int64(context, moment(context))
    }
    define("ago", 1, connection, now) { context, values in
      guard let values else { return }
      sqlite3_result_int64(context, moment(context) &- sqlite3_value_int64(values[0]))
    }
    define("bin", 2, connection) { context, values in
      guard let values, sqlite3_value_type(values[0]) != SQLITE_NULL else { return }
      let step = sqlite3_value_int64(values[1])
      guard step > 0 else { return fail(context, "bin() needs a duration such as 30s") }
      let time = sqlite3_value_int64(values[0])
      sqlite3_result_int64(context, time.floored(to: step))
    }
    for (name, factor) in [
      ("from_milliseconds", 1_000_000), ("from_nanoseconds", 1), ("from_unixtime", 1_000_000_000),
    ] {
      define(name, 1, connection, Int64(factor)) { context, values in
        guard let values, sqlite3_value_type(values[0]) != SQLITE_NULL else { return }
        if sqlite3_value_type(values[0]) == SQLITE_FLOAT {
          let time = sqlite3_value_double(values[0]) * Double(moment(context))
          guard let whole = Int64(exactly: time.rounded()) else {
            return fail(context, "a time out of range")
          }
          sqlite3_result_int64(context, whole)
        } else {
          let (time, overflow) = sqlite3_value_int64(values[0]).multipliedReportingOverflow(
            by: moment(context))
          guard !overflow else { return fail(context, "a time out of range") }
          sqlite3_result_int64(context, time)
        }
      }
    }
    define("to_milliseconds", 1, connection) { context, values in
      guard let values, sqlite3_value_type(values[0]) != SQLITE_NULL else { return }
      sqlite3_result_int64(context, sqlite3_value_int64(values[0]).floored(to: 1_000_000) / 1_000_000)
    }
    define("to_unixtime", 1, connection) { context, values in
      guard let values, sqlite3_value_type(values[0]) != SQLITE_NULL else { return }
      sqlite3_result_double(context, Double(sqlite3_value_int64(values[0])) / 1e9)
    }
    for name in ["from_iso8601_timestamp", "parse_timestamp"] {
      define(name, 1, connection) { context, values in
        guard let values, let text = text(values[0]) else { return }
        guard let time = Timestamp.parse(text) else { return fail(context, "'\(text)' is no ISO 8601 time") }
        sqlite3_result_int64(context, time)
      }
    }
    define("to_iso8601", 1, connection) { context, values in
      guard let values, sqlite3_value_type(values[0]) != SQLITE_NULL else { return }
      result(context, Timestamp.iso8601(sqlite3_value_int64(values[0])))
    }
    define("date_trunc", 2, connection) { context, values in
      guard let values, let unit = text(values[0]), sqlite3_value_type(values[1]) != SQLITE_NULL else {
        return
      }
      guard let time = Timestamp.truncated(sqlite3_value_int64(values[1]), to: unit.lowercased()) else {
        return fail(context, "date_trunc() knows no unit '\(unit)'")
      }
      sqlite3_result_int64(context, time)
    }
    define("date_diff", 3, connection) { context, values in
      guard let values, let unit = text(values[0]), let length = length(unit) else {
        return fail(context, "date_diff() takes nanosecond, millisecond, second, minute, hour, day or week")
      }
      sqlite3_result_int64(
        context, (sqlite3_value_int64(values[2]) &- sqlite3_value_int64(values[1])) / length)
    }
    define("date_add", 3, connection) { context, values in
      guard let values, let unit = text(values[0]), let length = length(unit) else {
        return fail(context, "date_add() takes nanosecond, millisecond, second, minute, hour, day or week")
      }
      sqlite3_result_int64(
        context, sqlite3_value_int64(values[2]) &+ sqlite3_value_int64(values[1]) &* length)
    }
    for (name, isGreatest) in [("max_by", true), ("min_by", false)] { extreme(name, isGreatest, connection) }
  }

  // MARK: Aggregates

  private struct Extreme {
    var value: OpaquePointer?
    var key: Double
  }

  /// `max_by(x, y)`: the x where y is greatest.
  private static func extreme(_ name: String, _ isGreatest: Bool, _ connection: Connection) {
    sqlite3_create_function_v2(
      connection.handle, name, 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
      UnsafeMutableRawPointer(bitPattern: isGreatest ? 1 : 2), nil,
      { context, _, values in
        guard let values, sqlite3_value_type(values[1]) != SQLITE_NULL,
          let memory = sqlite3_aggregate_context(context, Int32(MemoryLayout<Extreme>.stride))
        else { return }
        // SQLite gives zeroed memory: no value yet.
        let state = memory.assumingMemoryBound(to: Extreme.self)
        let key = sqlite3_value_double(values[1])
        let isGreatest = sqlite3_user_data(context) == UnsafeMutableRawPointer(bitPattern: 1)
        guard state.pointee.value == nil || (isGreatest ? key > state.pointee.key : key < state.pointee.key)
        else {
          return
        }
        sqlite3_value_free(state.pointee.value)
        state.pointee = Extreme(value: sqlite3_value_dup(values[0]), key: key)
      },
      { context in
        guard let memory = sqlite3_aggregate_context(context, 0) else { return }
        let state = memory.assumingMemoryBound(to: Extreme.self)
        guard let value = state.pointee.value else { return }
        sqlite3_result_value(context, value)
        sqlite3_value_free(value)
      }, nil)
  }

  // MARK: Parts

  private typealias Function =
    @convention(c) (OpaquePointer?, Int32, UnsafeMutablePointer<OpaquePointer?>?) -> Void

  /// A function that has a number of its own, which `moment` gives back.
  private static func define(
    _ name: String, _ count: Int32, _ connection: Connection, _ number: Int64 = 0,
    _ body: @escaping (OpaquePointer?, UnsafeMutablePointer<OpaquePointer?>?) -> Void
  ) {
    let box = Unmanaged.passRetained(Definition(number: number, body: body))
    sqlite3_create_function_v2(
      connection.handle, name, count, SQLITE_UTF8, box.toOpaque(),
      { context, _, values in
        guard let data = sqlite3_user_data(context) else { return }
        Unmanaged<Definition>.fromOpaque(data).takeUnretainedValue().body(context, values)
      }, nil, nil,
      { data in
        guard let data else { return }
        Unmanaged<Definition>.fromOpaque(data).release()
      })
  }

  private final class Definition {
    let number: Int64
    let body: (OpaquePointer?, UnsafeMutablePointer<OpaquePointer?>?) -> Void
    init(number: Int64, body: @escaping (OpaquePointer?, UnsafeMutablePointer<OpaquePointer?>?) -> Void) {
      self.number = number
      self.body = body
    }
  }

  private static func moment(_ context: OpaquePointer?) -> Int64 {
    guard let data = sqlite3_user_data(context) else { return 0 }
    return Unmanaged<Definition>.fromOpaque(data).takeUnretainedValue().number
  }

  private static func text(_ value: OpaquePointer?) -> String? {
    guard let text = sqlite3_value_text(value) else { return nil }
    return String(
      decoding: UnsafeBufferPointer(start: text, count: Int(sqlite3_value_bytes(value))), as: UTF8.self)
  }

  private static func result(_ context: OpaquePointer?, _ text: String) {
    ts_sqlite3_result_text(context, text, Int32(text.utf8.count))
  }

  private static func fail(_ context: OpaquePointer?, _ message: String) {
    sqlite3_result_error(context, message, -1)
  }

  private static func length(_ unit: String) -> Int64? {
    switch unit.lowercased() {
    case "nanosecond": 1
    case "microsecond": 1000
    case "millisecond": 1_000_000
    case "second": 1_000_000_000
    case "minute": RollupLevel.minute
    case "hour": RollupLevel.hour
    case "day": 24 * RollupLevel.hour
    case "week": 168 * RollupLevel.hour
    default: nil
    }
  }
}
