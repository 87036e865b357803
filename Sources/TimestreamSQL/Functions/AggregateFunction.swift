import Numbers

/// Aggregates rows into one value.
protocol Accumulator: AnyObject {
  /// Adds a row's arguments.
  func add(_ values: [Datum]) throws(QueryError)
  /// The value of the rows added so far.
  func result() throws(QueryError) -> Datum
  /// The approximate number of bytes kept; 0 if it doesn't grow with the rows.
  var keptBytes: Int { get }
}

extension Accumulator {
  var keptBytes: Int { 0 }
}

/// An aggregate or window function for arguments of given types.
struct AggregateFunction: Sendable {
  /// How SQLite computes it.
  enum Kind: Sendable {
    /// SQLite's own function of this name does the same.
    case native(String)
    /// The same, but only with OVER.
    case windowOnly(String)
    case own(@Sendable () -> any Accumulator)
  }

  let name: String
  let parameters: [SQLType]
  let result: SQLType
  var kind: Kind
}

/// All aggregates with the same name.
struct AggregateFamily: Sendable {
  let name: String
  let signatures: [String]
  let resolve: @Sendable ([SQLType]) -> AggregateFunction?
}

/// The aggregates and window functions, by name (Presto documentation, "Aggregate Functions", "Window Functions";
/// Timestream developer guide).
enum AggregateCatalog {
  static let families: [String: AggregateFamily] = {
    var families: [String: AggregateFamily] = [:]
    for family in all {
      if let known = families[family.name] {
        families[family.name] = AggregateFamily(
          name: family.name, signatures: known.signatures + family.signatures,
          resolve: { known.resolve($0) ?? family.resolve($0) })
      } else {
        families[family.name] = family
      }
    }
    return families
  }()

  private static func fixed(
    _ name: String, _ parameters: [SQLType], _ result: SQLType, _ kind: AggregateFunction.Kind
  ) -> AggregateFamily {
    AggregateFamily(name: name, signatures: ["\(name)(\(parameters.map(\.text).joined(separator: ", ")))"]) {
      types in
      guard types.count == parameters.count, zip(types, parameters).allSatisfy({ $0.coerces(to: $1) }) else {
        return nil
      }
      return AggregateFunction(name: name, parameters: parameters, result: result, kind: kind)
    }
  }

  private static func generic(
    _ name: String, _ signature: String, _ count: ClosedRange<Int>,
    _ make: @escaping @Sendable ([SQLType]) -> (result: SQLType, kind: AggregateFunction.Kind)?
  ) -> AggregateFamily {
    AggregateFamily(name: name, signatures: [signature]) { types in
      guard count.contains(types.count), let made = make(types) else { return nil }
      return AggregateFunction(name: name, parameters: types, result: made.result, kind: made.kind)
    }
  }

  private static func statistic(_ name: String, _ result: @escaping @Sendable (Moments) -> Double?)
    -> AggregateFamily
  {
    fixed(name, [.double], .double, .own { MomentsAccumulator(result) })
  }

  private static func pair(_ name: String, _ result: @escaping @Sendable (PairMoments) -> Double?)
    -> AggregateFamily
  {
    fixed(name, [.double, .double], .double, .own { PairAccumulator(result) })
  }

  private static let all: [AggregateFamily] = [
    generic("count", "count(T)", 1...1) { _ in (.bigint, .native("count")) },
    fixed("sum", [.bigint], .bigint, .native("sum")),
    fixed("sum", [.double], .double, .native("sum")),
    fixed("avg", [.double], .double, .native("avg")),
    AggregateFamily(name: "count_if", signatures: ["count_if(boolean)"]) { types in
      types.count == 1 && types[0].coerces(to: .boolean)
        ? AggregateFunction(
          name: "count_if", parameters: [.boolean], result: .bigint, kind: .own { CountIf() }) : nil
    },
    fixed("bool_and", [.boolean], .boolean, .native("min")),
    fixed("every", [.boolean], .boolean, .native("min")),
    fixed("bool_or", [.boolean], .boolean, .native("max")),
    extreme("max"), extreme("min"), several("max"), several("min"),
    fixed("bitwise_and_agg", [.bigint], .bigint, .own { Bits { $0 & $1 } }),
    fixed("bitwise_or_agg", [.bigint], .bigint, .own { Bits { $0 | $1 } }),
    generic("arbitrary", "arbitrary(T)", 1...1) { ($0[0], .own { First() }) },
    generic("any_value", "any_value(T)", 1...1) { ($0[0], .own { First() }) },
    by("max_by", isGreatest: true), by("min_by", isGreatest: false),
    generic("array_agg", "array_agg(T)", 1...1) {
      (.array($0[0]), .own { Collector { .list($0.map { $0[0] }) } })
    },
    generic("create_time_series", "create_time_series(timestamp, T)", 2...2) { types in
      guard types[0].coerces(to: .timestamp) else { return nil }
      return (.timeseries(types[1]), .own { Collector(timeSeries) })
    },
    generic("approx_distinct", "approx_distinct(T)", 1...2) { types in
      types.count == 1 || types[1].coerces(to: .double) ? (.bigint, .own { Distinct() }) : nil
    },
    percentile([.bigint, .double], .bigint), percentile([.double, .double], .double),
    percentile([.bigint, .array(.double)], .array(.bigint)),
    percentile([.double, .array(.double)], .array(.double)),
    statistic("stddev") { $0.sampleVariance.map { $0.squareRoot() } },
    statistic("stddev_samp") { $0.sampleVariance.map { $0.squareRoot() } },
    statistic("stddev_pop") { $0.populationVariance.map { $0.squareRoot() } },
    statistic("variance") { $0.sampleVariance }, statistic("var_samp") { $0.sampleVariance },
    statistic("var_pop") { $0.populationVariance },
    statistic("skewness") { $0.skewness }, statistic("kurtosis") { $0.kurtosis },
    fixed("geometric_mean", [.double], .double, .own { GeometricMean() }),
    pair("corr") { $0.correlation }, pair("covar_pop") { $0.count > 0 ? $0.product / $0.count : nil },
    pair("covar_samp") { $0.count > 1 ? $0.product / ($0.count - 1) : nil },
    pair("regr_slope") { $0.slope },
    pair("regr_intercept") { moments in
      moments.slope.map { moments.meanY - $0 * moments.meanX }
    },
    window("row_number", [], .bigint), window("rank", [], .bigint), window("dense_rank", [], .bigint),
    window("percent_rank", [], .double), window("cume_dist", [], .double),
    window("ntile", [.bigint], .bigint),
    generic("first_value", "first_value(T)", 1...1) { ($0[0], .windowOnly("first_value")) },
    generic("last_value", "last_value(T)", 1...1) { ($0[0], .windowOnly("last_value")) },
    generic("nth_value", "nth_value(T, bigint)", 2...2) {
      $0[1].coerces(to: .bigint) ? ($0[0], .windowOnly("nth_value")) : nil
    },
    shifted("lag"), shifted("lead"),
  ]

  private static func extreme(_ name: String) -> AggregateFamily {
    generic(name, "\(name)(T)", 1...1) { types in
      guard types[0].isOrdered else { return nil }
      return (types[0], types[0].isScalar ? .native(name) : .own { Extreme(isGreatest: name == "max") })
    }
  }

  /// `max(x, n)`: the n greatest values, the greatest first.
  private static func several(_ name: String) -> AggregateFamily {
    generic(name, "\(name)(T, bigint)", 2...2) { types in
      guard types[0].isOrdered, types[1].coerces(to: .bigint) else { return nil }
      let isGreatest = name == "max"
      return (
        .array(types[0]),
        .own {
          Collector { rows throws(QueryError) in
            guard let count = rows.first?[1].integer, (1...10_000).contains(count) else {
              throw QueryError("second argument of max/min must be a number from 1 to 10000")
            }
            let values = ArrayFunctions.sorted(rows.map { $0[0] }.filter { !$0.isNull })
            return .list(Array((isGreatest ? values.reversed() : values).prefix(Int(count))))
          }
        }
      )
    }
  }

  private static func by(_ name: String, isGreatest: Bool) -> AggregateFamily {
    generic(name, "\(name)(T, K)", 2...2) { types in
      guard types[1].isOrdered else { return nil }
      return (types[0], .own { By(isGreatest: isGreatest) })
    }
  }

  private static func percentile(_ parameters: [SQLType], _ result: SQLType) -> AggregateFamily {
    fixed("approx_percentile", parameters, result, .own { Collector(percentiles) })
  }

  private static func window(_ name: String, _ parameters: [SQLType], _ result: SQLType) -> AggregateFamily {
    fixed(name, parameters, result, .windowOnly(name))
  }

  private static func shifted(_ name: String) -> AggregateFamily {
    generic(name, "\(name)(T[, bigint[, T]])", 1...3) { types in
      guard types.count < 2 || types[1].coerces(to: .bigint),
        types.count < 3 || types[2].coerces(to: types[0])
      else {
        return nil
      }
      return (types[0], .windowOnly(name))
    }
  }

  // MARK: Whole columns

  /// The points sorted by time. Equal times are an error, as in Timestream.
  @Sendable private static func timeSeries(_ rows: [[Datum]]) throws(QueryError) -> Datum {
    let points = rows.filter { !$0[0].isNull }.enumerated().sorted {
      ($0.element[0].integer, $0.offset) < ($1.element[0].integer, $1.offset)
    }
    for (one, next) in zip(points, points.dropFirst()) where one.element[0] == next.element[0] {
      throw QueryError(
        "create_time_series: the time \(one.element[0].text(as: .timestamp)) occurs more than once; group by what tells the series apart, or select one measure_name"
      )
    }
    return .list(points.map { .list([$0.element[0], $0.element[1]]) })
  }

  /// The exact nearest-rank percentile; the whole column is in memory.
  @Sendable private static func percentiles(_ rows: [[Datum]]) throws(QueryError) -> Datum {
    let values = rows.filter { !$0[0].isNull }
    guard let share = values.first?[1] else { return .null }
    let sorted = values.map { $0[0] }.sorted { Datum.order($0, $1) < 0 }
    func value(_ share: Datum) throws(QueryError) -> Datum {
      guard (0...1).contains(share.double) else { throw QueryError("percentile must be between 0 and 1") }
      let rank = Int(saturated: (share.double * Double(sorted.count)).rounded(.up)) - 1
      return sorted[rank.clamped(to: 0...sorted.count - 1)]
    }
    guard case .list(let shares) = share else { return try value(share) }
    var results: [Datum] = []
    for share in shares { results.append(try value(share)) }
    return .list(results)
  }
}
