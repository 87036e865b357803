import Files
import Glibc
import JSON
import Synchronization
import Time

/// Input that can't be used: standard input, a line of it, or a file that isn't what it should be.
package struct InputError: Error, CustomStringConvertible {
  /// What is wrong and where.
  package let description: String

  /// Makes an error from its sentence.
  package init(_ description: String) { self.description = description }
}

/// Standard output that can't be written.
package struct OutputError: Error, CustomStringConvertible {
  /// What went wrong.
  package let description: String
}

/// Standard output for data: collected, and written when the event loop has nothing else to do.
///
/// Used on the main thread only, like the whole executable.
package final class StandardOutput {
  // nonisolated(unsafe): commands run on the main thread; no other thread writes output.
  nonisolated(unsafe) package static let shared = StandardOutput()

  private var bytes: [UInt8] = []
  private var failure: Int32 = 0
  /// Whether nothing more can be written: the reader has gone away, or the disk is full.
  package private(set) var isClosed = false

  /// Adds a text and a line's end, if it has none.
  package func print(_ text: String) {
    bytes.append(contentsOf: text.utf8)
    if !text.hasSuffix("\n") { bytes.append(UInt8(ascii: "\n")) }
  }

  /// Adds a line.
  package func line(_ content: [UInt8]) {
    bytes.append(contentsOf: content)
    bytes.append(UInt8(ascii: "\n"))
    if bytes.count >= 65_536 { flush() }
  }

  /// Adds bytes.
  package func append(_ content: [UInt8]) {
    bytes.append(contentsOf: content)
    if bytes.count >= 65_536 { flush() }
  }

  /// Writes a large block, after what was collected.
  package func write(_ block: UnsafeBufferPointer<UInt8>) {
    flush()
    writeAll(UnsafeRawBufferPointer(block))
  }

  /// Writes what was collected.
  package func flush() {
    bytes.withUnsafeBytes { writeAll($0) }
    bytes.removeAll(keepingCapacity: true)
  }

  private func writeAll(_ block: UnsafeRawBufferPointer) {
    var start = 0
    while start < block.count, !isClosed {
      let count = Glibc.write(1, block.baseAddress?.advanced(by: start), block.count - start)
      if count > 0 {
        start += count
      } else if errno != EINTR {
        failure = errno
        isClosed = true
      }
    }
  }

  /// Writes the rest; throws if anything could not be written. A reader that went away, as `head` does, is not an error.
  package func finish() throws(OutputError) {
    flush()
    guard failure != 0, failure != EPIPE else { return }
    throw OutputError(description: "can't write standard output: \(systemError(failure))")
  }
}

/// Standard error, for messages to people.
package enum StandardError {
  /// How lines are written.
  package enum Format: Sendable {
    /// As they are.
    case text
    /// Each as a JSON object: time, level, message.
    case json
  }

  /// How lines are written; the command line sets it once.
  package static var format: Format {
    get { chosenFormat.withLock { $0 } }
    set { chosenFormat.withLock { $0 = newValue } }
  }
  private static let chosenFormat = Mutex(Format.text)

  /// Writes a line.
  package static func print(_ text: String) {
    switch format {
    case .text: write(text.hasSuffix("\n") ? text : text + "\n")
    case .json:
      var json = JSONWriter()
      json.object {
        $0.member("time", Moment.text(seconds: WallClock.milliseconds / 1000))
        $0.member("level", level(of: text))
        $0.member("message", String(text.reversed().drop { $0.isNewline }.reversed()))
      }
      write(json.text + "\n")
    }
  }

  private static func level(of text: String) -> String {
    text.hasPrefix("trucksensor: ") ? "error" : text.hasPrefix("warning: ") ? "warning" : "info"
  }

  /// Writes a text as it is.
  package static func write(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else { return }
      bytes = bytes.dropFirst(max(0, count))
    }
  }

  /// Whether a person reads it.
  package static var isTerminal: Bool { isatty(2) == 1 && format == .text }
}
