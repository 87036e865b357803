/// Looks for the highest rate that holds: raises it until one doesn't, then halves the distance between the two.
///
/// A value without a clock: rates come out, results go in.
public struct LimitSearch: Sendable, Equatable {
  /// How much faster each step is while the limit isn't known.
  private static let growth = 1.6
  /// The search ends when the rates that hold and don't hold are this close, as a part of the lower one.
  private static let precision = 0.06
  /// The most steps, whatever the results are.
  private static let stepLimit = 40
  /// Slower than this nothing is tried, in messages per second.
  private static let slowest = 1.0

  /// The highest rate that held, in messages per second.
  public private(set) var held: Double?
  /// The lowest rate that didn't.
  public private(set) var failed: Double?
  /// The rate to try next; nil when the search is over.
  public private(set) var next: Double?
  private var steps = 0
  private var stepLimit = Self.stepLimit

  /// Begins at `rate`.
  public init(from rate: Double) { next = min(max(rate, Self.slowest), Pacer.highestRate) }

  /// Tries the first rate only.
  public mutating func tryOnce() { stepLimit = 1 }

  /// Notes whether the rate that was tried held.
  public mutating func record(holds: Bool) {
    guard let rate = next else { return }
    steps += 1
    // Noise can have a higher rate hold after a lower one didn't.
    if holds { held = max(rate, held ?? rate) } else { failed = min(rate, failed ?? rate) }
    if let low = held, let high = failed, low >= high { failed = nil }
    next = steps < stepLimit ? candidate : nil
  }

  private var candidate: Double? {
    switch (held, failed) {
    case (let held?, let failed?):
      failed > held * (1 + Self.precision) ? (held * failed).squareRoot() : nil
    case (let held?, nil): held < Pacer.highestRate ? min(held * Self.growth, Pacer.highestRate) : nil
    case (nil, let failed?):
      failed > Self.slowest ? max(Self.slowest, failed / Self.growth / Self.growth) : nil
    case (nil, nil): nil
    }
  }
}
