import JSON

/// A server's URL, taken apart as libpq does: `scheme://user:password@host:port/path?name=value&…`.
///
/// A character that has a meaning in a URL is percent-encoded in a user name or password; a URL in which it isn't is
/// refused, since a part of the password would be taken, and printed, for a host.
struct StoreURL {
  /// `influx+http`.
  let scheme: String
  let user: String?
  let password: String?
  /// As written; a list of hosts has several ports.
  let host: String
  /// With its slash, or empty.
  let path: String
  let parameters: [String: String]
  /// The texts that no message shows.
  let secrets: Secrets

  init(_ text: String) throws(StoreError) {
    func invalid(_ reason: String) -> StoreError {
      StoreError(.invalid, "the store's URL '\(Self.printable(text))' \(reason)")
    }
    guard let colon = text.firstRange(of: "://") else { throw invalid("has no scheme") }
    scheme = String(text[..<colon.lowerBound])
    var rest = text[colon.upperBound...]
    var secrets: [String] = []
    if let at = rest.firstIndex(where: { $0 == "@" || $0 == "/" }), rest[at] == "@" {
      let sides = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let decoded = sides.map { Self.decoded($0) }
      guard let user = decoded[0], let last = decoded[decoded.count - 1] else {
        throw invalid("has a '%' without two hexadecimal digits, or with 00, in its user name or password")
      }
      self.user = user
      password = sides.count > 1 ? last : nil
      if sides.count > 1 { secrets += [String(sides[1]), last] }
      rest = rest[rest.index(after: at)...]
    } else {
      user = nil
      password = nil
    }
    let query = rest.firstIndex(of: "?") ?? rest.endIndex
    let slash = rest[..<query].firstIndex(of: "/") ?? query
    host = String(rest[..<slash])
    path = String(rest[slash..<query])
    // With a second '@' the password may reach into what follows.
    guard Self.arePorts(host), !rest.contains("@") else {
      throw invalid(
        "has no valid HOST:PORT; '@' is written %40, and in a user name or password '/' %2F, ':' %3A, '%' %25, '?' %3F"
      )
    }
    var parameters: [String: String] = [:]
    for pair in rest[query...].dropFirst().split(separator: "&") {
      let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard sides.count == 2, let name = Self.decoded(sides[0]), let value = Self.decoded(sides[1]),
        !name.isEmpty
      else {
        throw invalid("has a parameter that isn't NAME=VALUE")
      }
      if Self.isSecret(name) { secrets += [String(sides[1]), value] }
      guard parameters.updateValue(value, forKey: name) == nil else {
        throw invalid("has the parameter '\(name)' more than once")
      }
    }
    self.parameters = parameters
    self.secrets = Secrets(secrets)
  }

  /// Whether all ports of a list of hosts are numbers. `[::1]:80` has its port behind the bracket.
  private static func arePorts(_ hosts: String) -> Bool {
    hosts.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { host in
      let end = host.hasPrefix("[") ? host.firstIndex(of: "]") : host.startIndex
      guard let end, let colon = host[end...].firstIndex(of: ":") else { return end != nil }
      let port = host[host.index(after: colon)...]
      return port.isEmpty || UInt16(port) != nil && port.first != "+"
    }
  }

  private static func isSecret(_ name: some StringProtocol) -> Bool {
    let name = name.lowercased()
    return ["pass", "secret", "token"].contains { name.contains($0) } && !name.hasSuffix("file")
      || name == "p"
  }

  /// A text that may be a URL, without anything that may be a password, however it is written: for messages about URLs
  /// that are wrong.
  static func printable(_ text: String) -> String {
    guard let colon = text.firstRange(of: "://") else { return text }
    var rest = text[colon.upperBound...]
    var result = String(text[..<colon.upperBound])
    if let at = rest.lastIndex(of: "@") {
      let user = rest[..<at].prefix { $0 != ":" }
      result += user.count < rest[..<at].count ? "\(user):***@" : "\(user)@"
      rest = rest[rest.index(after: at)...]
    }
    let host = rest.prefix { $0 != "/" && $0 != "?" }
    // "user:password" without a host.
    guard arePorts(String(host)) else { return result + host.prefix { $0 != ":" } + ":***" }
    let query = rest.firstIndex(of: "?") ?? rest.endIndex
    result += rest[..<query]
    if query == rest.endIndex { return result }
    let pairs = rest[query...].dropFirst().split(separator: "&", omittingEmptySubsequences: false).map {
      pair in
      let name = pair.prefix { $0 != "=" }
      return isSecret(name) ? "\(name)=***" : String(pair)
    }
    return result + "?" + pairs.joined(separator: "&")
  }

  /// A part of a URL without its percent-encoding; nil if that is wrong, or has a NUL, which C takes for the end.
  static func decoded(_ text: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(JSONScanner.hexadecimalDigit),
        let low = rest.popFirst().flatMap(JSONScanner.hexadecimalDigit), high + low > 0
      else { return nil }
      bytes.append(UInt8(clamping: high << 4 | low))
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// Passwords and tokens, to be kept out of what servers and libraries say.
struct Secrets: Sendable {
  private let texts: [String]

  /// Texts shorter than three bytes would make any message unreadable, and can't be found in it.
  init(_ texts: [String]) {
    self.texts = Set(texts).filter { $0.utf8.count >= 3 }.sorted { $0.utf8.count > $1.utf8.count }
  }

  /// The text with each secret replaced.
  func hidden(in text: String) -> String { texts.reduce(text) { $0.replacing($1, with: "***") } }
}
