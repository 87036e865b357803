import Numbers

/// Reads durations and plain numbers from option texts.
public enum DurationText {
  private static let units: [(suffix: String, nanoseconds: Double)] = [
    ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("min", 60e9), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
    ("d", 86_400e9),
  ]

  /// Nanoseconds of `10m`, `1h`, `500ms`, `2s`, or a plain number of seconds.
  ///
  /// Throws for what is no duration, not above 0, or longer than 292 years. `option` names the option in the error.
  public static func nanoseconds(_ text: String, option: String) throws(PacingError) -> Int64 {
    var number = text
    var scale = 1e9
    if let unit = units.first(where: { text.hasSuffix($0.suffix) }) {
      number = String(text.dropLast(unit.suffix.count))
      scale = unit.nanoseconds
    }
    let value = try positive(number, whole: text, option: option, example: "2s, 500ms, 10m or 1h")
    guard let nanoseconds = Int64(exactly: (value * scale).rounded()) else {
      throw PacingError("\(option) '\(text)' is too long; at most 292 years")
    }
    guard nanoseconds > 0 else { throw PacingError("\(option) '\(text)' is shorter than 1 ns") }
    return nanoseconds
  }

  /// A finite number above 0; `whole` is the option's full text for the error.
  static func positive(
    _ text: String, whole: String, option: String, example: String, allowsZero: Bool = false
  ) throws(PacingError) -> Double {
    guard let value = NumberText.double(text) else {
      throw PacingError("\(option) '\(whole)' is not understood; write for example \(example)")
    }
    guard value > 0 || (allowsZero && value == 0) else {
      throw PacingError("\(option) '\(whole)' must be above 0; write for example \(example)")
    }
    return value
  }
}
