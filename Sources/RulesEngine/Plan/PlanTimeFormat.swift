import Numbers
import Time

/// A pattern and a time zone of `parse_time` that are constant in a statement.
final class PlanTimeFormat: Sendable {
  let pattern: [TimePattern.Part]
  let zone: TimeZoneFile

  init(_ pattern: [TimePattern.Part], _ zone: TimeZoneFile) {
    self.pattern = pattern
    self.zone = zone
  }
}

/// The last text of a format, and where its seconds and milliseconds are: nothing else changes within a minute.
struct PlanTimeMemo: ~Copyable {
  private let format: PlanTimeFormat
  /// The minute since 1970 that `text` belongs to; `Int.min` if there is none.
  private var minute = Int.min
  private(set) var text = PlanBuffer(capacity: 64)
  /// Whether the text needs no escapes as JSON.
  private(set) var isPlain = false
  private var seconds: [Int] = []
  private var milliseconds: [Int] = []
  /// Whether the pattern's seconds and milliseconds have a fixed width.
  private let isFixed: Bool

  init(_ format: PlanTimeFormat) {
    self.format = format
    isFixed = format.pattern.allSatisfy { part in
      switch part {
      case .letters("s", let count): count == 2
      case .letters("S", let count): count == 3
      default: true
      }
    }
  }

  /// Sets `text` for a moment, in epoch milliseconds; returns false if the format has no text for it.
  mutating func update(_ moment: Int) -> Bool {
    let (minute, rest) = moment.floorDivided(by: 60_000)
    if minute == self.minute {
      for place in seconds { put(rest / 1000, 2, at: place) }
      for place in milliseconds { put(rest % 1000, 3, at: place) }
      return true
    }
    self.minute = Int.min
    seconds.removeAll(keepingCapacity: true)
    milliseconds.removeAll(keepingCapacity: true)
    text.truncate(0)
    let isSteady = isFixed && isSteady(minute)
    guard isSteady ? appendNotingPlaces(moment) : append(format.pattern, moment) else { return false }
    if isSteady { self.minute = minute }
    isPlain = text.bytes.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
    return true
  }

  private mutating func appendNotingPlaces(_ moment: Int) -> Bool {
    var run: [TimePattern.Part] = []
    for part in format.pattern {
      run.append(part)
      guard case .letters(let letter, let count) = part, letter == "s" || letter == "S" else { continue }
      guard append(run, moment) else { return false }
      run.removeAll()
      if letter == "s" { seconds.append(text.count - count) } else { milliseconds.append(text.count - count) }
    }
    return append(run, moment)
  }

  private mutating func append(_ parts: [TimePattern.Part], _ moment: Int) -> Bool {
    guard let part = TimePattern.text(parts, milliseconds: moment, zone: format.zone) else { return false }
    text.append(part.utf8)
    return true
  }

  /// Whether the zone's offset is a whole number of minutes and doesn't change within this minute.
  private func isSteady(_ minute: Int) -> Bool {
    let start = minute.saturatingMultiply(60)
    let offset = format.zone.period(at: start).offset
    return offset % 60 == 0 && format.zone.period(at: start.saturatingAdd(59)).offset == offset
  }

  @inline(__always)
  private func put(_ value: Int, _ width: Int, at place: Int) {
    var rest = value
    for digit in (place..<place + width).reversed() {
      text.start[digit] = UInt8(truncatingIfNeeded: 48 + rest % 10)
      rest /= 10
    }
  }
}

/// The memos of the formats of all plans that a `PlanRun` runs.
struct PlanTimeMemos: ~Copyable {
  private static let limit = 1000

  private var memos: [UnsafeMutableRawPointer: UnsafeMutablePointer<PlanTimeMemo>] = [:]
  private var lastFormat: UnsafeMutableRawPointer?
  private var lastMemo: UnsafeMutablePointer<PlanTimeMemo>?

  deinit { Self.free(memos) }

  /// The memo of a format, valid until `shrink`.
  @inline(__always)
  mutating func memo(of format: Unmanaged<PlanTimeFormat>) -> UnsafeMutablePointer<PlanTimeMemo> {
    let key = format.toOpaque()
    if key == lastFormat, let lastMemo { return lastMemo }
    let memo = found(format)
    (lastFormat, lastMemo) = (key, memo)
    return memo
  }

  private mutating func found(_ format: Unmanaged<PlanTimeFormat>) -> UnsafeMutablePointer<PlanTimeMemo> {
    let key = format.toOpaque()
    if let memo = memos[key] { return memo }
    let memo = UnsafeMutablePointer<PlanTimeMemo>.allocate(capacity: 1)
    // The memo retains its format, so that no other format gets the same address.
    memo.initialize(to: PlanTimeMemo(format.takeUnretainedValue()))
    memos[key] = memo
    return memo
  }

  /// Discards all memos once there are too many.
  mutating func shrink() {
    guard memos.count > Self.limit else { return }
    Self.free(memos)
    memos.removeAll()
    lastFormat = nil
  }

  private static func free(_ memos: [UnsafeMutableRawPointer: UnsafeMutablePointer<PlanTimeMemo>]) {
    for memo in memos.values {
      memo.deinitialize(count: 1)
      memo.deallocate()
    }
  }
}
