import Numbers

extension Pacer.Mode {
  /// Reads `--rate`: `2`, `2/s`, `120/m`, `10/h` (messages per second, minute, hour) or `max`.
  public static func rate(text: String) throws(PacingError) -> Pacer.Mode {
    if text == "max" { return .maximum }
    return .rate(try perSecond(text, whole: text, option: "--rate", example: "2, 120/m or max"))
  }

  /// Reads `--interval`: `2s`, `500ms`, `1m`, or a plain number of seconds.
  public static func interval(text: String) throws(PacingError) -> Pacer.Mode {
    .interval(nanoseconds: try PacingText.nanoseconds(text, option: "--interval"))
  }

  /// Reads `--ramp`: `1..100/60s`, from a rate (0 too) to a rate over a duration.
  public static func ramp(text: String) throws(PacingError) -> Pacer.Mode {
    let example = "1..100/60s"
    let unclear = PacingError("--ramp '\(text)' is not understood; write for example \(example)")
    guard let slash = text.firstIndex(of: "/") else { throw unclear }
    let rates = String(text[..<slash])
    guard let dots = rates.firstRange(of: "..") else { throw unclear }
    let from = try PacingText.positive(
      String(rates[..<dots.lowerBound]), whole: text, option: "--ramp", example: example, allowsZero: true)
    let to = try PacingText.positive(
      String(rates[dots.upperBound...]), whole: text, option: "--ramp", example: example)
    guard from <= Pacer.highestRate, to <= Pacer.highestRate else {
      throw PacingError("--ramp '\(text)' is too fast; at most 1000000000 messages per second")
    }
    let duration = try PacingText.nanoseconds(
      String(text[text.index(after: slash)...]), option: "the duration in --ramp")
    return .ramp(from: from, to: to, nanoseconds: duration)
  }

  /// Reads `--speed`: `1`, `10`, `10x`: how many times faster than the dataset's own time axis.
  public static func speed(text: String) throws(PacingError) -> Pacer.Mode {
    let number = text.hasSuffix("x") ? String(text.dropLast()) : text
    return .speed(
      try PacingText.positive(number, whole: text, option: "--speed", example: "1, 10 or 0.5"))
  }

  /// A rate as `--rate` takes it, or 0 for a pause.
  static func perSecondOrPause(_ text: String, option: String) throws(PacingError) -> Double {
    if NumberText.double(text) == 0 { return 0 }
    return try perSecond(text, whole: text, option: option, example: "2, 120/m or 0")
  }

  private static func perSecond(
    _ text: String, whole: String, option: String, example: String
  ) throws(PacingError) -> Double {
    var number = text
    var seconds = 1.0
    for (suffix, length) in [("/s", 1.0), ("/min", 60), ("/m", 60), ("/h", 3600)] where text.hasSuffix(suffix)
    {
      number = String(text.dropLast(suffix.count))
      seconds = length
      break
    }
    let rate = try PacingText.positive(number, whole: whole, option: option, example: example) / seconds
    guard rate <= Pacer.highestRate else {
      throw PacingError("\(option) '\(whole)' is too fast; write max for as fast as the broker accepts")
    }
    guard 1 / rate < 9e9 else {
      throw PacingError("\(option) '\(whole)' is slower than one message in 285 years")
    }
    return rate
  }
}

extension Pacer {
  /// Reads `--jitter`: `0.1` or `10%`, a fraction of the interval from 0 to 1.
  public static func jitter(text: String) throws(PacingError) -> Double {
    let isPercent = text.hasSuffix("%")
    let number = isPercent ? String(text.dropLast()) : text
    let value = try PacingText.positive(
      number, whole: text, option: "--jitter", example: "0.1 or 10%", allowsZero: true)
    let fraction = isPercent ? value / 100 : value
    guard fraction <= 1 else {
      throw PacingError("--jitter '\(text)' is more than the whole interval; write at most 1 or 100%")
    }
    return fraction
  }
}
