/// The Host field of a request (RFC 9110, section 7.2).
enum HostName {
  /// Whether a Host field names this machine: `localhost`, `[::1]` or the address that the server listens on, with or
  /// without a port.
  static func isLoopback(_ host: String?, address: String) -> Bool {
    guard let host, let name = withoutPort(host) else { return false }
    return name == "127.0.0.1" || name == address || name == "[::1]" || name.lowercased() == "localhost"
  }

  /// The part before `:port`; nil if the port isn't one.
  private static func withoutPort(_ host: String) -> Substring? {
    // The colons inside of an IPv6 address's brackets don't begin a port.
    let start = host.lastIndex(of: "]").map { host.index(after: $0) } ?? host.startIndex
    guard let colon = host[start...].firstIndex(of: ":") else { return host[...] }
    let port = host[host.index(after: colon)...]
    guard (1...5).contains(port.utf8.count), port.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      UInt16(port) != nil
    else { return nil }
    return host[..<colon]
  }
}
