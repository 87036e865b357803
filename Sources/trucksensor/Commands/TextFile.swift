import Glibc

/// Small files as text.
enum TextFile {
  /// The file's text, at most 1 MiB; nil if it can't be read.
  static func read(_ path: String) -> String? { bytes(of: path).map { String(decoding: $0, as: UTF8.self) } }

  /// The file's bytes, at most `limit`; nil if it can't be read.
  static func bytes(of path: String, limit: Int = 1 << 20) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < limit {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      guard count > 0 else { break }
      bytes.append(contentsOf: buffer[..<count])
    }
    return bytes
  }
}

/// A file that appears whole or not at all.
final class AtomicFile {
  private let path: String
  private let temporary: String
  private let descriptor: Int32
  private var bytes: [UInt8] = []
  private var failure: Int32 = 0
  private var isCommitted = false

  init(_ path: String) throws(OutputError) {
    self.path = path
    temporary = "\(path).\(getpid()).new"
    descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw OutputError(description: "\(path) can't be written: \(String(cString: strerror(errno)))")
    }
  }

  deinit {
    close(descriptor)
    if !isCommitted { unlink(temporary) }
  }

  func append(_ more: [UInt8]) {
    bytes.append(contentsOf: more)
    if bytes.count >= 65_536 { flush() }
  }

  func commit() throws(OutputError) {
    flush()
    if failure == 0, rename(temporary, path) != 0 { failure = errno }
    guard failure == 0 else {
      throw OutputError(description: "\(path) can't be written: \(String(cString: strerror(failure)))")
    }
    isCommitted = true
  }

  private func flush() {
    var rest = bytes[...]
    while !rest.isEmpty, failure == 0 {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { failure = errno }
    }
    bytes.removeAll(keepingCapacity: true)
  }
}
