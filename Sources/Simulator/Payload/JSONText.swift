/// Strings and numbers as JSON text (RFC 8259).
public enum JSONText {
  /// Appends UTF-8 text with the shortest escapes of section 7; a sensor's number needs none.
  public static func appendEscaped(_ text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    if text.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C }) {
      bytes.append(contentsOf: text)
      return
    }
    for byte in text {
      switch byte {
      case 0x22: bytes.append(contentsOf: "\\\"".utf8)
      case 0x5C: bytes.append(contentsOf: "\\\\".utf8)
      case 0x08: bytes.append(contentsOf: "\\b".utf8)
      case 0x09: bytes.append(contentsOf: "\\t".utf8)
      case 0x0A: bytes.append(contentsOf: "\\n".utf8)
      case 0x0C: bytes.append(contentsOf: "\\f".utf8)
      case 0x0D: bytes.append(contentsOf: "\\r".utf8)
      case 0..<0x20:
        bytes.append(contentsOf: byte < 0x10 ? "\\u000".utf8 : "\\u001".utf8)
        bytes.append(contentsOf: String(byte & 15, radix: 16).utf8)
      default: bytes.append(byte)
      }
    }
  }

  /// Appends UTF-8 text with the shortest escapes.
  public static func appendEscaped(_ text: [UInt8], to bytes: inout [UInt8]) {
    text.withUnsafeBytes { appendEscaped($0, to: &bytes) }
  }

  /// Appends a whole number.
  public static func append(_ value: Int, to bytes: inout [UInt8]) {
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    var rest = value.magnitude
    let start = bytes.count
    repeat {
      bytes.append(UInt8(0x30 + rest % 10))
      rest /= 10
    } while rest > 0
    bytes[start...].reverse()
  }

  /// Appends the shortest decimal that reads back to the same double: no exponent, whole numbers without a point.
  public static func append(_ value: Double, to bytes: inout [UInt8]) {
    // Below 2^33 two different numbers of whole microseconds are different doubles, so the one without its trailing
    // zeros is the shortest that reads back. Time stamps are such numbers.
    let microseconds = (value * 1_000_000).rounded()
    guard value >= 0, value < 8_589_934_592, microseconds / 1_000_000 == value else {
      bytes.append(contentsOf: withoutExponent(value.description).utf8)
      return
    }
    let whole = Int(microseconds)
    append(whole / 1_000_000, to: &bytes)
    var fraction = whole % 1_000_000
    guard fraction > 0 else { return }
    bytes.append(UInt8(ascii: "."))
    var place = 100_000
    while fraction > 0 {
      bytes.append(UInt8(0x30 + fraction / place))
      fraction %= place
      place /= 10
    }
  }

  /// Swift's description of a double, which is the shortest, with its exponent multiplied out.
  static func withoutExponent(_ description: String) -> String {
    let parts = description.split(separator: "e")
    let negative = parts[0].hasPrefix("-")
    let mantissa = parts[0].drop { $0 == "-" }.split(separator: ".")
    var whole = Array(mantissa[0])
    var fraction = mantissa.count > 1 && mantissa[1] != "0" ? Array(mantissa[1]) : []
    let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    for _ in 0..<max(0, exponent) { whole.append(fraction.isEmpty ? "0" : fraction.removeFirst()) }
    for _ in 0..<max(0, -exponent) { fraction.insert(whole.popLast() ?? "0", at: 0) }
    let digits = String(whole.drop { $0 == "0" })
    return (negative ? "-" : "") + (digits.isEmpty ? "0" : digits)
      + (fraction.isEmpty ? "" : "." + String(fraction))
  }
}
