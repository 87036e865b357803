/// Why a text isn't valid JSON, and where.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong, as a sentence's part: "a comma before the closing brace".
  public let message: String
  /// The line, from 1.
  public let line: Int
  /// The column in bytes, from 1.
  public let column: Int

  /// The place and what is wrong there.
  public var description: String { "line \(line), column \(column): \(message)" }

  /// An error of the text as a whole.
  package init(_ message: String) { (self.message, line, column) = (message, 1, 1) }

  package init(_ message: String, at offset: Int, in bytes: UnsafeBufferPointer<UInt8>) {
    self.message = message
    var line = 1
    var lineStart = 0
    for index in 0..<min(offset, bytes.count) where bytes[index] == 0x0A {
      line += 1
      lineStart = index + 1
    }
    self.line = line
    column = min(offset, bytes.count) - lineStart + 1
  }
}
