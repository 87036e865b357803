import Numbers

/// Timestream's functions over time series (developer guide, "Time-series functions": interpolation, derivatives, integral,
/// correlation). A series is sorted by time and has each time once.
enum SeriesFunctions {
  typealias Point = (time: Int64, value: Datum)

  static let all: [FunctionFamily] =
    interpolations("interpolate_linear", isNumeric: true) { points, time in
      bracketed(points, time) { before, after in linear(before, after, time) }
    }
    + interpolations("interpolate_locf", isNumeric: false) { points, time in
      last(points, until: time)?.value ?? .null
    }
    + [
      generic("interpolate_fill", "interpolate_fill(timeseries(T), array(timestamp), T)") { types in
        guard types.count == 3, case .timeseries(let value) = types[0], types[2].coerces(to: value) else {
          return nil
        }
        if types[1].coerces(to: .array(.timestamp)) {
          return ScalarFunction(
            name: "interpolate_fill", parameters: [types[0], .array(.timestamp), value], result: types[0]
          ) { (values, _) throws(QueryError) in
            let points = points(values[0])
            return .list(values[1].list.map { .list([$0, exact(points, $0.integer) ?? values[2]]) })
          }
        }
        guard types[1].coerces(to: .timestamp) else { return nil }
        return ScalarFunction(
          name: "interpolate_fill", parameters: [types[0], .timestamp, value], result: value
        ) {
          (values, _) throws(QueryError) in exact(points(values[0]), values[1].integer) ?? values[2]
        }
      }
    ]
    + interpolations("interpolate_spline_cubic", isNumeric: true, needs: 4) { points, time in
      Spline(points).value(at: time)
    }
    + [
      perInterval("derivative_linear") { slope in slope },
      perInterval("non_negative_derivative_linear") { slope in slope < 0 ? nil : slope },
      integral(1), integral(2),
      correlation("correlate_pearson") { $0 },
      correlation("correlate_spearman") { ranks($0) },
    ]

  static func points(_ series: Datum) -> [Point] {
    series.list.map { point in (point.list[ifPresent: 0]?.integer ?? 0, point.list[ifPresent: 1] ?? .null) }
  }

  private static func series(_ points: [Point]) -> Datum {
    .list(points.map { .list([.integer($0.time), $0.value]) })
  }

  // MARK: Interpolation

  private static func interpolations(
    _ name: String, isNumeric: Bool, needs least: Int = 1,
    _ value: @escaping @Sendable ([Point], Int64) -> Datum
  ) -> [FunctionFamily] {
    [
      generic(name, "\(name)(timeseries(\(isNumeric ? "double" : "T")), array(timestamp) or timestamp)") {
        types in
        guard types.count == 2, case .timeseries(let element) = types[0], !isNumeric || element.isNumeric
        else { return nil }
        let result: SQLType = isNumeric ? .double : element
        @Sendable func checked(_ series: Datum) throws(QueryError) -> [Point] {
          let points = points(series).filter { !$0.value.isNull }
          guard points.count >= least else {
            throw QueryError(
              "\(name) needs at least \(least) points, and the time series has \(points.count)")
          }
          return points
        }
        if types[1].coerces(to: .array(.timestamp)) {
          return ScalarFunction(
            name: name, parameters: [.timeseries(result), .array(.timestamp)], result: .timeseries(result)
          ) { (values, _) throws(QueryError) in
            let points = try checked(values[0])
            return series(
              values[1].list.compactMap { $0.isNull ? nil : ($0.integer, value(points, $0.integer)) })
          }
        }
        guard types[1].coerces(to: .timestamp) else { return nil }
        return ScalarFunction(name: name, parameters: [.timeseries(result), .timestamp], result: result) {
          (values, _) throws(QueryError) in value(try checked(values[0]), values[1].integer)
        }
      }
    ]
  }

  /// The index of the last point at or before `time`.
  private static func lastIndex(_ points: [Point], until time: Int64) -> Int? {
    var (low, high) = (0, points.count)
    while low < high {
      let middle = (low + high) / 2
      if points[middle].time <= time { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? low - 1 : nil
  }

  private static func last(_ points: [Point], until time: Int64) -> Point? {
    lastIndex(points, until: time).map { points[$0] }
  }

  private static func exact(_ points: [Point], _ time: Int64) -> Datum? {
    guard let point = last(points, until: time), point.time == time else { return nil }
    return point.value
  }

  /// The value between the points around `time`; NULL outside the series.
  private static func bracketed(_ points: [Point], _ time: Int64, _ value: (Point, Point) -> Datum) -> Datum {
    guard let index = lastIndex(points, until: time) else { return .null }
    if points[index].time == time { return points[index].value }
    guard index + 1 < points.count else { return .null }
    return value(points[index], points[index + 1])
  }

  private static func linear(_ before: Point, _ after: Point, _ time: Int64) -> Datum {
    let share = (Double(time) - Double(before.time)) / (Double(after.time) - Double(before.time))
    return .double(before.value.double + (after.value.double - before.value.double) * share)
  }

  // MARK: Change

  private static func perInterval(_ name: String, _ keep: @escaping @Sendable (Double) -> Double?)
    -> FunctionFamily
  {
    generic(name, "\(name)(timeseries(double), interval day to second)") { types in
      guard types.count == 2, case .timeseries(let element) = types[0], element.isNumeric,
        types[1].coerces(to: .intervalDayToSecond)
      else { return nil }
      return ScalarFunction(
        name: name, parameters: [.timeseries(.double), .intervalDayToSecond], result: .timeseries(.double)
      ) { (values, _) throws(QueryError) in
        guard values[1].integer > 0 else { throw QueryError("\(name) needs an interval above zero") }
        let points = points(values[0]).filter { !$0.value.isNull }
        var result: [Point] = []
        for (before, after) in zip(points, points.dropFirst()) {
          let intervals = Double(after.time.saturatingSubtract(before.time)) / Double(values[1].integer)
          guard intervals > 0 else { continue }
          let slope = (after.value.double - before.value.double) / intervals
          result.append((after.time, keep(slope).map { .double($0) } ?? .null))
        }
        return series(result)
      }
    }
  }

  private static func integral(_ count: Int) -> FunctionFamily {
    generic("integral_trapezoidal", "integral_trapezoidal(timeseries(double)[, interval day to second])") {
      types in
      guard types.count == count, case .timeseries(let element) = types[0], element.isNumeric,
        count == 1 || types[1].coerces(to: .intervalDayToSecond)
      else { return nil }
      let parameters: [SQLType] =
        count == 1 ? [.timeseries(.double)] : [.timeseries(.double), .intervalDayToSecond]
      return ScalarFunction(name: "integral_trapezoidal", parameters: parameters, result: .double) {
        (values, _) throws(QueryError) in
        let unit = values[ifPresent: 1]?.integer ?? 1_000_000_000
        guard unit > 0 else { throw QueryError("integral_trapezoidal needs an interval above zero") }
        let points = points(values[0]).filter { !$0.value.isNull }
        var sum = 0.0
        for (before, after) in zip(points, points.dropFirst()) {
          let width = Double(after.time.saturatingSubtract(before.time)) / Double(unit)
          sum += (before.value.double + after.value.double) / 2 * width
        }
        return .double(sum)
      }
    }
  }

  // MARK: Correlation

  private static func correlation(_ name: String, _ prepare: @escaping @Sendable ([Double]) -> [Double])
    -> FunctionFamily
  {
    generic(name, "\(name)(timeseries(double), timeseries(double))") { types in
      guard types.count == 2,
        types.allSatisfy({ if case .timeseries(let element) = $0 { element.isNumeric } else { false } })
      else { return nil }
      return ScalarFunction(
        name: name, parameters: [.timeseries(.double), .timeseries(.double)], result: .double
      ) { (values, _) throws(QueryError) in
        // Pairs of points with equal times; points without a partner are ignored.
        var other: [Int64: Double] = [:]
        for point in points(values[1]) where !point.value.isNull { other[point.time] = point.value.double }
        var (left, right) = ([Double](), [Double]())
        for point in points(values[0]) where !point.value.isNull {
          guard let partner = other[point.time] else { continue }
          left.append(point.value.double)
          right.append(partner)
        }
        guard let result = pearson(prepare(left), prepare(right)) else { return .double(.nan) }
        return .double(result)
      }
    }
  }

  static func pearson(_ left: [Double], _ right: [Double]) -> Double? {
    guard left.count >= 2 else { return nil }
    let count = Double(left.count)
    let (meanLeft, meanRight) = (left.reduce(0, +) / count, right.reduce(0, +) / count)
    var (covariance, one, other) = (0.0, 0.0, 0.0)
    for (x, y) in zip(left, right) {
      covariance += (x - meanLeft) * (y - meanRight)
      one += (x - meanLeft) * (x - meanLeft)
      other += (y - meanRight) * (y - meanRight)
    }
    guard one > 0, other > 0 else { return nil }
    return covariance / (one * other).squareRoot()
  }

  /// Ranks from 1; equal values share the mean of their ranks.
  private static func ranks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start
      while end + 1 < order.count, values[order[end + 1]] == values[order[start]] { end += 1 }
      for place in start...end { ranks[order[place]] = Double(start + end) / 2 + 1 }
      start = end + 1
    }
    return ranks
  }

  /// A natural cubic spline through all points.
  private struct Spline {
    let points: [Point]
    private var second: [Double]

    init(_ points: [Point]) {
      self.points = points
      let count = points.count
      second = [Double](repeating: 0, count: count)
      guard count > 2 else { return }
      // The tridiagonal system of the second derivatives, solved by elimination.
      func width(_ index: Int) -> Double { Double(points[index + 1].time) - Double(points[index].time) }
      func slope(_ index: Int) -> Double {
        (points[index + 1].value.double - points[index].value.double) / width(index)
      }
      var factors = [Double](repeating: 0, count: count)
      var sums = [Double](repeating: 0, count: count)
      for index in 1..<count - 1 {
        let pivot = 2 * (width(index - 1) + width(index)) - width(index - 1) * factors[index - 1]
        factors[index] = width(index) / pivot
        sums[index] = (6 * (slope(index) - slope(index - 1)) - width(index - 1) * sums[index - 1]) / pivot
      }
      for index in stride(from: count - 2, to: 0, by: -1) {
        second[index] = sums[index] - factors[index] * second[index + 1]
      }
    }

    func value(at time: Int64) -> Datum {
      guard let index = lastIndex(points, until: time) else { return .null }
      if points[index].time == time { return .double(points[index].value.double) }
      guard index + 1 < points.count else { return .null }
      let width = Double(points[index + 1].time) - Double(points[index].time)
      let right = (Double(time) - Double(points[index].time)) / width
      let left = 1 - right
      let bend =
        (left * left * left - left) * second[index] + (right * right * right - right) * second[index + 1]
      return .double(
        left * points[index].value.double + right * points[index + 1].value.double + bend * width * width / 6)
    }
  }
}
