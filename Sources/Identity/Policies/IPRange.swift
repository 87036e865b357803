import Glibc
import Numbers

/// An IPv4 or IPv6 address, or a range of them in CIDR notation, as in `IpAddress`.
struct IPRange: Sendable, Equatable {
  private let bytes: [UInt8]
  private let prefixLength: Int

  /// Reads `203.0.113.7`, `203.0.113.0/24` or `2001:db8::/32`; nil for anything else.
  init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard let first = parts.first, let bytes = Self.bytes(of: first) else { return nil }
    self.bytes = bytes
    guard parts.count == 2 else {
      prefixLength = bytes.count * 8
      return
    }
    guard let length = Int(parts[1]), (0...bytes.count * 8).contains(length) else { return nil }
    prefixLength = length
  }

  /// Whether the address is in the range; an address of the other family never is.
  func contains(_ address: String) -> Bool {
    guard let other = Self.bytes(of: address), other.count == bytes.count else { return false }
    return (0..<prefixLength).allSatisfy { bit in
      let mask: UInt8 = 0x80 >> UInt8(truncatingIfNeeded: bit % 8)
      return bytes[bit / 8] & mask == other[bit / 8] & mask
    }
  }

  private static func bytes(of address: String) -> [UInt8]? {
    for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
      var bytes = [UInt8](repeating: 0, count: count)
      if inet_pton(family, address, &bytes) == 1 { return bytes }
    }
    return nil
  }
}
