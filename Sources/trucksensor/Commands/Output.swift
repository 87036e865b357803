import Glibc

/// Standard output can't be written.
struct OutputError: Error, CustomStringConvertible {
  let description: String
}

/// Standard output for data: collected, and written when the event loop has nothing else to do.
///
/// Used on the main thread only, like the whole executable.
final class StandardOutput {
  nonisolated(unsafe) static let shared = StandardOutput()
  // nonisolated(unsafe): the executable's commands run on the main thread; no other thread writes output.

  private var bytes: [UInt8] = []
  /// Whether the reader has gone away.
  private(set) var isClosed = false

  func print(_ text: String) {
    bytes.append(contentsOf: text.utf8)
    if !text.hasSuffix("\n") { bytes.append(UInt8(ascii: "\n")) }
  }

  func line(_ content: [UInt8]) {
    bytes.append(contentsOf: content)
    bytes.append(UInt8(ascii: "\n"))
    if bytes.count >= 65_536 { flush() }
  }

  func append(_ content: [UInt8]) {
    bytes.append(contentsOf: content)
    if bytes.count >= 65_536 { flush() }
  }

  func flush() {
    var start = 0
    while start < bytes.count, !isClosed {
      let count = bytes.withUnsafeBytes { write(1, $0.baseAddress?.advanced(by: start), $0.count - start) }
      if count > 0 {
        start += count
      } else if errno != EINTR {
        isClosed = true
      }
    }
    bytes.removeAll(keepingCapacity: true)
  }
}

/// Standard error for talk.
enum StandardError {
  static func print(_ text: String) { write(text.hasSuffix("\n") ? text : text + "\n") }

  static func write(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else { return }
      bytes = bytes.dropFirst(max(0, count))
    }
  }

  static var isTerminal: Bool { isatty(2) == 1 }
}

func exit(_ code: ExitCode) -> Never { Glibc.exit(code.rawValue) }
