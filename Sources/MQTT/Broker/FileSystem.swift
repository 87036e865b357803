import Glibc

internal import CLinux

/// The few file operations the embedded broker needs, with errors that name the file.
enum FileSystem {
  static func makeDirectory(_ path: String) throws(MQTTError) {
    var partial = path.hasPrefix("/") ? "/" : ""
    for component in path.split(separator: "/") {
      partial += (partial.isEmpty || partial == "/" ? "" : "/") + component
      guard mkdir(partial, 0o755) == 0 || errno == EEXIST else {
        throw MQTTError(.system, "can't make the folder \(partial): \(systemError(errno))")
      }
    }
  }

  static func absolute(_ path: String) throws(MQTTError) -> String {
    guard let resolved = realpath(path, nil) else {
      throw MQTTError(.system, "can't use \(path): \(systemError(errno))")
    }
    defer { free(resolved) }
    let text = String(cString: resolved)
    guard !text.contains("\n") else {
      throw MQTTError(.system, "the path '\(text)' contains a line break, which the broker can't read")
    }
    return text
  }

  /// Writes beside the file and renames, so that nobody ever sees a part of it.
  static func write(_ text: String, to path: String, mode: mode_t) throws(MQTTError) {
    let temporary = path + ".new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard descriptor >= 0 else {
      throw MQTTError(.system, "can't write \(path): \(systemError(errno))")
    }
    let bytes = Array(text.utf8)
    let written = Glibc.write(descriptor, bytes, bytes.count)
    let closed = close(descriptor)
    guard written == bytes.count, closed == 0, rename(temporary, path) == 0 else {
      let reason = systemError(errno)
      unlink(temporary)
      throw MQTTError(.system, "can't write \(path): \(reason)")
    }
  }

  /// The file's first 64 KiB as text; nil if it can't be read.
  static func read(_ path: String) -> String? { contents(path, fromEnd: false) }

  /// The file's last 64 KiB as text.
  static func tail(_ path: String) -> String { contents(path, fromEnd: true) ?? "" }

  private static func contents(_ path: String, fromEnd: Bool) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let limit = 65_536
    if fromEnd, lseek(descriptor, 0, SEEK_END) > limit { lseek(descriptor, -limit, SEEK_END) }
    if fromEnd, lseek(descriptor, 0, SEEK_CUR) <= limit { lseek(descriptor, 0, SEEK_SET) }
    var buffer = [UInt8](repeating: 0, count: limit)
    let count = Glibc.read(descriptor, &buffer, limit)
    return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
  }

  /// An exclusive lock on `path` that lives as long as the descriptor; nil if another process holds it.
  static func lock(_ path: String) -> Int32? {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return nil }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      return nil
    }
    return descriptor
  }
}
