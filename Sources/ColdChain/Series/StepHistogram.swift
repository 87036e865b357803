import Numbers

/// The steps between readings, counted by length in constant memory, with four classes per octave.
struct StepHistogram: Sendable {
  /// The first class begins at 2⁻¹² s; a double's exponent has an offset of 1023.
  private static let offset = (1023 - 12) * 4
  private static let classes = 200
  private var counts = [Int](repeating: 0, count: classes)
  private var seconds = [Double](repeating: 0, count: classes)
  private(set) var total = 0

  mutating func add(_ step: Double) {
    guard step > 0, step.isFinite else { return }
    // The double's exponent and the first two bits of its significand give the class without a logarithm.
    let index = (Int(step.bitPattern >> 50) - Self.offset).clamped(to: 0...(Self.classes - 1))
    counts[index] += 1
    seconds[index] += step
    total += 1
  }

  /// The typical step in seconds: the mean of the class that holds the median; nil without steps.
  var typical: Double? {
    guard total > 0 else { return nil }
    var rest = total / 2
    for index in counts.indices where counts[index] > 0 {
      if rest < counts[index] { return seconds[index] / Double(counts[index]) }
      rest -= counts[index]
    }
    return nil
  }

  /// The seconds in steps of at most `limit`.
  func seconds(upTo limit: Double) -> Double {
    var sum = 0.0
    for index in counts.indices where counts[index] > 0 {
      if seconds[index] / Double(counts[index]) <= limit { sum += seconds[index] }
    }
    return sum
  }
}
