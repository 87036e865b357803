import FoundationEssentials
import Glibc

internal import COpenSSL

/// A date as people read it in our sentences.
enum CalendarDay {
  /// `2025-01-31`, in UTC.
  static func text(_ date: Date) -> String {
    guard var seconds = UnixSeconds.of(date) else { return "an impossible date" }
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func padded(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(parts.tm_year + 1900)-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday))"
  }
}

enum UnixSeconds {
  /// Whole seconds since 1970, rounded down; nil outside the years 1950 to 9999, which X.509 can't hold
  /// (RFC 5280 section 4.1.2.5).
  static func of(_ date: Date) -> Int? {
    let seconds = date.timeIntervalSince1970.rounded(.down)
    guard seconds >= -631_152_000, seconds <= 253_402_300_799 else { return nil }
    return Int(seconds)
  }
}

extension Date {
  /// nil if OpenSSL can't read the certificate's time.
  init?(_ time: UnsafePointer<ASN1_TIME>?) {
    guard let time else { return nil }
    var parts = tm()
    guard ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
    self.init(timeIntervalSince1970: TimeInterval(timegm(&parts)))
  }
}
