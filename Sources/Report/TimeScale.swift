import Numbers
import Time

/// Round moments along a chart's time axis, with their labels: of a clock, where a day begins its date; without one, how long
/// after the start.
struct TimeScale {
  /// Moments in nanoseconds since 1970, in order.
  let ticks: [(time: Int64, label: String)]

  /// The steps, in seconds, up to two weeks.
  private static let steps: [Int64] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
    604_800,
    1_209_600,
  ]
  /// The steps in months beyond.
  private static let monthSteps = [1, 2, 3, 6, 12, 24, 60, 120, 600, 1200, 6000]
  /// The most ticks that are aimed at.
  private static let most: Int64 = 8
  private static let second: Int64 = 1_000_000_000
  private static let day: Int64 = 86_400

  /// The scale of `first...last`, nanoseconds since 1970; `zone` is in seconds east of UTC.
  init(_ first: Int64, _ last: Int64, zone: Int, hasClock: Bool) {
    let shift = hasClock ? Int64(zone).saturatingMultiply(Self.second) : Int64(0).saturatingSubtract(first)
    let (from, to) = (first.saturatingAdd(shift), last.saturatingAdd(shift))
    let span = max(0, to.saturatingSubtract(from)) / Self.second
    let step = Self.steps.first { span / $0 < Self.most }
    let shown: [Int64]
    if let step {
      shown = Self.multiples(of: step, from, to)
    } else if hasClock {
      shown = Self.months(from, to, span)
    } else {
      // A record without a clock that lasts for months: days, as many as fit.
      shown = Self.multiples(of: (span / Self.day / Self.most + 1) * Self.day, from, to)
    }
    ticks = shown.map { time in
      let label = hasClock ? Self.label(time, step) : Self.elapsed(time / Self.second, step)
      return (time.saturatingSubtract(shift), label)
    }
  }

  private static func multiples(of step: Int64, _ from: Int64, _ to: Int64) -> [Int64] {
    let length = step.saturatingMultiply(second)
    var time = from / length * length
    if time < from { time = time.saturatingAdd(length) }
    var found: [Int64] = []
    while time <= to, found.count <= most {
      found.append(time)
      let next = time.saturatingAdd(length)
      if next == time { break }
      time = next
    }
    return found
  }

  private static func months(_ from: Int64, _ to: Int64, _ span: Int64) -> [Int64] {
    let step = monthSteps.first { span / (Int64($0) * 30 * day) < most } ?? 6000
    let date = CivilDate(daysSinceEpoch: Int(from / second / day))
    var month = (date.year * 12 + date.month - 1) / step * step
    var found: [Int64] = []
    for _ in 0...(most + 1) {
      let days = CivilDate.days(month / 12, month % 12 + 1, 1)
      let time = Int64(days).saturatingMultiply(day).saturatingMultiply(second)
      if time > to { break }
      if time >= from { found.append(time) }
      month += step
    }
    return found
  }

  /// `1:30` hours and minutes after the start, as the diagnosis writes it.
  private static func elapsed(_ seconds: Int64, _ step: Int64?) -> String {
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let text = "\(seconds / 3600):\(two(seconds / 60 % 60))"
    return step ?? day < 60 ? "\(text):\(two(seconds % 60))" : text
  }

  private static func label(_ time: Int64, _ step: Int64?) -> String {
    let text = Timestamp.text(time)
    if time % (day * second) == 0 { return String(text.prefix(10)) }
    return String(text.dropFirst(11).prefix(step ?? day < 60 ? 8 : 5))
  }
}
