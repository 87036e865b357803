import FoundationEssentials
import Glibc
import Numbers
import Time

internal import COpenSSL

/// Dates as text.
enum CalendarDay {
  /// `2025-01-31`, in UTC.
  static func text(_ date: Date) -> String {
    guard let seconds = UnixSeconds.of(date) else { return "a date out of range" }
    return String(Moment.text(seconds: seconds).prefix(10))
  }
}

extension Date {
  /// `2025-01-31T12:00:00Z`; a date outside the years 1950 to 9999 becomes the nearest one within.
  package var iso8601: String { Moment.text(seconds: UnixSeconds.clamped(self)) }
}

enum UnixSeconds {
  /// The years 1950 to 9999, which is what X.509 can hold (RFC 5280 section 4.1.2.5).
  private static let range = -631_152_000...253_402_300_799

  /// Whole seconds since 1970, rounded down; nil outside the years 1950 to 9999.
  static func of(_ date: Date) -> Int? {
    guard let seconds = Int(truncated: date.timeIntervalSince1970.rounded(.down)) else { return nil }
    return range.contains(seconds) ? seconds : nil
  }

  /// The same, but a date outside these years becomes the nearest second within them.
  static func clamped(_ date: Date) -> Int {
    Int(saturated: date.timeIntervalSince1970.rounded(.down)).clamped(to: range)
  }
}

extension Date {
  /// Reads a certificate's time; nil if OpenSSL can't read it.
  init?(_ time: UnsafePointer<ASN1_TIME>?) {
    guard let time else { return nil }
    var parts = tm()
    guard ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
    let days = CivilDate.days(Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday))
    let seconds = (days * 24 + Int(parts.tm_hour)) * 3600 + Int(parts.tm_min) * 60 + Int(parts.tm_sec)
    self.init(timeIntervalSince1970: TimeInterval(seconds))
  }
}
