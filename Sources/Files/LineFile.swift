import Glibc

/// A file that grows by whole lines, which others may read or move away meanwhile.
public final class LineFile {
  private let path: String
  private let descriptor: Int32

  /// Opens the file for appending; one that isn't there is made with `mode`.
  public init(_ path: String, mode: mode_t = 0o644) throws(FileError) {
    try Files.check(path, .write)
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode)
    guard descriptor >= 0 else { throw FileError(.write, path, errno: errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw FileError(.write, path, .notAFile)
    }
  }

  deinit { close(descriptor) }

  /// Appends a line and its end. A part of a line that a full disk cut is ended by the next.
  public func append(_ line: [UInt8]) throws(FileError) {
    let bytes = line + [0x0A]
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        write(descriptor, $0.baseAddress.map { $0 + written }, bytes.count - written)
      }
      guard count > 0 else {
        if count < 0, errno == EINTR { continue }
        let cause = errno
        // What follows must not be taken for the rest of this line.
        if written > 0 { _ = bytes.suffix(1).withUnsafeBytes { write(descriptor, $0.baseAddress, 1) } }
        throw FileError(.write, path, errno: cause)
      }
      written += count
    }
  }
}
