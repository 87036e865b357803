import Glibc

/// A folder of certificates that no other process of ours changes while this value is alive.
final class Folder {
  let path: String
  private let descriptor: Int32

  /// Makes the folder (mode 0755, parents too) if it isn't there, and waits for its lock.
  init(_ path: String) throws(IdentityError) {
    try Self.make(path)
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unwritable(path, reason: systemError(errno)) }
    self.path = path
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else {
        let reason = systemError(errno)
        throw .unwritable(path, reason: reason)
      }
    }
  }

  deinit { close(descriptor) }

  /// `name` inside `path`, as the user would write it.
  static func join(_ path: String, _ name: String) -> String {
    path.isEmpty ? name : path.hasSuffix("/") ? path + name : path + "/" + name
  }

  /// Makes names that were renamed durable.
  func synchronize() { fsync(descriptor) }

  private static func make(_ path: String) throws(IdentityError) {
    guard !path.utf8.contains(0) else { throw .unwritable(path, reason: "the path holds a NUL") }
    var partial = path.hasPrefix("/") ? "/" : ""
    for component in path.split(separator: "/") {
      partial += (partial.isEmpty || partial == "/" ? "" : "/") + component
      guard mkdir(partial, 0o755) == 0 || FileContents.exists(partial) else {
        throw .unwritable(partial, reason: systemError(errno))
      }
    }
  }
}

/// Files that appear together: all are written beside their places first, then renamed in order. If a step fails,
/// what was there before is put back; if the process is killed, no file is ever seen in part.
struct FileTransaction: ~Copyable {
  private struct Entry {
    let path: String
    let staged: String
    var backup: String?
    var isInPlace = false
  }

  private var entries: [Entry] = []
  private var isCommitted = false

  deinit {
    for entry in entries.reversed() where !isCommitted {
      if entry.isInPlace { unlink(entry.path) } else { unlink(entry.staged) }
      if let backup = entry.backup { rename(backup, entry.path) }
    }
    for entry in entries where isCommitted {
      if let backup = entry.backup { unlink(backup) }
    }
  }

  /// Writes `bytes` to a new file with `mode` from its first moment, and to the disk.
  mutating func stage(_ bytes: [UInt8], at path: String, mode: mode_t) throws(IdentityError) {
    let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    let staged = path[..<slash] + "." + path[slash...] + ".\(UInt64.random(in: .min ... .max)).new"
    let descriptor = open(String(staged), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
    guard descriptor >= 0 else { throw .unwritable(path, reason: systemError(errno)) }
    entries.append(Entry(path: path, staged: String(staged)))
    var failure = Self.write(bytes, to: descriptor)
    if failure == 0, fsync(descriptor) != 0 { failure = errno }
    if close(descriptor) != 0, failure == 0 { failure = errno }
    guard failure == 0 else { throw .unwritable(path, reason: systemError(failure)) }
  }

  /// Puts the files in place in the order in which they were staged. Files that they replace are moved out of the
  /// way in reverse order before, so that an old last one never stands beside a new first one.
  mutating func commit(in folder: borrowing Folder) throws(IdentityError) {
    for index in entries.indices.reversed() where FileContents.exists(entries[index].path) {
      let backup = entries[index].staged + ".old"
      guard rename(entries[index].path, backup) == 0 else {
        throw .unwritable(entries[index].path, reason: systemError(errno))
      }
      entries[index].backup = backup
    }
    for index in entries.indices {
      guard rename(entries[index].staged, entries[index].path) == 0 else {
        throw .unwritable(entries[index].path, reason: systemError(errno))
      }
      entries[index].isInPlace = true
    }
    isCommitted = true
    folder.synchronize()
  }

  /// 0, or the error's number.
  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { return errno }
        rest = rest.dropFirst(count)
      }
      return 0
    }
  }
}
