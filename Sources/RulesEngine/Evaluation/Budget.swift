/// The bytes that are left for the current message. Everything that an evaluation reads, makes or compares is taken from
/// them, so that they limit both memory and time: a byte stands for about a nanosecond.
///
/// Once a limit is exceeded, nothing is left: evaluation ends quickly, and the caller gets an error instead of
/// a part of the result.
final class Budget {
  /// What one expression costs, including its call.
  static let step = 32
  /// What an element of an array costs: a value's size in memory.
  static let element = 64
  /// What a member of an object costs besides its key's text.
  static let member = 128

  /// What each byte of a text that is read as a number costs.
  static let digit = 8

  let work: Int
  private(set) var left: Int
  /// The limit that was exceeded first; nil if none was.
  private(set) var excess: LimitError?

  init(_ work: Int = EvaluationLimits.work) {
    self.work = work
    left = work
  }

  func reset() {
    left = work
    excess = nil
  }

  /// Takes bytes; false if fewer are left.
  @discardableResult func take(_ bytes: Int) -> Bool {
    guard bytes <= left else {
      exceed(.work)
      return false
    }
    left -= bytes
    return true
  }

  /// Takes `count` times `bytes`.
  @discardableResult func take(_ count: Int, times bytes: Int) -> Bool {
    let (product, overflow) = count.multipliedReportingOverflow(by: bytes)
    return take(overflow ? Int.max : product)
  }

  /// Ends the evaluation with an error.
  func exceed(_ limit: LimitError) {
    if excess == nil { excess = limit }
    left = 0
  }
}
