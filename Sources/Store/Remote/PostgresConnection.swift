internal import CPostgreSQL
import Glibc
import Text

/// A PostgreSQL server by libpq's URL.
public struct PostgresServer: Sendable, CustomStringConvertible {
  /// With the password: only for libpq.
  fileprivate let url: String
  fileprivate let secrets: Secrets
  /// The URL without its password and parameters.
  public let description: String

  init(_ url: String) throws(StoreError) {
    let parts = try StoreURL(url)
    self.url = url
    secrets = parts.secrets
    let user = parts.user.map { PercentEncoding.encoded($0) + "@" } ?? ""
    description = "\(parts.scheme)://\(user)\(parts.host)\(parts.path)"
  }
}

/// A connection to PostgreSQL, closed with its last reference; used on one thread at a time.
final class PostgresConnection {
  private let handle: OpaquePointer
  private let secrets: Secrets

  /// A statement's result as texts, nil for NULL.
  struct Rows {
    var columns: [String] = []
    /// As many values in each as there are columns.
    var values: [[String?]] = []
  }

  /// A statement that failed.
  struct Failure: Error {
    /// SQLSTATE, five characters.
    let state: String
    let text: String

    /// Whether the data is wrong, not the server: data exceptions, violated constraints, wrong types, names that occur
    /// twice, too many columns.
    var isAboutData: Bool { ["22", "23", "42", "54"].contains(state.prefix(2)) && state != "42501" }

    /// Whether another connection has just made the same table or column. IF NOT EXISTS looks before it waits for that
    /// connection's transaction, and then fails with a duplicate name or a duplicate key of the catalog.
    var isAboutNewObject: Bool { ["23505", "42P07", "42701", "42710"].contains(state) }

    var error: StoreError {
      let kind: StoreError.Kind =
        switch state.prefix(2) {
        case "28": .refused
        case "42" where state == "42501": .refused
        case "0A", "21", "22", "23", "25", "42", "54": .statement
        case "53": .full
        case "57": .interrupted
        default: .unreachable
        }
      return StoreError(kind, "PostgreSQL: \(text)")
    }
  }

  /// Connects.
  ///
  /// Throws `StoreError` if libpq isn't installed, or the server can't be reached or refuses.
  init(_ server: PostgresServer) throws(StoreError) {
    guard let handle = ts_pg_new(server.url) else {
      throw StoreError(.system, "libpq isn't installed; run 'apt-get install libpq5'")
    }
    // From here on 'deinit' closes it, also if this throws.
    self.handle = handle
    secrets = server.secrets
    guard ts_pg_is_connected(handle) != 0 else {
      let text = message(ts_pg_error(handle))
      let isRefused = text.contains("authentication failed") || text.contains("no pg_hba.conf")
      throw StoreError(isRefused ? .refused : .unreachable, "\(server): \(text)")
    }
  }

  deinit { ts_pg_free(handle) }

  /// A text of libpq's in one line, without the password that it may quote.
  private func message(_ text: UnsafePointer<CChar>?) -> String {
    let lines = text.map { String(cString: $0) }?.split(whereSeparator: { "\n\t".contains($0) }) ?? []
    return secrets.hidden(in: lines.joined(separator: " "))
  }

  /// Runs one statement.
  func run(_ sql: String, _ values: [String?] = []) throws(StoreError) -> Rows {
    do throws(Failure) {
      return try execute(sql, values)
    } catch {
      throw error.error
    }
  }

  /// Runs one statement; parameters are texts, nil for NULL.
  func execute(_ sql: String, _ values: [String?] = []) throws(Failure) -> Rows {
    guard !sql.utf8.contains(0), !values.contains(where: { $0?.utf8.contains(0) == true }) else {
      throw Failure(state: "22021", text: "a NUL character, which PostgreSQL can't store")
    }
    let pointers = values.map { value in value.map { UnsafePointer(strdup($0)) } ?? nil }
    defer { for pointer in pointers { free(UnsafeMutableRawPointer(mutating: pointer)) } }
    guard let result = PostgresResult(handle, sql, pointers) else {
      throw Failure(state: "08006", text: message(ts_pg_error(handle)))
    }
    if let state = result.state { throw Failure(state: state, text: message(result.error)) }
    var rows = Rows()
    for column in 0..<result.columns { rows.columns.append(result.name(column)) }
    for row in 0..<result.rows {
      rows.values.append((0..<result.columns).map { result.value(row, $0) })
    }
    return rows
  }
}

/// The answer to a statement, freed with this value.
private struct PostgresResult: ~Copyable {
  private let handle: OpaquePointer

  init?(_ connection: OpaquePointer, _ sql: String, _ values: [UnsafePointer<CChar>?]) {
    guard let result = ts_pg_run(connection, sql, Int32(clamping: values.count), values) else { return nil }
    handle = result
  }

  deinit { ts_pg_result_free(handle) }

  /// SQLSTATE; nil if the statement succeeded.
  var state: String? { ts_pg_sqlstate(handle).map { String(cString: $0) } }
  var error: UnsafePointer<CChar>? { ts_pg_result_error(handle) }
  var rows: Int32 { ts_pg_rows(handle) }
  var columns: Int32 { ts_pg_columns(handle) }
  func name(_ column: Int32) -> String { ts_pg_name(handle, column).map { String(cString: $0) } ?? "" }
  func value(_ row: Int32, _ column: Int32) -> String? {
    ts_pg_value(handle, row, column).map { String(cString: $0) }
  }
}
