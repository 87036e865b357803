import Glibc

/// A file that appears whole or not at all: it is written beside its place, flushed to the disk and renamed over what
/// was there before, so that there is never a moment without the file and never a part of it.
///
/// A symbolic link stays one: the file that it names is replaced. A device or a pipe, such as `/dev/stdout`, is written to as it is.
///
/// Use it from one thread. A file that isn't committed is removed with the last reference.
public final class AtomicFile {
  private let path: String
  /// Nil for a device or a pipe.
  private let temporary: String?
  private let file: NewFile
  private var bytes: [UInt8] = []
  private var isCommitted = false

  /// Begins a file. `mode` is set from the file's first moment (0600 for keys); without it the file keeps the permissions
  /// of the one it replaces, or has 0644.
  public init(_ path: String, mode: mode_t? = nil) throws(FileError) {
    var status = stat()
    let isThere = stat(path, &status) == 0
    let type = status.st_mode & S_IFMT
    if isThere, type == S_IFDIR { throw FileError(.write, path, .isFolder) }
    guard !isThere || type == S_IFREG else {
      self.path = path
      self.temporary = nil
      file = try NewFile(existing: path)
      return
    }
    self.path = isThere && mode == nil ? Self.target(of: path) : path
    let temporary = Self.sibling(of: self.path, suffix: "new")
    self.temporary = temporary
    // The umask decides about a file without a predecessor and without a wish.
    file = try NewFile(
      temporary, mode: mode ?? (isThere ? status.st_mode & 0o777 : 0o644), isExact: mode != nil || isThere,
      for: path)
  }

  deinit {
    if !isCommitted, let temporary { unlink(temporary) }
  }

  /// Adds bytes; failures are reported by `commit`.
  public func append(_ more: [UInt8]) {
    bytes.append(contentsOf: more)
    if bytes.count >= 65_536 { flush() }
  }

  /// Puts the file in its place.
  public func commit() throws(FileError) {
    flush()
    guard let temporary else { return try file.finish(isDurable: false) }
    try file.finish()
    guard rename(temporary, path) == 0 else { throw FileError(.write, path, errno: errno) }
    isCommitted = true
    Files.synchronizeFolder(of: path)
  }

  /// The file that a path names, without symbolic links.
  private static func target(of path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// A hidden name in the folder of `path` that no other file has.
  static func sibling(of path: String, suffix: String) -> String {
    let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    return path[..<slash] + "." + path[slash...] + ".\(UInt64.random(in: .min ... .max)).\(suffix)"
  }

  private func flush() {
    file.append(bytes)
    bytes.removeAll(keepingCapacity: true)
  }
}

/// A file that wasn't there before, open for writing. Errors name the file that it is to become.
final class NewFile {
  private let destination: String
  private let descriptor: Int32
  private var failure: Int32 = 0

  /// Makes the file at `path`, which must not exist. `isExact` gives it all bits of `mode`, whatever the umask is.
  init(_ path: String, mode: mode_t, isExact: Bool = true, for destination: String) throws(FileError) {
    try Files.check(destination, .write)
    try Files.check(path, .write)
    self.destination = destination
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
    guard descriptor >= 0 else { throw FileError(.write, destination, errno: errno) }
    if isExact, fchmod(descriptor, mode) != 0 { failure = errno }
  }

  /// Opens a device or a pipe.
  init(existing path: String) throws(FileError) {
    try Files.check(path, .write)
    destination = path
    descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else { throw FileError(.write, path, errno: errno) }
  }

  deinit { close(descriptor) }

  /// Writes all bytes; failures are reported by `finish`.
  func append(_ bytes: [UInt8]) {
    guard failure == 0 else { return }
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let count = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count >= 0 {
          rest = rest.dropFirst(count)
        } else if errno != EINTR {
          failure = errno
          return
        }
      }
    }
  }

  /// Reports what failed; waits for the disk before that, if the file is to be durable.
  func finish(isDurable: Bool = true) throws(FileError) {
    if failure == 0, isDurable, fsync(descriptor) != 0 { failure = errno }
    guard failure == 0 else { throw FileError(.write, destination, errno: failure) }
  }
}
