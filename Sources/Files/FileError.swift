import Glibc

/// A file operation that failed, with the file and the system's reason.
public struct FileError: Error, Equatable, CustomStringConvertible {
  /// What was tried.
  public enum Operation: String, Sendable {
    case read, write, list, remove
    case makeFolder = "make the folder"
    case lock
  }

  /// What stood in the way.
  public enum Cause: Sendable, Equatable {
    /// Nothing is there.
    case missing
    case isFolder
    /// A pipe, a socket or a device.
    case notAFile
    /// The file has more than `limit` bytes.
    case tooLarge(limit: Int)
    /// The path can't name a file: it contains a NUL or a line break.
    case invalidPath
    /// Any other failure: the system's error number.
    case system(Int32)
  }

  /// The file or folder as the user wrote it.
  public let path: String
  /// What was tried.
  public let operation: Operation
  /// What stood in the way.
  public let cause: Cause

  /// The cause in a few words: `no such file or folder`.
  public var reason: String {
    switch cause {
    case .missing: "no such file or folder"
    case .isFolder: "it is a folder"
    case .notAFile: "it is not a regular file"
    case .tooLarge(let limit): "it has more than \(limit) bytes"
    case .invalidPath: "the path contains a NUL or a line break"
    case .system(let code): systemError(code)
    }
  }

  /// `can't read rules/x.json: no such file or folder`.
  public var description: String { "can't \(operation.rawValue) \(path): \(reason)" }

  init(_ operation: Operation, _ path: String, _ cause: Cause) {
    self.path = path
    self.operation = operation
    self.cause = cause
  }

  init(_ operation: Operation, _ path: String, errno code: Int32) {
    self.init(
      operation, path,
      code == ENOENT || code == ENOTDIR ? .missing : code == EISDIR ? .isFolder : .system(code))
  }
}

/// The operating system's words for an error number.
public func systemError(_ code: Int32) -> String { String(cString: strerror(code)) }
