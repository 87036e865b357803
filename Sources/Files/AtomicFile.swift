import Glibc

/// A file that appears whole or not at all: it is written beside its place, flushed to the disk and renamed over what
/// was there before, so that there is never a moment without the file and never a part of it.
///
/// Use it from one thread. A file that isn't committed is removed with the last reference.
public final class AtomicFile {
  private let path: String
  private let temporary: String
  private let descriptor: Int32
  private var bytes: [UInt8] = []
  private var failure: Int32 = 0
  private var isCommitted = false

  /// Begins a file. `mode` is set from the file's first moment (0600 for keys); without it the file keeps the permissions
  /// of the one it replaces, or has 0644.
  public init(_ path: String, mode: mode_t? = nil) throws(FileError) {
    try Files.check(path, .write)
    self.path = path
    var status = stat()
    let isThere = stat(path, &status) == 0
    if isThere, status.st_mode & S_IFMT == S_IFDIR { throw FileError(.write, path, .isFolder) }
    temporary = Self.sibling(of: path, suffix: "new")
    let wanted = mode ?? (isThere ? status.st_mode & 0o777 : 0o644)
    descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, wanted)
    guard descriptor >= 0 else { throw FileError(.write, path, errno: errno) }
    // open() obeys the umask, which must not take away what the file had.
    if mode == nil, isThere { fchmod(descriptor, wanted) }
  }

  deinit {
    close(descriptor)
    if !isCommitted { unlink(temporary) }
  }

  /// Adds bytes; failures are reported by `commit`.
  public func append(_ more: [UInt8]) {
    bytes.append(contentsOf: more)
    if bytes.count >= 65_536 { flush() }
  }

  /// Puts the file in its place.
  public func commit() throws(FileError) {
    flush()
    if failure == 0, fsync(descriptor) != 0 { failure = errno }
    if failure == 0, rename(temporary, path) != 0 { failure = errno }
    guard failure == 0 else { throw FileError(.write, path, errno: failure) }
    isCommitted = true
    Files.synchronizeFolder(of: path)
  }

  /// A hidden name in the folder of `path` that no other file has.
  static func sibling(of path: String, suffix: String) -> String {
    let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    return path[..<slash] + "." + path[slash...] + ".\(UInt64.random(in: .min ... .max)).\(suffix)"
  }

  private func flush() {
    if failure == 0 { failure = Self.write(bytes, to: descriptor) }
    bytes.removeAll(keepingCapacity: true)
  }

  /// Writes all bytes; 0, or the error's number.
  static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count >= 0 { rest = rest.dropFirst(count) } else if errno != EINTR { return errno }
      }
      return 0
    }
  }
}
