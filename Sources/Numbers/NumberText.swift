/// Reads decimal numbers from bytes without making a `String` on the common path.
package enum NumberText {
  private static let powersOfTen: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
  ]

  /// The value of `[+-]digits[.digits][e[+-]digits]` with blanks around it, correctly rounded; nil for
  /// anything else (hexadecimal, `nan`, `inf`, what overflows, an empty field).
  package static func double(_ text: UnsafeRawBufferPointer) -> Double? {
    var index = 0
    var end = text.count
    while index < end && isBlank(text[index]) { index += 1 }
    while end > index && isBlank(text[end - 1]) { end -= 1 }
    let start = index
    var isNegative = false
    if index < end, text[index] == UInt8(ascii: "-") || text[index] == UInt8(ascii: "+") {
      isNegative = text[index] == UInt8(ascii: "-")
      index += 1
    }
    var mantissa: Int64 = 0
    var digits = 0
    var fraction = 0
    while index < end, let digit = digit(text[index]) {
      mantissa = mantissa &* 10 &+ digit
      digits += 1
      index += 1
    }
    if index < end && text[index] == UInt8(ascii: ".") {
      index += 1
      while index < end, let digit = digit(text[index]) {
        mantissa = mantissa &* 10 &+ digit
        digits += 1
        fraction += 1
        index += 1
      }
    }
    guard digits > 0 else { return nil }
    if index == end && digits <= 15 {
      // Both are exact in a double, so the quotient is the correctly rounded value (Clinger 1990).
      let value = Double(mantissa) / powersOfTen[fraction]
      return isNegative ? -value : value
    }
    if index < end {
      guard text[index] | 0x20 == UInt8(ascii: "e") else { return nil }
      index += 1
      if index < end, text[index] == UInt8(ascii: "-") || text[index] == UInt8(ascii: "+") { index += 1 }
      guard index < end else { return nil }
      while index < end {
        guard digit(text[index]) != nil else { return nil }
        index += 1
      }
    }
    guard let value = Double(String(decoding: text[start..<end], as: UTF8.self)), value.isFinite else {
      return nil
    }
    return value
  }

  /// The same for text.
  package static func double(_ text: String) -> Double? {
    var text = text
    return text.withUTF8 { double(UnsafeRawBufferPointer($0)) }
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  private static func digit(_ byte: UInt8) -> Int64? {
    let value = byte &- UInt8(ascii: "0")
    return value < 10 ? Int64(value) : nil
  }
}
