import Numbers

/// A moment in time: seconds since 1970-01-01T00:00:00Z and the nanoseconds after them.
public struct Moment: Sendable, Hashable {
  /// Whole seconds since 1970, rounded down.
  public var seconds: Int
  /// 0 to 999 999 999.
  public var nanoseconds: Int

  /// Reads ISO 8601: `2024-10-23T17:14:03.5Z`. The zone is `Z`, `+03:00`, `+0300` or `+03`, and UTC if it is missing.
  /// A blank may replace the `T` and may precede the zone; seconds or the whole time of day may be missing. Decimals
  /// beyond the ninth are ignored.
  ///
  /// Returns nil for any other text, and for dates that the calendar doesn't have.
  public init?(iso8601 text: String) {
    var text = text
    guard let moment = text.withUTF8({ Moment(iso8601: UnsafeRawBufferPointer($0)) }) else { return nil }
    self = moment
  }

  /// Reads the same from UTF-8.
  public init?(iso8601 text: UnsafeRawBufferPointer) {
    var scanner = Scanner(text)
    guard let moment = scanner.moment() else { return nil }
    self = moment
  }

  private init(seconds: Int, nanoseconds: Int) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  /// Seconds since 1970 as a double, rounded once.
  public var epochSeconds: Double {
    // Microseconds of any four-digit year are exact up to 2^53.
    nanoseconds % 1000 == 0
      ? Double(seconds * 1_000_000 + nanoseconds / 1000) / 1e6
      : Double(seconds) + Double(nanoseconds) / 1e9
  }

  /// Nanoseconds since 1970; nil outside the years 1677 to 2262.
  public var epochNanoseconds: Int64? {
    // Rounded towards zero first: the product of the smallest representable moment doesn't fit, the sum does.
    let isNegative = seconds < 0
    return Int64(isNegative ? seconds + 1 : seconds).checkedMultiply(1_000_000_000)?
      .checkedAdd(Int64(isNegative ? nanoseconds - 1_000_000_000 : nanoseconds))
  }

  /// Epoch seconds of ISO 8601 or of a number: epoch seconds, from 1e11 on milliseconds, from 1e14 on microseconds, from
  /// 1e17 on nanoseconds. Nil if the text is neither.
  public static func epochSeconds(_ text: String) -> Double? {
    var text = text
    return text.withUTF8 { epochSeconds(UnsafeRawBufferPointer($0)) }
  }

  /// Reads the same from UTF-8.
  public static func epochSeconds(_ text: UnsafeRawBufferPointer) -> Double? {
    guard let number = NumberText.double(text) else { return Moment(iso8601: text)?.epochSeconds }
    switch number.magnitude {
    case 1e17...: return number / 1e9
    case 1e14...: return number / 1e6
    case 1e11...: return number / 1e3
    default: return number
    }
  }

  /// Takes a text apart; nothing it reads has more than four digits, so that no arithmetic here can overflow.
  private struct Scanner {
    let bytes: UnsafeRawBufferPointer
    var index = 0

    init(_ bytes: UnsafeRawBufferPointer) {
      var start = 0
      var end = bytes.count
      while start < end && bytes[start] == 0x20 { start += 1 }
      while end > start && bytes[end - 1] == 0x20 { end -= 1 }
      self.bytes = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }

    mutating func accept(_ characters: StaticString) -> UInt8? {
      guard index < bytes.count else { return nil }
      let byte = bytes[index]
      for offset in 0..<characters.utf8CodeUnitCount where characters.utf8Start[offset] == byte {
        index += 1
        return byte
      }
      return nil
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

    mutating func moment() -> Moment? {
      guard let year = number(digits: 4), accept("-") != nil, let month = number(digits: 2),
        accept("-") != nil, let day = number(digits: 2), (1...12).contains(month),
        day >= 1, day <= CivilDate.length(ofMonth: month, in: year)
      else { return nil }
      var seconds = CivilDate.days(year, month, day) * 86_400
      var nanoseconds = 0
      guard index < bytes.count else { return Moment(seconds: seconds, nanoseconds: 0) }
      guard accept("Tt ") != nil, let hour = number(digits: 2), accept(":") != nil,
        let minute = number(digits: 2), hour < 24, minute < 60
      else { return nil }
      seconds += hour * 3600 + minute * 60
      if accept(":") != nil {
        // 60 is a leap second.
        guard let second = number(digits: 2), second <= 60 else { return nil }
        seconds += second
        if accept(".,") != nil {
          var scale = 100_000_000
          let start = index
          while let digit = number(digits: 1) {
            nanoseconds += digit * scale
            scale /= 10
          }
          guard index > start else { return nil }
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
      return Moment(seconds: seconds, nanoseconds: nanoseconds)
    }
  }
}

extension Moment {
  /// `2025-01-31T12:00:00Z`: RFC 3339 in whole seconds, for years from 0 to 9999.
  package static func text(seconds: Int) -> String {
    func padded(_ value: Int, _ width: Int = 2) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let (day, second) = seconds.floorDivided(by: 86_400)
    let date = CivilDate(daysSinceEpoch: day)
    return "\(padded(date.year, 4))-\(padded(date.month))-\(padded(date.day))T"
      + "\(padded(second / 3600)):\(padded(second / 60 % 60)):\(padded(second % 60))Z"
  }
}
