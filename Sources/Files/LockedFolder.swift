import Glibc

/// A folder that no other trucksensor process changes while this value exists.
///
/// Opening it finishes what a killed process left behind: a transaction that was cut is undone, and its hidden files are
/// removed.
public final class LockedFolder {
  /// The folder as the caller wrote it.
  public let path: String
  let descriptor: Int32

  /// Makes the folder (mode 0755, parents too) if it is missing, waits for its lock, and undoes cut transactions.
  public init(_ path: String) throws(FileError) {
    let path = path.isEmpty ? "." : path
    try Files.makeFolder(path)
    self.path = path
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(.lock, path, errno: errno) }
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else { throw FileError(.lock, path, errno: errno) }
    }
    try TransactionFiles.recover(self)
  }

  deinit { close(descriptor) }

  /// Makes renamed, new and removed names durable.
  func synchronize() throws(FileError) {
    guard fsync(descriptor) == 0 else { throw FileError(.write, path, errno: errno) }
  }
}
