/// Text as a part of a URL (RFC 3986 section 2.1).
public enum PercentEncoding {
  /// Encodes all but the unreserved characters, which are letters, digits and `-._~` (section 2.3), and those in `kept`.
  public static func encoded(_ text: some StringProtocol, keeping kept: String = "") -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      case _ where kept.utf8.contains(byte): result.unicodeScalars.append(Unicode.Scalar(byte))
      default: result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return result
  }

  /// What a text stands for; a '%' without two digits stands for itself, and bytes that aren't UTF-8 for U+FFFD.
  public static func decoded(_ text: some StringProtocol) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"),
        case let digits = rest.prefix(2).compactMap({ Character(UnicodeScalar($0)).hexDigitValue }),
        digits.count == 2
      {
        bytes.append(UInt8(clamping: digits[0] << 4 | digits[1]))
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
