import Numbers

/// Timestream's durations: `15m`, `2h`, `500ms`, `1y`.
enum Duration {
  private static let units: [(name: String, nanoseconds: Int64)] = [
    ("ns", 1), ("us", 1000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
    ("h", 3_600_000_000_000), ("d", 86_400_000_000_000),
  ]

  /// The digits of a whole number of years, which have no fixed length; nil for any other text.
  static func years(of text: String) -> String? {
    let digits = text.dropLast()
    let isNumber = !digits.isEmpty && digits.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    return text.lowercased().hasSuffix("y") && isNumber && Int64(digits) != nil ? String(digits) : nil
  }

  /// Whether a text is digits and a unit, even if its value doesn't fit into 64 bits.
  static func isDuration(_ text: String) -> Bool {
    let unit = text.drop { $0.isASCII && $0.isNumber }.lowercased()
    return unit == "y" || units.contains { $0.name == unit }
  }

  /// The nanoseconds of a whole number and a unit; nil for any other text, or if they don't fit into 64 bits.
  static func nanoseconds(of text: String) -> Int64? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text.dropFirst(digits.count).lowercased()
    guard let count = Int64(digits), let length = units.first(where: { $0.name == unit })?.nanoseconds else {
      return nil
    }
    return count.checkedMultiply(length)
  }
}
