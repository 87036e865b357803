import Glibc

/// An exclusive lock on a file that lives as long as this value; the system releases it when the process ends.
public final class FileLock: Sendable {
  private let descriptor: Int32

  private init(_ descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// Notes in the file who holds the lock, for those that find it taken.
  public func note(_ text: String) {
    ftruncate(descriptor, 0)
    _ = pwrite(descriptor, text, text.utf8.count, 0)
  }

  /// Takes the lock, making the file (mode 0600) if it is missing; nil if another process holds it.
  public static func take(_ path: String) throws(FileError) -> FileLock? {
    try Files.check(path, .lock)
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw FileError(.lock, path, errno: errno) }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return FileLock(descriptor) }
    let code = errno
    close(descriptor)
    guard code == EWOULDBLOCK else { throw FileError(.lock, path, errno: code) }
    return nil
  }
}
