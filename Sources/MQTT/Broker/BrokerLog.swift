import Files

/// What mosquitto's log says, in sentences for a person.
struct BrokerLog {
  /// The log's file.
  let path: String
  private var told: Set<String> = []

  /// How many bytes are read, from the end.
  private static let tailLimit = 1 << 16
  private static let dropping = "Outgoing messages are being dropped for client "
  private static let journalNews = "Journal: "

  init(path: String) { self.path = path }

  /// Its last lines, with their time stamps.
  private var stampedLines: [Substring] {
    guard let bytes = try? Files.tail(path, limit: Self.tailLimit) else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  }

  private var lines: [Substring] { stampedLines.map(Self.withoutTime) }

  /// The last three errors.
  var errors: [String] { lines.filter { $0.hasPrefix("Error") }.suffix(3).map(String.init) }

  /// How many messages were waiting in the journal for each client when the broker last said so, at its start or end.
  var waiting: [String: Int] {
    var counts: [String: Int] = [:]
    for line in lines {
      if let match = line.wholeMatch(of: /Journal: (\d+) messages wait for (.+)\./) {
        counts[String(match.2)] = Int(match.1)
      }
    }
    return counts
  }

  /// Sentences about clients for which messages were discarded and about the journal, each once.
  mutating func newNotices() -> [String] {
    stampedLines.compactMap { stamped in
      let line = Self.withoutTime(stamped)
      if line.hasPrefix(Self.journalNews) {
        guard !line.contains(" messages wait for "), told.insert(String(stamped)).inserted else { return nil }
        return "Local broker: \(line)"
      }
      guard line.hasPrefix(Self.dropping) else { return nil }
      let client = line.dropFirst(Self.dropping.count).prefix { $0 != "." }
      guard told.insert(String(client)).inserted else { return nil }
      return
        "Client \(client) doesn't keep up: its queue in the local broker is full, and messages for it are discarded until "
        + "it has read its waiting messages."
    }
  }

  private static func withoutTime(_ line: Substring) -> Substring {
    guard let colon = line.firstRange(of: ": ") else { return line }
    return line[..<colon.lowerBound].allSatisfy { "0123456789-T:".contains($0) }
      ? line[colon.upperBound...] : line
  }
}
