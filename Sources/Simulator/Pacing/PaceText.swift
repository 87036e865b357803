/// What is wrong with an option's text.
public struct PaceTextError: Error, Equatable, CustomStringConvertible {
  /// The sentence.
  public let description: String
  init(_ description: String) { self.description = description }
}

/// Durations as they are typed: `500ms`, `2s`, `10m`, `1h`, or seconds without a unit.
public enum DurationText {
  /// The duration in nanoseconds, more than 0.
  public static func nanoseconds(_ text: String) throws(PaceTextError) -> Int64 {
    let units: [(suffix: String, seconds: Double)] = [
      ("ms", 0.001), ("us", 0.000_001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400),
    ]
    let unit = units.first { text.hasSuffix($0.suffix) } ?? ("", 1)
    let value = try PaceText.positive(
      String(text.dropLast(unit.suffix.count)), of: text, example: "500ms, 2s or 10m")
    let nanoseconds = (value * unit.seconds * 1_000_000_000).rounded()
    guard nanoseconds >= 1, nanoseconds < 9e18 else {
      throw PaceTextError("'\(text)' is out of range; take something like 500ms, 2s or 10m")
    }
    return Int64(nanoseconds)
  }
}

/// Rates as they are typed.
public enum PaceText {
  /// `2`, `2/s`, `120/m`, `3600/h` or `max`.
  public static func rate(_ text: String) throws(PaceTextError) -> Pace {
    if text == "max" { return .maximum }
    let units: [(suffix: String, seconds: Double)] = [("/s", 1), ("/m", 60), ("/h", 3600)]
    let unit = units.first { text.hasSuffix($0.suffix) } ?? ("", 1)
    let value = try positive(String(text.dropLast(unit.suffix.count)), of: text, example: "2, 120/m or max")
    return .rate(value / unit.seconds)
  }

  /// A factor more than 0.
  public static func speed(_ text: String) throws(PaceTextError) -> Double {
    try positive(text.hasSuffix("x") ? String(text.dropLast()) : text, of: text, example: "10")
  }

  /// `A..B/TIME`.
  public static func ramp(_ text: String) throws(PaceTextError) -> Pace {
    let example = "1..100/60s"
    guard let dots = text.range(of: ".."), let slash = text.lastIndex(of: "/"), dots.upperBound <= slash
    else {
      throw PaceTextError("'\(text)' is no ramp; take something like \(example)")
    }
    let from = try positive(String(text[..<dots.lowerBound]), of: text, example: example)
    let to = try positive(String(text[dots.upperBound..<slash]), of: text, example: example)
    let over = try DurationText.nanoseconds(String(text[text.index(after: slash)...]))
    return .ramp(from: from, to: to, over: Double(over) / 1_000_000_000)
  }

  /// A part of the interval from 0 to 1, or in percent.
  public static func jitter(_ text: String) throws(PaceTextError) -> Double {
    let isPercent = text.hasSuffix("%")
    guard let value = Double(isPercent ? String(text.dropLast()) : text), value.isFinite else {
      throw PaceTextError("'\(text)' is no number; take something like 0.1 or 10%")
    }
    let part = isPercent ? value / 100 : value
    guard (0...1).contains(part) else { throw PaceTextError("'\(text)' is not from 0 to 1 (100%)") }
    return part
  }

  static func positive(_ number: String, of text: String, example: String) throws(PaceTextError) -> Double {
    guard let value = Double(number), !number.hasPrefix("0x") else {
      throw PaceTextError("'\(text)' is no number; take something like \(example)")
    }
    guard value.isFinite, value > 0 else {
      throw PaceTextError("'\(text)' must be a number greater than 0; take something like \(example)")
    }
    return value
  }
}

extension String {
  fileprivate func range(of part: String) -> Range<Index>? { firstRange(of: part) }
}
