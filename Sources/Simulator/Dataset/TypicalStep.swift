/// The median of the first forward steps of a time axis: constant memory, and steady against a few gaps.
struct TypicalStep {
  static let sampleSize = 1024

  private var sample: [Double] = []
  private var settled: Double?

  /// Whether the sample is full.
  var isSettled: Bool { settled != nil }

  /// Takes a step in seconds; steps of zero or less don't count.
  mutating func record(_ step: Double) {
    guard settled == nil, step > 0 else { return }
    sample.append(step)
    if sample.count == Self.sampleSize {
      settled = median
      sample = []
    }
  }

  /// The typical step in seconds; nil before the first forward step.
  var seconds: Double? { settled ?? median }

  private var median: Double? {
    guard !sample.isEmpty else { return nil }
    // The shorter of two in the middle: of few steps, a long one is the gap.
    return sample.sorted()[(sample.count - 1) / 2]
  }
}
