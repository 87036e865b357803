import Files
import Glibc

/// Standard input.
package enum StandardInput {
  /// Bounds a line: MQTT's largest payload is a little smaller.
  private static let lineLimit = 1 << 28

  /// All of it; throws if it has more than `limit` bytes.
  package static func bytes(limit: Int) throws(InputError) -> [UInt8] {
    var bytes: [UInt8] = []
    while let piece = try piece() {
      bytes += piece
      guard bytes.count <= limit else { throw InputError("standard input has more than \(limit) bytes") }
    }
    return bytes
  }

  /// All of it as text; throws if it isn't UTF-8.
  package static func text() throws(InputError) -> String {
    guard let text = String(validating: try bytes(limit: lineLimit), as: UTF8.self) else {
      throw InputError("standard input isn't UTF-8")
    }
    return text
  }

  /// Calls `body` with each line that isn't empty and its number, until it returns false; in constant memory.
  package static func forEachLine(_ body: (ArraySlice<UInt8>, Int) throws -> Bool) throws {
    var pending: [UInt8] = []
    var number = 0
    func take(_ line: ArraySlice<UInt8>) throws -> Bool {
      number += 1
      let text = line.last == 0x0D ? line.dropLast() : line
      return try text.isEmpty || body(text, number)
    }
    while let piece = try piece() {
      var start = 0
      while let end = piece[start...].firstIndex(of: 0x0A) {
        if pending.isEmpty {
          guard try take(piece[start..<end]) else { return }
        } else {
          pending += piece[start..<end]
          guard try take(pending[...]) else { return }
          pending.removeAll(keepingCapacity: true)
        }
        start = end + 1
      }
      pending += piece[start...]
      guard pending.count <= lineLimit else {
        throw InputError("line \(number + 1) of standard input has more than \(lineLimit) bytes")
      }
    }
    if !pending.isEmpty { _ = try take(pending[...]) }
  }

  /// The next bytes; nil at the end.
  private static func piece() throws(InputError) -> [UInt8]? {
    var failure: Int32 = 0
    let piece = [UInt8](unsafeUninitializedCapacity: 1 << 18) { buffer, count in
      while true {
        let got = read(0, buffer.baseAddress, buffer.count)
        if got < 0, errno == EINTR { continue }
        if got < 0 { failure = errno }
        count = max(0, got)
        return
      }
    }
    guard failure == 0 else { throw InputError("can't read standard input: \(systemError(failure))") }
    return piece.isEmpty ? nil : piece
  }
}
