/// Appends JSON (RFC 8259) to bytes without Foundation.
package enum JSONText {
  private static let hexadecimal = Array("0123456789abcdef".utf8)

  /// Appends the inside of a JSON string with the fewest escapes; the bytes must be UTF-8.
  package static func appendEscaped(_ text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    for byte in text {
      switch byte {
      case UInt8(ascii: "\""): bytes.append(contentsOf: [0x5C, 0x22])
      case UInt8(ascii: "\\"): bytes.append(contentsOf: [0x5C, 0x5C])
      case 0x08: bytes.append(contentsOf: [0x5C, UInt8(ascii: "b")])
      case 0x09: bytes.append(contentsOf: [0x5C, UInt8(ascii: "t")])
      case 0x0A: bytes.append(contentsOf: [0x5C, UInt8(ascii: "n")])
      case 0x0C: bytes.append(contentsOf: [0x5C, UInt8(ascii: "f")])
      case 0x0D: bytes.append(contentsOf: [0x5C, UInt8(ascii: "r")])
      case 0x00..<0x20:
        bytes.append(contentsOf: "\\u00".utf8)
        bytes.append(hexadecimal[Int(byte >> 4)])
        bytes.append(hexadecimal[Int(byte & 0xF)])
      default: bytes.append(byte)
      }
    }
  }

  /// The same; what has nothing to escape, as sensor values have, is copied in one piece.
  package static func appendValue(_ text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    var isPlain = true
    for byte in text {
      isPlain = isPlain && byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }
    if isPlain {
      bytes.append(contentsOf: text)
    } else {
      appendEscaped(text, to: &bytes)
    }
  }

  /// Appends a whole JSON string, quotes included.
  package static func appendString(_ text: String, to bytes: inout [UInt8]) {
    var text = text
    bytes.append(UInt8(ascii: "\""))
    text.withUTF8 { appendEscaped(UnsafeRawBufferPointer($0), to: &bytes) }
    bytes.append(UInt8(ascii: "\""))
  }

  /// The text as a JSON string, quotes included.
  package static func quoted(_ text: String) -> String {
    var bytes: [UInt8] = []
    appendString(text, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends a decimal integer.
  package static func appendInteger(_ value: Int, to bytes: inout [UInt8]) {
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    appendDigits(value.magnitude, width: 1, to: &bytes)
  }

  /// Appends the shortest decimal that reads back to `value`: no exponent, whole numbers without a point;
  /// `null` where it isn't finite.
  package static func appendNumber(_ value: Double, to bytes: inout [UInt8]) {
    // Up to 2^33 multiples of 1e-6 lie further apart than doubles do: no two read back to the same double, so
    // the one that equals `value` is the shortest decimal, its trailing zeros taken off.
    if value >= 0 && value < 8_589_934_592 {
      let microseconds = (value * 1e6).rounded()
      if microseconds / 1e6 == value {
        appendMicroseconds(UInt(microseconds), to: &bytes)
        return
      }
    }
    appendPlainNumber(value, to: &bytes)
  }

  /// What `appendNumber` is measured against: `Double.description` with its exponent written out.
  package static func appendPlainNumber(_ value: Double, to bytes: inout [UInt8]) {
    guard value.isFinite else {
      bytes.append(contentsOf: "null".utf8)
      return
    }
    if value == 0 {
      bytes.append(UInt8(ascii: "0"))
      return
    }
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    var digits: [UInt8] = []
    var pointPosition: Int?
    var exponent = 0
    let text = Array(value.magnitude.description.utf8)
    for (index, byte) in text.enumerated() {
      if byte == UInt8(ascii: ".") {
        pointPosition = digits.count
      } else if byte == UInt8(ascii: "e") {
        exponent = Int(String(decoding: text[(index + 1)...], as: UTF8.self)) ?? 0
        break
      } else {
        digits.append(byte)
      }
    }
    var point = (pointPosition ?? digits.count) + exponent
    while digits.count > 1 && digits.first == UInt8(ascii: "0") {
      digits.removeFirst()
      point -= 1
    }
    while digits.count > 1 && digits.last == UInt8(ascii: "0") { digits.removeLast() }
    let zero = UInt8(ascii: "0")
    if point <= 0 {
      bytes.append(contentsOf: [zero, UInt8(ascii: ".")])
      bytes.append(contentsOf: repeatElement(zero, count: -point))
      bytes.append(contentsOf: digits)
    } else if point >= digits.count {
      bytes.append(contentsOf: digits)
      bytes.append(contentsOf: repeatElement(zero, count: point - digits.count))
    } else {
      bytes.append(contentsOf: digits[..<point])
      bytes.append(UInt8(ascii: "."))
      bytes.append(contentsOf: digits[point...])
    }
  }

  private static func appendMicroseconds(_ value: UInt, to bytes: inout [UInt8]) {
    appendDigits(value / 1_000_000, width: 1, to: &bytes)
    var fraction = value % 1_000_000
    guard fraction > 0 else { return }
    var width = 6
    while fraction % 10 == 0 {
      fraction /= 10
      width -= 1
    }
    bytes.append(UInt8(ascii: "."))
    appendDigits(fraction, width: width, to: &bytes)
  }

  private static func appendDigits(_ value: UInt, width: Int, to bytes: inout [UInt8]) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var rest = value
      var start = 20
      repeat {
        start -= 1
        digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      } while rest > 0
      while 20 - start < width {
        start -= 1
        digits[start] = UInt8(ascii: "0")
      }
      bytes.append(contentsOf: digits[start...])
    }
  }
}
