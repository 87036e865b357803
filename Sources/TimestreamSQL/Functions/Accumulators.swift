import Glibc
import Numbers

/// The memory that the aggregates of a statement may use together; SQLite's own memory is limited elsewhere.
final class MemoryBudget {
  /// 1 GiB, enough for `approx_percentile` of ten million numbers.
  static let limit = 1 << 30
  private let limit: Int
  private var used = 0

  init(limit: Int = MemoryBudget.limit) { self.limit = limit }

  func take(_ count: Int) throws(QueryError) {
    used += count
    guard used <= limit else {
      throw QueryError("The statement's aggregates keep more than \(limit >> 20) MiB of values")
    }
  }

  func giveBack(_ count: Int) { used -= count }

  /// The approximate size of an array with these elements, in bytes.
  static func bytes(of values: [Datum]) -> Int {
    var bytes = 32
    for value in values {
      bytes += MemoryLayout<Datum>.stride
      switch value {
      case .text(let text): bytes += text.utf8.count
      case .list(let elements): bytes += self.bytes(of: elements)
      default: break
      }
    }
    return bytes
  }
}

/// Keeps all rows and computes the value from them at the end.
final class Collector: Accumulator {
  private var rows: [[Datum]] = []
  private(set) var keptBytes = 0
  private let make: ([[Datum]]) throws(QueryError) -> Datum

  init(_ make: @escaping ([[Datum]]) throws(QueryError) -> Datum) { self.make = make }

  func add(_ values: [Datum]) throws(QueryError) {
    rows.append(values)
    keptBytes += MemoryBudget.bytes(of: values)
  }

  func result() throws(QueryError) -> Datum { rows.isEmpty ? .null : try make(rows) }
}

/// Keeps the first value that isn't NULL.
final class First: Accumulator {
  private var value = Datum.null
  func add(_ values: [Datum]) { if value.isNull { value = values[0] } }
  func result() -> Datum { value }
}

/// Keeps the last value that isn't NULL.
final class Last: Accumulator {
  private var value = Datum.null
  func add(_ values: [Datum]) { if !values[0].isNull { value = values[0] } }
  func result() -> Datum { value }
}

/// Counts the rows for which its argument is true.
final class CountIf: Accumulator {
  private var count: Int64 = 0
  func add(_ values: [Datum]) { if values[0].isTrue { count += 1 } }
  func result() -> Datum { .integer(count) }
}

/// Keeps the greatest or least value.
final class Extreme: Accumulator {
  private let isGreatest: Bool
  private var value = Datum.null
  init(isGreatest: Bool) { self.isGreatest = isGreatest }

  func add(_ values: [Datum]) {
    guard !values[0].isNull else { return }
    if value.isNull || Datum.order(values[0], value) == (isGreatest ? 1 : -1) { value = values[0] }
  }

  func result() -> Datum { value }
}

/// `max_by(x, y)`: the x where y is greatest, the first one if several are.
final class By: Accumulator {
  private let isGreatest: Bool
  private var best: (value: Datum, key: Datum)?
  init(isGreatest: Bool) { self.isGreatest = isGreatest }

  func add(_ values: [Datum]) {
    guard !values[1].isNull else { return }
    if let best, Datum.order(values[1], best.key) != (isGreatest ? 1 : -1) { return }
    best = (values[0], values[1])
  }

  func result() -> Datum { best?.value ?? .null }
}

/// Counts distinct values, exactly.
final class Distinct: Accumulator {
  private var values: Set<Datum> = []
  private(set) var keptBytes = 0
  func add(_ arguments: [Datum]) {
    guard !arguments[0].isNull, values.insert(arguments[0]).inserted else { return }
    keptBytes += MemoryBudget.bytes(of: arguments)
  }
  func result() -> Datum { .integer(Int64(values.count)) }
}

/// Combines integers bit by bit.
final class Bits: Accumulator {
  private var value: Int64?
  private let combine: (Int64, Int64) -> Int64
  init(_ combine: @escaping (Int64, Int64) -> Int64) { self.combine = combine }

  func add(_ values: [Datum]) {
    guard !values[0].isNull else { return }
    value = value.map { combine($0, values[0].integer) } ?? values[0].integer
  }

  func result() -> Datum { value.map { .integer($0) } ?? .null }
}

/// The n-th root of the product.
final class GeometricMean: Accumulator {
  private var sum = 0.0
  private var count = 0.0
  func add(_ values: [Datum]) {
    guard !values[0].isNull else { return }
    sum += log(values[0].double)
    count += 1
  }
  func result() -> Datum { count > 0 ? .double(exp(sum / count)) : .null }
}

/// Central moments, updated value by value without cancellation (B. P. Welford 1962; higher ones: P. Pébay 2008).
struct Moments {
  private(set) var count = 0.0
  private(set) var mean = 0.0
  private var second = 0.0
  private var third = 0.0
  private var fourth = 0.0

  mutating func add(_ value: Double) {
    let before = count
    count += 1
    let delta = value - mean
    let step = delta / count
    let term = delta * step * before
    mean += step
    fourth +=
      term * step * step * (count * count - 3 * count + 3) + 6 * step * step * second - 4 * step * third
    third += term * step * (count - 2) - 3 * step * second
    second += term
  }

  var sampleVariance: Double? { count > 1 ? second / (count - 1) : nil }
  var populationVariance: Double? { count > 0 ? second / count : nil }
  var skewness: Double? { count >= 3 && second > 0 ? count.squareRoot() * third / pow(second, 1.5) : nil }
  var kurtosis: Double? {
    guard count >= 4, second > 0 else { return nil }
    let n = count
    return (n - 1) * n * (n + 1) / ((n - 2) * (n - 3)) * fourth / (second * second)
      - 3 * (n - 1) * (n - 1) / ((n - 2) * (n - 3))
  }
}

final class MomentsAccumulator: Accumulator {
  private var moments = Moments()
  private let value: (Moments) -> Double?
  init(_ value: @escaping (Moments) -> Double?) { self.value = value }
  func add(_ values: [Datum]) { if !values[0].isNull { moments.add(values[0].double) } }
  func result() -> Datum { value(moments).map { .double($0) } ?? .null }
}

/// Moments of pairs (y, x), as Presto orders the arguments of `corr` and `regr_slope`.
struct PairMoments {
  private(set) var count = 0.0
  private(set) var meanX = 0.0
  private(set) var meanY = 0.0
  private(set) var product = 0.0
  private var squareX = 0.0
  private var squareY = 0.0

  mutating func add(y: Double, x: Double) {
    count += 1
    let (deltaX, deltaY) = (x - meanX, y - meanY)
    meanX += deltaX / count
    meanY += deltaY / count
    product += deltaX * (y - meanY)
    squareX += deltaX * (x - meanX)
    squareY += deltaY * (y - meanY)
  }

  var correlation: Double? {
    count > 1 && squareX > 0 && squareY > 0 ? product / (squareX.squareRoot() * squareY.squareRoot()) : nil
  }
  var slope: Double? { count > 1 && squareX > 0 ? product / squareX : nil }
}

final class PairAccumulator: Accumulator {
  private var moments = PairMoments()
  private let value: (PairMoments) -> Double?
  init(_ value: @escaping (PairMoments) -> Double?) { self.value = value }
  func add(_ values: [Datum]) {
    if !values[0].isNull, !values[1].isNull { moments.add(y: values[0].double, x: values[1].double) }
  }
  func result() -> Datum { value(moments).map { .double($0) } ?? .null }
}
