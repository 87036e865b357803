/// Limits reports of failures: an action that fails for every message must not fill the disk.
struct FailureReports {
  private var second = 0
  private var count = 0
  /// The most lines per second.
  static let limit = 10
  /// The most bytes of a line: topics and templates' texts come from messages.
  static let bytes = 2048

  /// The lines to write for a failure; `second` is in seconds since 1970.
  mutating func lines(for text: String, at second: Int) -> [String] {
    var lines: [String] = []
    if second != self.second {
      if count > Self.limit { lines.append("rules: \(count - Self.limit) more failures in the same second") }
      (self.second, count) = (second, 0)
    }
    count += 1
    guard count <= Self.limit else { return lines }
    let isLong = text.utf8.count > Self.bytes
    lines.append(isLong ? String(decoding: text.utf8.prefix(Self.bytes), as: UTF8.self) + "…" : text)
    return lines
  }
}
