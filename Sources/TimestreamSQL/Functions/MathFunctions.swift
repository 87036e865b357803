import Glibc
import Numbers

/// Operators and functions over numbers (Presto documentation, "Mathematical Functions and Operators").
enum MathFunctions {
  static let all: [FunctionFamily] =
    ["+", "-", "*", "/", "%"].flatMap(arithmetic) + [
      fixed("negate", [.integer], .integer) { (values) throws(QueryError) in
        try integer32(values[0].integer.checkedMultiply(-1), "negation")
      },
      fixed("negate", [.bigint], .bigint) { (values) throws(QueryError) in
        try bigint(values[0].integer.checkedMultiply(-1), "negation")
      },
      fixed("negate", [.double], .double) { .double(-$0[0].double) },
      fixed("negate", [.intervalDayToSecond], .intervalDayToSecond) { (values) throws(QueryError) in
        try bigint(values[0].integer.checkedMultiply(-1), "negation")
      },
      fixed("negate", [.intervalYearToMonth], .intervalYearToMonth) { (values) throws(QueryError) in
        try bigint(values[0].integer.checkedMultiply(-1), "negation")
      },
      fixed("abs", [.integer], .integer) { (values) throws(QueryError) in
        try integer32(Int64(exactly: values[0].integer.magnitude), "absolute value")
      },
      fixed("abs", [.bigint], .bigint) { (values) throws(QueryError) in
        try bigint(Int64(exactly: values[0].integer.magnitude), "absolute value")
      },
      fixed("abs", [.double], .double) { .double($0[0].double.magnitude) },
      fixed("sign", [.bigint], .bigint) { .integer($0[0].integer.signum()) },
      fixed("sign", [.double], .double) { values in
        let value = values[0].double
        return .double(value > 0 ? 1 : value < 0 ? -1 : value)
      },
      fixed("round", [.integer], .integer) { $0[0] },
      fixed("round", [.bigint], .bigint) { $0[0] },
      fixed("round", [.double], .double) { .double($0[0].double.rounded()) },
      fixed("round", [.bigint, .integer], .bigint) { (values) throws(QueryError) in
        try rounded(values[0].integer, places: values[1].integer)
      },
      fixed("round", [.double, .integer], .double) { .double(rounded($0[0].double, places: $0[1].integer)) },
      fixed("truncate", [.double], .double) { .double($0[0].double.rounded(.towardZero)) },
      fixed("width_bucket", [.double, .double, .double, .bigint], .bigint) { (values) throws(QueryError) in
        let (value, low, high, count) = (
          values[0].double, values[1].double, values[2].double, values[3].integer
        )
        guard count > 0, low != high, low.isFinite, high.isFinite, !value.isNaN else {
          throw QueryError("width_bucket needs finite, different bounds and a positive number of buckets")
        }
        let share = (value - low) / (high - low)
        if share < 0 { return .integer(0) }
        if share >= 1 { return .integer(count.saturatingAdd(1)) }
        return .integer(Int64(saturated: share * Double(count)).saturatingAdd(1))
      },
      fixed("pi", [], .double) { _ in .double(.pi) },
      fixed("e", [], .double) { _ in .double(M_E) },
      fixed("infinity", [], .double) { _ in .double(.infinity) },
      fixed("nan", [], .double) { _ in .double(.nan) },
      fixed("is_nan", [.double], .boolean) { .boolean($0[0].double.isNaN) },
      fixed("is_finite", [.double], .boolean) { .boolean($0[0].double.isFinite) },
      fixed("is_infinite", [.double], .boolean) { .boolean($0[0].double.isInfinite) },
      fixed("random", [], .double, isDeterministic: false) { _ in .double(.random(in: 0..<1)) },
      fixed("rand", [], .double, isDeterministic: false) { _ in .double(.random(in: 0..<1)) },
      fixed("random", [.bigint], .bigint, isDeterministic: false) { (values) throws(QueryError) in
        guard values[0].integer > 0 else { throw QueryError("bound must be positive") }
        return .integer(.random(in: 0..<values[0].integer))
      },
      fixed("to_base", [.bigint, .bigint], .varchar) { (values) throws(QueryError) in
        .text(String(values[0].integer, radix: try radix(values[1])))
      },
      fixed("from_base", [.varchar, .bigint], .bigint) { (values) throws(QueryError) in
        guard let number = Int64(values[0].text, radix: try radix(values[1])) else {
          throw QueryError("Not a valid base-\(values[1].integer) number: \(values[0].text)")
        }
        return .integer(number)
      },
      fixed("log", [.double, .double], .double) { .double(log($0[1].double) / log($0[0].double)) },
      fixed("atan2", [.double, .double], .double) { .double(atan2($0[0].double, $0[1].double)) },
      fixed("bitwise_and", [.bigint, .bigint], .bigint) { .integer($0[0].integer & $0[1].integer) },
      fixed("bitwise_or", [.bigint, .bigint], .bigint) { .integer($0[0].integer | $0[1].integer) },
      fixed("bitwise_xor", [.bigint, .bigint], .bigint) { .integer($0[0].integer ^ $0[1].integer) },
      fixed("bit_count", [.bigint, .bigint], .bigint) { (values) throws(QueryError) in
        let (value, bits) = (values[0].integer, values[1].integer)
        guard (2...64).contains(bits) else {
          throw QueryError("Bits specified in bit_count must be between 2 and 64, got \(bits)")
        }
        // Copies of the sign bit above the number's bits don't count.
        let unused = 64 - bits
        guard (value << unused) >> unused == value else {
          throw QueryError(
            "Number must be representable with the bits specified. \(value) cannot be represented with \(bits) bits"
          )
        }
        return .integer(Int64((value << unused).nonzeroBitCount))
      },
      fixed("normal_cdf", [.double, .double, .double], .double) { (values) throws(QueryError) in
        let (mean, deviation, value) = (values[0].double, values[1].double, values[2].double)
        guard deviation > 0 else { throw QueryError("standardDeviation must be > 0") }
        return .double(0.5 * (1 + erf((value - mean) / (deviation * 2.0.squareRoot()))))
      },
      fixed("bitwise_not", [.bigint], .bigint) { .integer(~$0[0].integer) },
    ]
    + ["ceil", "ceiling", "floor"].flatMap { name in
      [
        fixed(name, [.integer], .integer) { $0[0] }, fixed(name, [.bigint], .bigint) { $0[0] },
        fixed(name, [.double], .double) { .double($0[0].double.rounded(name == "floor" ? .down : .up)) },
      ]
    }
    + ["power", "pow"].map {
      fixed($0, [.double, .double], .double) { .double(pow($0[0].double, $0[1].double)) }
    }
    + ["mod"].flatMap { name in arithmetic("%").map { family in renamed(family, name) } }
    + ["greatest", "least"].map { name in
      generic(name, "\(name)(T, ...)") { types in
        guard let type = SQLType.common(of: types), type.isOrdered
        else { return nil }
        return ScalarFunction(name: name, parameters: types.map { _ in type }, result: type) {
          (values, _) throws(QueryError) in
          values.dropFirst().reduce(values[0]) { best, value in
            (Datum.order(value, best) > 0) == (name == "greatest") && Datum.order(value, best) != 0
              ? value : best
          }
        }
      }
    }
    + plain.map { name, body in fixed(name, [.double], .double) { .double(body($0[0].double)) } }

  private static let plain: [(String, @Sendable (Double) -> Double)] = [
    ("sqrt", { $0.squareRoot() }), ("cbrt", { root($0) }), ("exp", { exp($0) }), ("ln", { log($0) }),
    ("log2", { log2($0) }), ("log10", { log10($0) }), ("sin", { sin($0) }), ("cos", { cos($0) }),
    ("tan", { tan($0) }),
    ("asin", { asin($0) }), ("acos", { acos($0) }), ("atan", { atan($0) }), ("sinh", { sinh($0) }),
    ("cosh", { cosh($0) }), ("tanh", { tanh($0) }), ("degrees", { $0 * 180 / .pi }),
    ("radians", { $0 * .pi / 180 }),
  ]

  /// glibc's cube root may be off by one in the last place, even for cubes of integers.
  @Sendable private static func root(_ value: Double) -> Double {
    let root = cbrt(value)
    let whole = root.rounded()
    return whole * whole * whole == value ? whole : root
  }

  private static func renamed(_ family: FunctionFamily, _ name: String) -> FunctionFamily {
    FunctionFamily(
      name: name, signatures: family.signatures.map { name + $0.drop { $0 != "(" } }, resolve: family.resolve)
  }

  // MARK: Arithmetic

  private static let words = [
    "+": "addition", "-": "subtraction", "*": "multiplication", "/": "division", "%": "division",
  ]

  private static func arithmetic(_ sign: String) -> [FunctionFamily] {
    let word = words[sign] ?? sign
    return [
      fixed(sign, [.integer, .integer], .integer) { (values) throws(QueryError) in
        try integer32(try whole(sign, values[0].integer, values[1].integer), word)
      },
      fixed(sign, [.bigint, .bigint], .bigint) { (values) throws(QueryError) in
        try bigint(try whole(sign, values[0].integer, values[1].integer), word)
      },
      fixed(sign, [.double, .double], .double) { values in
        let (left, right) = (values[0].double, values[1].double)
        switch sign {
        case "+": return .double(left + right)
        case "-": return .double(left - right)
        case "*": return .double(left * right)
        case "/": return .double(left / right)
        default: return .double(fmod(left, right))
        }
      },
    ]
  }

  private static func whole(_ sign: String, _ left: Int64, _ right: Int64) throws(QueryError) -> Int64? {
    switch sign {
    case "+": return left.checkedAdd(right)
    case "-": return left.checkedSubtract(right)
    case "*": return left.checkedMultiply(right)
    case "/":
      guard right != 0 else { throw QueryError("Division by zero") }
      return left.checkedDivide(right)
    default:
      guard right != 0 else { throw QueryError("Division by zero") }
      return left.checkedRemainder(right)
    }
  }

  static func bigint(_ value: Int64?, _ operation: String) throws(QueryError) -> Datum {
    guard let value else { throw QueryError("bigint \(operation) overflow") }
    return .integer(value)
  }

  /// INTEGER has 32 bits.
  static func integer32(_ value: Int64?, _ operation: String) throws(QueryError) -> Datum {
    guard let value, Int32(exactly: value) != nil else { throw QueryError("integer \(operation) overflow") }
    return .integer(value)
  }

  private static func radix(_ value: Datum) throws(QueryError) -> Int {
    guard (2...36).contains(value.integer) else { throw QueryError("Radix must be between 2 and 36") }
    return Int(value.integer)
  }

  private static func rounded(_ value: Int64, places: Int64) throws(QueryError) -> Datum {
    guard places < 0 else { return .integer(value) }
    guard places > -19 else { return .integer(0) }
    var step: Int64 = 1
    for _ in 0..<(-places) { step *= 10 }
    let rest = value % step
    let base = value - rest
    guard rest.magnitude >= (step / 2).magnitude else { return .integer(base) }
    return try bigint(base.checkedAdd(value < 0 ? -step : step), "round")
  }

  private static func rounded(_ value: Double, places: Int64) -> Double {
    guard value.isFinite, places.magnitude < 300 else { return value }
    let factor = pow(10, Double(places))
    let scaled = value * factor
    return scaled.isFinite ? scaled.rounded() / factor : value
  }
}
