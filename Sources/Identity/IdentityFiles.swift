import Files
import Glibc

extension Files {
  /// Reads a file with a role. Throws an error with the role's advice, also if the file is empty.
  static func contents(
    of path: String, role: FileRole, limit: Int = Files.documentLimit
  ) throws(IdentityError) -> Contents {
    let contents: Contents
    do throws(FileError) {
      contents = try Files.contents(of: path, limit: limit)
    } catch {
      throw IdentityError(error, role)
    }
    guard !contents.bytes.isEmpty else { throw .empty(path, role) }
    return contents
  }
}

extension LockedFolder {
  /// Locks a folder; throws `unwritable`.
  static func lock(_ path: String) throws(IdentityError) -> LockedFolder {
    do throws(FileError) {
      return try LockedFolder(path)
    } catch {
      throw IdentityError(writing: error)
    }
  }

  /// Writes files that appear together, in this order; throws `unwritable`.
  func write(_ files: [(name: String, bytes: [UInt8], mode: mode_t)]) throws(IdentityError) {
    do throws(FileError) {
      var transaction = FileTransaction(in: self)
      for file in files { try transaction.stage(file.bytes, as: file.name, mode: file.mode) }
      try transaction.commit()
    } catch {
      throw IdentityError(writing: error)
    }
  }
}

extension IdentityError {
  /// A file with a role can't be read.
  init(_ error: FileError, _ role: FileRole) {
    self =
      switch error.cause {
      case .missing: .missing(error.path, role)
      case .isFolder: .notAFile(error.path, role, isDirectory: true)
      case .notAFile: .notAFile(error.path, role, isDirectory: false)
      case .tooLarge(let limit): .tooLarge(error.path, role, limit: limit)
      case .invalidPath, .system: .unreadable(error.path, role, reason: error.reason)
      }
  }

  /// A file or folder can't be written.
  init(writing error: FileError) {
    self.init(
      .unwritable, path: error.path,
      "\(error); check the folder's permissions and the space on its disk")
  }
}
