import Files
import Glibc

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

  /// Adds a help text, its headings in bold on a terminal.
  package func printHelp(_ text: String) { print(CommandDescription.styled(text, for: .output)) }

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
    guard !block.isEmpty else { return }
    if Self.isTerminal { return StandardError.withoutStatus { writeBlock(block) } }
    writeBlock(block)
  }

  private static let isTerminal = Terminal.output.isTerminal

  private func writeBlock(_ block: UnsafeRawBufferPointer) {
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
