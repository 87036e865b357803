import Files
import Simulator

/// A CSV file that `diagnose` and `report` read, more than once: standard input and other pipes are copied first.
struct RecordSource {
  /// What messages and reports call standard input.
  static let standardInput = "standard input"

  /// The path to read.
  let path: String
  /// The name for a person.
  let name: String
  /// The copy, for as long as it is read.
  private let copy: PipedFile?

  /// The file at `path`, or standard input for `-`.
  init(_ path: String) throws(FileError) {
    let real = path == "-" ? "/dev/stdin" : path
    name = real == "/dev/stdin" ? Self.standardInput : path
    copy = PipedFile.isNeeded(for: real) ? try PipedFile(copying: real) : nil
    self.path = copy?.path ?? real
  }

  /// Reads the file by its path; errors have its name.
  func read<Value>(_ body: (_ path: String) throws(DatasetError) -> Value) throws(DatasetError) -> Value {
    do throws(DatasetError) {
      return try body(path)
    } catch {
      throw DatasetError(file: name, line: error.line, column: error.column, message: error.message)
    }
  }
}
