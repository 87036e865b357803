import Glibc

/// The subject alternative names of a server, checked so that no name can smuggle in another: OpenSSL takes them as one
/// comma-separated text.
enum AlternativeNames {
  static func text(dnsNames: [String], ipAddresses: [String]) throws(IdentityError) -> String {
    var entries: [String] = []
    for name in dnsNames {
      guard isHostName(name) else {
        throw IdentityError(
          .invalidAlternativeName,
          "\(quoted(name)) is not a DNS name; use letters, digits, '-' and '.', such as localhost or *.example.com"
        )
      }
      entries.append("DNS:" + name)
    }
    for address in ipAddresses {
      guard let canonical = canonicalAddress(address) else {
        throw IdentityError(
          .invalidAlternativeName, "\(quoted(address)) is not an IP address; use one such as 127.0.0.1 or ::1"
        )
      }
      entries.append("IP:" + canonical)
    }
    guard !entries.isEmpty else {
      throw IdentityError(
        .invalidAlternativeName,
        "a server's certificate needs a DNS name or an IP address; otherwise no client accepts it")
    }
    return entries.joined(separator: ",")
  }

  /// RFC 1123 section 2.1 (with '_', too), and RFC 6125 section 6.4.3 for the wildcard.
  private static func isHostName(_ name: String) -> Bool {
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    guard name.utf8.count <= 253 else { return false }
    return labels.enumerated().allSatisfy { index, label in
      if index == 0, label == "*", labels.count > 1 { return true }
      guard (1...63).contains(label.utf8.count), label.utf8.first != 0x2D, label.utf8.last != 0x2D else {
        return false
      }
      return label.unicodeScalars.allSatisfy {
        $0.isASCII && ($0.properties.isAlphabetic || isDigitOrDash($0))
      }
    }
  }

  private static func isDigitOrDash(_ scalar: Unicode.Scalar) -> Bool {
    ("0"..."9").contains(scalar) || scalar == "-" || scalar == "_"
  }

  private static func canonicalAddress(_ text: String) -> String? {
    guard !text.utf8.contains(0) else { return nil }
    for family in [AF_INET, AF_INET6] {
      var address = [UInt8](repeating: 0, count: 16)
      guard inet_pton(family, text, &address) == 1 else { continue }
      return description(ofAddress: family == AF_INET ? Array(address[..<4]) : address)
    }
    return nil
  }

  /// The usual text of an address with 4 or 16 bytes; nil for any other length.
  static func description(ofAddress bytes: [UInt8]) -> String? {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let family = bytes.count == 4 ? AF_INET : AF_INET6
    guard inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return nil }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

extension Unicode.Scalar {
  /// Whether it is a control character or line separator, which would break the line that contains it.
  var isUnsafe: Bool {
    switch properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}

/// `text` for a message: in quotes, with characters escaped that would break the line, and cut at 80 characters.
func quoted(_ text: String) -> String {
  var result = "'"
  for scalar in text.unicodeScalars.prefix(80) {
    result += scalar.isUnsafe ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
  }
  return result + (text.unicodeScalars.count > 80 ? "…'" : "'")
}
