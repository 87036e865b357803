/// Reads moments: ISO 8601 with or without a zone, or epoch numbers.
public enum TimeText {
  /// Epoch seconds of `text`, or nil where it is no moment.
  ///
  /// Takes `2024-10-23T17:14:03.5Z`, `+03:00`, `+0300` or `+03` as zones, none meaning UTC, a blank for the `T`,
  /// seconds or the whole time left out; or a number: epoch seconds, from 1e11 on milliseconds, from 1e14 on
  /// microseconds, from 1e17 on nanoseconds.
  public static func epochSeconds(_ text: String) -> Double? {
    var text = text
    return text.withUTF8 { epochSeconds(UnsafeRawBufferPointer($0)) }
  }

  static func epochSeconds(_ text: UnsafeRawBufferPointer) -> Double? {
    if let number = NumberText.double(text) {
      switch abs(number) {
      case 1e17...: return number / 1e9
      case 1e14...: return number / 1e6
      case 1e11...: return number / 1e3
      default: return number
      }
    }
    var scanner = Scanner(bytes: text)
    return scanner.moment()
  }

  /// Days from 1970-01-01 to a day of the Gregorian calendar (H. Hinnant, "chrono-compatible low-level date
  /// algorithms").
  static func days(year: Int, month: Int, day: Int) -> Int {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private struct Scanner {
    let bytes: UnsafeRawBufferPointer
    var index = 0

    init(bytes: UnsafeRawBufferPointer) {
      var start = 0
      var end = bytes.count
      while start < end && bytes[start] == 0x20 { start += 1 }
      while end > start && bytes[end - 1] == 0x20 { end -= 1 }
      self.bytes = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }

    mutating func accept(_ characters: String) -> UInt8? {
      guard index < bytes.count, characters.utf8.contains(bytes[index]) else { return nil }
      index += 1
      return bytes[index - 1]
    }

    mutating func number(digits: Int) -> Int? {
      guard index + digits <= bytes.count else { return nil }
      var value = 0
      for offset in 0..<digits {
        let digit = bytes[index + offset] &- UInt8(ascii: "0")
        guard digit < 10 else { return nil }
        value = value * 10 + Int(digit)
      }
      index += digits
      return value
    }

    mutating func moment() -> Double? {
      guard let year = number(digits: 4), accept("-") != nil, let month = number(digits: 2),
        accept("-") != nil, let day = number(digits: 2), (1...12).contains(month),
        day >= 1, day <= Self.length(ofMonth: month, year: year)
      else { return nil }
      var seconds = TimeText.days(year: year, month: month, day: day) * 86_400
      var nanoseconds = 0
      guard index < bytes.count else { return Double(seconds) }
      guard accept("Tt ") != nil, let hour = number(digits: 2), accept(":") != nil,
        let minute = number(digits: 2), hour < 24, minute < 60
      else { return nil }
      seconds += hour * 3600 + minute * 60
      if accept(":") != nil {
        guard let second = number(digits: 2), second <= 60 else { return nil }
        seconds += second
        if accept(".,") != nil {
          var scale = 100_000_000
          var digits = 0
          while let digit = number(digits: 1) {
            nanoseconds += digit * scale
            scale /= 10
            digits += 1
          }
          guard digits > 0 else { return nil }
        }
      }
      _ = accept(" ")
      if let sign = accept("+-") {
        guard let hours = number(digits: 2), hours < 24 else { return nil }
        var offset = hours * 3600
        if index < bytes.count {
          _ = accept(":")
          guard let minutes = number(digits: 2), minutes < 60 else { return nil }
          offset += minutes * 60
        }
        seconds += sign == UInt8(ascii: "-") ? offset : -offset
      } else {
        _ = accept("Zz")
      }
      guard index == bytes.count else { return nil }
      // One rounding: microseconds of any four-digit year are exact up to 2^53.
      if nanoseconds % 1000 == 0 { return Double(seconds * 1_000_000 + nanoseconds / 1000) / 1e6 }
      return Double(seconds) + Double(nanoseconds) / 1e9
    }

    static func length(ofMonth month: Int, year: Int) -> Int {
      switch month {
      case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
      case 4, 6, 9, 11: 30
      default: 31
      }
    }
  }
}
