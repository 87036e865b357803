import Numbers

/// Reads durations as people write them: `10m`, `1h`, `500ms`, `2s`, or a plain number of seconds.
package enum DurationText {
  /// Why a text is not a duration; reads on after the option and its value: `is too long; at most 292 years`.
  package struct Failure: Error, Equatable, CustomStringConvertible {
    /// What is wrong and what to write instead.
    package let description: String
  }

  private static let units: [(suffix: String, nanoseconds: Double)] = [
    ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("min", 60e9), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
    ("d", 86_400e9),
  ]
  private static let example = "write for example 2s, 500ms, 10m or 1h"

  /// The duration in nanoseconds, at least 1.
  package static func nanoseconds(_ text: String) throws(Failure) -> Int64 {
    var number = text
    var scale = 1e9
    if let unit = units.first(where: { text.hasSuffix($0.suffix) }) {
      number = String(text.dropLast(unit.suffix.count))
      scale = unit.nanoseconds
    }
    guard let value = NumberText.double(number) else {
      throw Failure(description: "is not understood; \(example)")
    }
    guard value > 0 else { throw Failure(description: "must be above 0; \(example)") }
    guard let nanoseconds = Int64(exactly: (value * scale).rounded()) else {
      throw Failure(description: "is too long; at most 292 years")
    }
    guard nanoseconds > 0 else { throw Failure(description: "is shorter than 1 ns") }
    return nanoseconds
  }

  /// The duration in the largest unit in which it is a whole number: `90s`, `1500ms`.
  package static func text(_ nanoseconds: Int64) -> String {
    let scales: [(String, Int64)] = [
      ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000),
      ("ms", 1_000_000), ("us", 1000),
    ]
    for (suffix, scale) in scales where nanoseconds % scale == 0 { return "\(nanoseconds / scale)\(suffix)" }
    return "\(nanoseconds)ns"
  }
}
