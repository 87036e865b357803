import Glibc

/// Standard input, line by line in constant memory.
enum StandardInput {
  /// All of it as text.
  static func text() throws -> String {
    var text = ""
    try forEachLine { line, _ in
      text += String(decoding: line, as: UTF8.self) + "\n"
      return true
    }
    return text
  }

  /// Longer lines than MQTT's largest payload are no payloads.
  private static let lineLimit = 1 << 28

  /// Calls `body` with each line that isn't empty and its number, until it returns false.
  static func forEachLine(_ body: (ArraySlice<UInt8>, Int) throws -> Bool) throws {
    var pending: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    var number = 0
    func take(_ line: ArraySlice<UInt8>) throws -> Bool {
      number += 1
      let text = line.last == 0x0D ? line.dropLast() : line
      return try text.isEmpty || body(text, number)
    }
    while true {
      let count = read(0, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      var start = 0
      while let end = buffer[start..<count].firstIndex(of: 0x0A) {
        if pending.isEmpty {
          guard try take(buffer[start..<end]) else { return }
        } else {
          pending += buffer[start..<end]
          guard try take(pending[...]) else { return }
          pending.removeAll(keepingCapacity: true)
        }
        start = end + 1
      }
      pending += buffer[start..<count]
      guard pending.count <= lineLimit else {
        throw OutputError(description: "line \(number + 1) is too long")
      }
    }
    if !pending.isEmpty { _ = try take(pending[...]) }
  }
}
