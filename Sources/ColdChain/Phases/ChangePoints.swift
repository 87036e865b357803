import Glibc
import Numbers

/// Change points of a series by PELT (Killick, Fearnhead, Eckley 2012: "Optimal Detection of Changepoints With a Linear
/// Computational Cost"): the segmentation that minimises the segments' costs plus a penalty for each change.
enum ChangePoints {
  /// The starts of all segments after the first; `cost(i, j)` is the cost of the values i ..< j.
  static func pelt(count: Int, minimum: Int, penalty: Double, cost: (Int, Int) -> Double) -> [Int] {
    guard count >= 2 * minimum, minimum > 0 else { return [] }
    var best = [Double](repeating: .infinity, count: count + 1)
    var previous = [Int](repeating: 0, count: count + 1)
    best[0] = -penalty
    var candidates = [0]
    for end in minimum...count {
      var costs: [Double] = []
      costs.reserveCapacity(candidates.count)
      for start in candidates {
        let value = end - start >= minimum ? best[start] + cost(start, end) + penalty : .infinity
        costs.append(value)
        if value < best[end] {
          best[end] = value
          previous[end] = start
        }
      }
      // Candidates that can't become optimal any more are pruned.
      var kept: [Int] = []
      for (index, start) in candidates.enumerated()
      where end - start < minimum || costs[index] - penalty <= best[end] {
        kept.append(start)
      }
      candidates = kept
      if end - minimum + 1 > 0, end - minimum + 1 + minimum <= count { candidates.append(end - minimum + 1) }
    }
    var changes: [Int] = []
    var place = count
    while place > 0, previous[place] > 0 {
      changes.append(previous[place])
      place = previous[place]
    }
    return changes.reversed()
  }

  /// Segments of constant level: the cost is the squared deviation from the mean, in units of the noise.
  static func levels(_ values: [Double], noise: Double, minimum: Int) -> [Int] {
    guard noise > 0 else { return [] }
    let sums = PrefixSums(values.indices.map(Double.init), values)
    let penalty = 4 * log(Double(max(2, values.count)))
    return pelt(count: values.count, minimum: minimum, penalty: penalty) {
      sums.deviation($0, $1) / (noise * noise)
    }
  }

  /// Segments of constant slope: the cost is the squared deviation from the line.
  static func slopes(_ times: [Double], _ values: [Double], noise: Double, minimum: Int) -> [Int] {
    guard noise > 0 else { return [] }
    let sums = PrefixSums(times, values)
    let penalty = 8 * log(Double(max(2, values.count)))
    return pelt(count: values.count, minimum: minimum, penalty: penalty) {
      sums.residual($0, $1) / (noise * noise)
    }
  }

  /// The index at which a split of the values into two levels explains most, its gain in squared deviation, and the two
  /// means (the likelihood ratio of one change, as in CUSUM).
  static func singleLevel(_ values: [Double], margin: Int) -> (
    index: Int, gain: Double, before: Double, after: Double
  )? {
    guard values.count >= 2 * margin, margin > 0 else { return nil }
    let total = values.reduce(0, +)
    let count = Double(values.count)
    var sum = 0.0
    var best: (index: Int, gain: Double, before: Double, after: Double)?
    for index in values.indices {
      if index >= margin, index <= values.count - margin {
        let left = Double(index)
        let difference = sum / left - (total - sum) / (count - left)
        let gain = difference * difference * left * (count - left) / count
        if gain > best?.gain ?? -1 {
          best = (index, gain, sum / left, (total - sum) / (count - left))
        }
      }
      sum += values[index]
    }
    return best
  }
}

/// Running sums of a series, so that a segment's least squares take the same time for every length.
struct PrefixSums {
  private var t: [Double] = [0]
  private var y: [Double] = [0]
  private var tt: [Double] = [0]
  private var yy: [Double] = [0]
  private var ty: [Double] = [0]

  init(_ times: [Double], _ values: [Double]) {
    // Relative to the middle, so that the differences of sums keep their digits.
    let middleTime = times.isEmpty ? 0 : times[times.count / 2]
    let middle = values.isEmpty ? 0 : values[values.count / 2]
    for (time, value) in zip(times, values) {
      let (a, b) = (time - middleTime, value - middle)
      t.append(t[t.count - 1] + a)
      y.append(y[y.count - 1] + b)
      tt.append(tt[tt.count - 1] + a * a)
      yy.append(yy[yy.count - 1] + b * b)
      ty.append(ty[ty.count - 1] + a * b)
    }
  }

  /// The squared deviation from the mean.
  func deviation(_ start: Int, _ end: Int) -> Double {
    let n = Double(end - start)
    let sum = y[end] - y[start]
    return max(0, yy[end] - yy[start] - sum * sum / n)
  }

  /// The squared deviation from the least-squares line.
  func residual(_ start: Int, _ end: Int) -> Double {
    let n = Double(end - start)
    let (st, sy) = (t[end] - t[start], y[end] - y[start])
    let stt = tt[end] - tt[start] - st * st / n
    let syy = yy[end] - yy[start] - sy * sy / n
    let sty = ty[end] - ty[start] - st * sy / n
    return max(0, stt > 0 ? syy - sty * sty / stt : syy)
  }

  /// The slope of the least-squares line.
  func slope(_ start: Int, _ end: Int) -> Double {
    let n = Double(end - start)
    guard n >= 2 else { return 0 }
    let (st, sy) = (t[end] - t[start], y[end] - y[start])
    let stt = tt[end] - tt[start] - st * st / n
    return stt > 0 ? (ty[end] - ty[start] - st * sy / n) / stt : 0
  }
}

/// Medians and figures based on them.
enum Robust {
  /// The median; nil without values.
  static func median(_ values: [Double]) -> Double? { quantile(values, 0.5) }

  /// A quantile, 0 to 1, by the nearest rank; nil without values.
  static func quantile(_ values: [Double], _ share: Double) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let place = Int(saturated: (Double(sorted.count - 1) * min(1, max(0, share))).rounded())
    return sorted[min(sorted.count - 1, max(0, place))]
  }

  /// The standard deviation of the noise, from the median of the differences of neighbours, which slow changes don't
  /// affect.
  static func noise(_ values: [Double]) -> Double {
    let differences = zip(values, values.dropFirst()).map { ($1 - $0).magnitude }
    guard let median = median(differences) else { return 0 }
    // With a coarse sensor, most neighbours are equal; then the mean decides.
    let mean = differences.reduce(0, +) / Double(differences.count)
    return max(median / (0.6745 * 2.0.squareRoot()), 0.5 * mean)
  }
}
