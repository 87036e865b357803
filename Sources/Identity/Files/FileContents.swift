import Glibc

/// A file's bytes and permissions, read through one descriptor so that they belong together.
struct FileContents {
  /// 1 MiB: four times the size of a whole system's CA bundle.
  static let limit = 1 << 20

  let bytes: [UInt8]
  /// The permission bits.
  let mode: mode_t

  init(path: String, role: FileRole, limit: Int = Self.limit) throws(IdentityError) {
    guard !path.utf8.contains(0) else { throw .unreadable(path, role, reason: "the path holds a NUL") }
    // Not to hang on a pipe nobody writes to.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else {
      switch errno {
      case ENOENT, ENOTDIR: throw .missing(path, role)
      case ENXIO: throw .notAFile(path, role, isDirectory: false)
      case let code: throw .unreadable(path, role, reason: systemError(code))
      }
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .unreadable(path, role, reason: systemError(errno)) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .notAFile(path, role, isDirectory: status.st_mode & S_IFMT == S_IFDIR)
    }
    guard status.st_size <= limit else { throw .tooLarge(path, role, limit: limit) }
    var buffer = [UInt8](repeating: 0, count: min(limit, max(Int(status.st_size), Self.limit)) + 1)
    var count = 0
    while count < buffer.count {
      let got = buffer.withUnsafeMutableBytes {
        read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count)
      }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw .unreadable(path, role, reason: systemError(errno)) }
      if got == 0 { break }
      count += got
    }
    guard count < buffer.count else { throw .tooLarge(path, role, limit: limit) }
    guard count > 0 else { throw .empty(path, role) }
    bytes = Array(buffer[..<count])
    mode = status.st_mode & 0o7777
  }

  /// Whether anything is at `path`, a dangling link included.
  static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }
}

/// The operating system's words for `errno`.
func systemError(_ code: Int32) -> String { String(cString: strerror(code)) }
