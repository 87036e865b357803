import Files

/// What mosquitto's log says, in sentences for a person.
struct BrokerLog {
  /// The log's file.
  let path: String
  private var told: Set<String> = []

  /// The most that is looked at, from the end.
  private static let tailLimit = 1 << 16
  private static let dropping = "Outgoing messages are being dropped for client "

  init(path: String) { self.path = path }

  /// Its last lines, without their time stamps.
  private var lines: [Substring] {
    guard let bytes = try? Files.tail(path, limit: Self.tailLimit) else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(Self.withoutTime)
  }

  /// The last three errors.
  var errors: [String] { lines.filter { $0.hasPrefix("Error") }.suffix(3).map(String.init) }

  /// Sentences about clients for which messages were discarded, each once.
  mutating func newNotices() -> [String] {
    lines.compactMap { line in
      guard line.hasPrefix(Self.dropping) else { return nil }
      let client = line.dropFirst(Self.dropping.count).prefix { $0 != "." }
      guard told.insert(String(client)).inserted else { return nil }
      return
        "Client \(client) doesn't keep up: \(BrokerConfiguration.queueLimit) messages or "
        + "\(BrokerConfiguration.queueBytes >> 20) MiB wait for it, and the local broker discards what comes after them."
    }
  }

  private static func withoutTime(_ line: Substring) -> Substring {
    guard let colon = line.firstRange(of: ": ") else { return line }
    return line[..<colon.lowerBound].allSatisfy { "0123456789-T:".contains($0) }
      ? line[colon.upperBound...] : line
  }
}
