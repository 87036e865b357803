/// Why a statement was rejected when it was loaded, and where.
public struct SQLError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kind of error.
  public enum Kind: Sendable {
    /// The text isn't a statement of the dialect.
    case syntax
    /// The statement needs another AWS service.
    case unsupported
  }

  /// The kind.
  public let kind: Kind
  /// What is wrong and what to do.
  public let message: String
  /// The line within the statement, from 1.
  public let line: Int
  /// The column within the line, in characters, from 1.
  public let column: Int
  /// The line of the statement that has the error.
  public let text: String

  init(_ message: String, kind: Kind = .syntax, at offset: Int, in sql: [UInt8]) {
    self.kind = kind
    self.message = message
    let offset = min(offset, sql.count)
    let start = sql[..<offset].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    let end = sql[offset...].firstIndex(of: 0x0A) ?? sql.count
    line = sql[..<offset].count(where: { $0 == 0x0A }) + 1
    column = String(decoding: sql[start..<offset], as: UTF8.self).count + 1
    text = String(decoding: sql[start..<end], as: UTF8.self)
  }

  /// The position within the statement and what is wrong there.
  public var description: String { "line \(line), column \(column): \(message)" }

  /// The statement's line, with a caret below the column.
  public var excerpt: String { text + "\n" + String(repeating: " ", count: column - 1) + "^" }
}
