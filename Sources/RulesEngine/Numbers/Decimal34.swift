/// A decimal number with up to 34 digits and an exponent of ±999, as in AWS IoT SQL ("Data types" in the developer
/// guide). Results are rounded half to even, as in IEEE 754-2008 decimal128.
struct Decimal34: Sendable {
  /// The sign; zero is never negative.
  private(set) var isNegative: Bool
  /// At most 10³⁴ − 1.
  private(set) var coefficient: UInt128
  /// The value is ±coefficient × 10^exponent.
  private(set) var exponent: Int

  static let zero = Decimal34(0)
  private static let limit = power(of10: 34)
  private static let largestExponent = 999

  init(_ value: Int) {
    isNegative = value < 0
    coefficient = UInt128(value.magnitude)
    exponent = 0
  }

  /// Rounds to 34 digits; nil if the exponent is beyond ±999.
  init?(isNegative: Bool, coefficient: UInt128, exponent: Int) {
    var coefficient = coefficient
    var exponent = exponent
    if coefficient >= Self.limit {
      var dropped = 0
      var divisor: UInt128 = 1
      while coefficient / divisor >= Self.limit {
        divisor *= 10
        dropped += 1
      }
      let (quotient, rest) = coefficient.quotientAndRemainder(dividingBy: divisor)
      coefficient = quotient
      if rest > divisor / 2 || (rest == divisor / 2 && quotient % 2 == 1) { coefficient += 1 }
      exponent += dropped
      if coefficient == Self.limit {
        coefficient /= 10
        exponent += 1
      }
    }
    guard coefficient != 0 else {
      self = .zero
      return
    }
    while exponent < -Self.largestExponent, coefficient % 10 == 0 {
      coefficient /= 10
      exponent += 1
    }
    guard (-Self.largestExponent...Self.largestExponent).contains(exponent) else { return nil }
    if exponent > Self.largestExponent - 34 {
      // The value counts, not how it is written: 1000e999 is as large as 1e1002.
      var digits = coefficient
      var end = exponent
      while digits % 10 == 0 {
        digits /= 10
        end += 1
      }
      guard end <= Self.largestExponent else { return nil }
    }
    self.isNegative = isNegative
    self.coefficient = coefficient
    self.exponent = exponent
  }

  /// Reads what the other initializer reads. Numbers of up to 18 digits without an exponent, which nearly all are, are
  /// read with machine integers.
  init?(_ text: UnsafeBufferPointer<UInt8>) {
    var value: UInt64 = 0
    var places = 0
    var isAfterPoint = false
    var index = 0
    if index < text.count, text[0] == UInt8(ascii: "-") { index = 1 }
    let start = index
    guard text.count - start <= 18, start < text.count, text[start] != UInt8(ascii: "."),
      text[text.count - 1] != UInt8(ascii: ".")
    else {
      self.init(Array(text))
      return
    }
    while index < text.count {
      let digit = text[index] &- UInt8(ascii: "0")
      if digit < 10 {
        value = value * 10 + UInt64(digit)
        if isAfterPoint { places += 1 }
      } else if text[index] == UInt8(ascii: "."), !isAfterPoint {
        isAfterPoint = true
      } else {
        self.init(Array(text))
        return
      }
      index += 1
    }
    self.init(isNegative: start == 1, coefficient: UInt128(value), exponent: -places)
  }

  /// Reads `-?digits[.digits][e[+-]digits]`; digits beyond the 34th are rounded. Nil for anything else.
  init?(_ text: some Collection<UInt8>) {
    var isNegative = false
    var coefficient: UInt128 = 0
    var exponent = 0
    var digits = 0
    var isAfterPoint = false
    var sawDigit = false
    /// The first digit that doesn't fit decides the rounding, together with whether other digits follow it.
    var firstDropped: UInt8?
    var droppedMore = false
    var index = text.startIndex
    if index < text.endIndex, text[index] == UInt8(ascii: "-") {
      isNegative = true
      index = text.index(after: index)
    }
    scan: while index < text.endIndex {
      let byte = text[index]
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        sawDigit = true
        let digit = byte - UInt8(ascii: "0")
        if digits < 34 {
          coefficient = coefficient * 10 + UInt128(digit)
          if coefficient > 0 { digits += 1 }
          if isAfterPoint { exponent -= 1 }
        } else {
          if firstDropped == nil { firstDropped = digit } else if digit > 0 { droppedMore = true }
          if !isAfterPoint { exponent += 1 }
        }
      case UInt8(ascii: "."):
        guard sawDigit, !isAfterPoint else { return nil }
        isAfterPoint = true
        sawDigit = false
      case UInt8(ascii: "e"), UInt8(ascii: "E"):
        break scan
      default:
        return nil
      }
      index = text.index(after: index)
    }
    guard sawDigit else { return nil }
    if index < text.endIndex {
      index = text.index(after: index)
      var isNegativeExponent = false
      if index < text.endIndex, text[index] == UInt8(ascii: "-") || text[index] == UInt8(ascii: "+") {
        isNegativeExponent = text[index] == UInt8(ascii: "-")
        index = text.index(after: index)
      }
      guard index < text.endIndex else { return nil }
      var value = 0
      while index < text.endIndex {
        let byte = text[index]
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        value = min(value * 10 + Int(byte - UInt8(ascii: "0")), 1_000_000)
        index = text.index(after: index)
      }
      exponent += isNegativeExponent ? -value : value
    }
    if let firstDropped, firstDropped > 5 || (firstDropped == 5 && (droppedMore || coefficient % 2 == 1)) {
      coefficient += 1
    }
    self.init(isNegative: isNegative, coefficient: coefficient, exponent: exponent)
  }

  /// The nearest decimal that reads back to the same double; nil for infinities and NaN.
  init?(_ value: Double) {
    guard value.isFinite else { return nil }
    self.init(Array(value.description.utf8))
  }

  /// 10 to the power of `exponent`, which must be 0 ... 38.
  static func power(of10 exponent: Int) -> UInt128 {
    var result: UInt128 = 1
    for _ in 0..<exponent { result *= 10 }
    return result
  }

  // MARK: Properties

  var isZero: Bool { coefficient == 0 }

  /// The same number, without trailing zeros in its coefficient.
  var normalized: Decimal34 {
    var result = self
    guard coefficient != 0 else { return .zero }
    if var small = UInt64(exactly: coefficient) {
      // 128-bit division is a function call; nearly all numbers can do without it.
      while small % 10 == 0, result.exponent < Self.largestExponent {
        small /= 10
        result.exponent += 1
      }
      result.coefficient = UInt128(small)
      return result
    }
    while result.coefficient % 10 == 0, result.exponent < Self.largestExponent {
      result.coefficient /= 10
      result.exponent += 1
    }
    return result
  }

  /// Whether it is a whole number of at most 34 digits.
  var isWhole: Bool {
    if exponent == 0 { return true }
    let plain = normalized
    return plain.exponent >= 0 && plain.digitCount + plain.exponent <= 34
  }

  private var digitCount: Int {
    var count = 1
    if var small = UInt64(exactly: coefficient) {
      while small >= 10 {
        count += 1
        small /= 10
      }
      return count
    }
    var rest = coefficient / 10
    while rest > 0 {
      count += 1
      rest /= 10
    }
    return count
  }

  /// The number as a machine integer, rounded down (toward negative infinity) and clamped to its range.
  var floorInt: Int {
    let floor = rounded(.down)
    let plain = floor.normalized
    guard plain.exponent + plain.digitCount <= 19 else { return isNegative ? Int.min : Int.max }
    let magnitude = plain.coefficient * Self.power(of10: plain.exponent)
    if isNegative { return magnitude > UInt128(Int.max) ? Int.min : -Int(magnitude) }
    return Int(exactly: magnitude) ?? Int.max
  }

  /// The nearest double.
  var double: Double {
    if exponent == 0, coefficient < 1 << 53 {
      return isNegative ? -Double(UInt64(coefficient)) : Double(UInt64(coefficient))
    }
    if exponent < 0, exponent >= -22, coefficient < 1 << 53 {
      // Both are exact in a double, so the quotient is the correctly rounded value (Clinger 1990).
      var divisor = 1.0
      for _ in 0..<(-exponent) { divisor *= 10 }
      let value = Double(UInt64(coefficient)) / divisor
      return isNegative ? -value : value
    }
    return Double("\(isNegative ? "-" : "")\(coefficient)e\(exponent)") ?? .nan
  }

  // MARK: Rounding

  enum Rounding { case down, up, towardZero, halfAwayFromZero }

  func rounded(_ rounding: Rounding) -> Decimal34 {
    guard exponent < 0 else { return self }
    let places = -exponent
    if places > 38 {
      let away = !isZero && (rounding == .down && isNegative || rounding == .up && !isNegative)
      return away ? Decimal34(isNegative ? -1 : 1) : .zero
    }
    if places < 19, let small = UInt64(exactly: coefficient) {
      var divisor: UInt64 = 1
      for _ in 0..<places { divisor *= 10 }
      let (whole, rest) = small.quotientAndRemainder(dividingBy: divisor)
      var quotient = whole
      if isAway(rest > 0, rest >= divisor - rest, rounding) { quotient += 1 }
      var result = Decimal34.zero
      result.coefficient = UInt128(quotient)
      result.isNegative = isNegative && quotient > 0
      return result
    }
    let divisor = Self.power(of10: places)
    var (quotient, rest) = coefficient.quotientAndRemainder(dividingBy: divisor)
    if isAway(rest > 0, rest >= divisor - rest, rounding) { quotient += 1 }
    var result = Decimal34.zero
    result.coefficient = quotient
    result.isNegative = isNegative && quotient > 0
    return result
  }

  /// The number without the digits after the first `places` decimal places.
  func truncated(toPlaces places: Int) -> Decimal34? {
    guard exponent < 0, places < -exponent,
      let unit = Decimal34(isNegative: false, coefficient: 1, exponent: -places),
      let rest = self % unit
    else { return self }
    return self - rest
  }

  /// Whether the digits that are cut off increase the magnitude.
  private func isAway(_ hasRest: Bool, _ isHalfOrMore: Bool, _ rounding: Rounding) -> Bool {
    switch rounding {
    case .towardZero: false
    case .down: isNegative && hasRest
    case .up: !isNegative && hasRest
    case .halfAwayFromZero: isHalfOrMore
    }
  }

  // MARK: Arithmetic

  static prefix func - (value: Decimal34) -> Decimal34 {
    var result = value
    result.isNegative = !value.isNegative && !value.isZero
    return result
  }

  var magnitude: Decimal34 { isNegative ? -self : self }

  static func + (left: Decimal34, right: Decimal34) -> Decimal34? {
    if left.isZero { return right }
    if right.isZero { return left }
    let (a, b, exponent) = alignedForAddition(left, right)
    if left.isNegative == right.isNegative {
      return Decimal34(isNegative: left.isNegative, coefficient: a + b, exponent: exponent)
    }
    return a >= b
      ? Decimal34(isNegative: left.isNegative, coefficient: a - b, exponent: exponent)
      : Decimal34(isNegative: right.isNegative, coefficient: b - a, exponent: exponent)
  }

  static func - (left: Decimal34, right: Decimal34) -> Decimal34? { left + -right }

  static func * (left: Decimal34, right: Decimal34) -> Decimal34? {
    let isNegative = left.isNegative != right.isNegative
    let (product, overflow) = left.coefficient.multipliedReportingOverflow(by: right.coefficient)
    if !overflow {
      return Decimal34(
        isNegative: isNegative, coefficient: product, exponent: left.exponent + right.exponent)
    }
    // Digits that can't reach the 34th place are dropped one by one from the wide product.
    var (high, low) = left.coefficient.multipliedFullWidth(by: right.coefficient)
    var exponent = left.exponent + right.exponent
    var isSticky = false
    while high > 0 {
      let (upper, rest) = high.quotientAndRemainder(dividingBy: 10)
      let (lower, dropped) = (10 as UInt128).dividingFullWidth((rest, low))
      isSticky = isSticky || dropped > 0
      (high, low) = (upper, lower)
      exponent += 1
    }
    // Enough digits are left beyond the 34th; this one keeps a rounded product from looking like a tie.
    if isSticky, low % 10 == 0 || low % 10 == 5 { low &+= 1 }
    return Decimal34(isNegative: isNegative, coefficient: low, exponent: exponent)
  }

  /// Nil for a division by zero.
  static func / (left: Decimal34, right: Decimal34) -> Decimal34? {
    guard !right.isZero else { return nil }
    let isNegative = left.isNegative != right.isNegative
    var (quotient, rest) = left.coefficient.quotientAndRemainder(dividingBy: right.coefficient)
    var exponent = left.exponent - right.exponent
    // One digit more than is kept decides the rounding.
    while rest > 0, quotient < limit {
      let (digit, next) = (rest * 10).quotientAndRemainder(dividingBy: right.coefficient)
      quotient = quotient * 10 + digit
      rest = next
      exponent -= 1
    }
    if rest > 0, quotient % 10 == 0 || quotient % 10 == 5 { quotient += 1 }
    return Decimal34(isNegative: isNegative, coefficient: quotient, exponent: exponent)
  }

  /// The remainder of the division, with the sign of `left`, as Java's `%` gives it; nil for a division by zero.
  static func % (left: Decimal34, right: Decimal34) -> Decimal34? {
    guard !right.isZero else { return nil }
    if left.magnitude < right.magnitude { return left }
    // Exact, whatever the exponents are: no quotient is rounded.
    let (a, b) = (left.normalized, right.normalized)
    var rest = a.coefficient
    var divisor = b.coefficient
    if a.exponent >= b.exponent {
      rest %= divisor
      for _ in 0..<(a.exponent - b.exponent) where rest > 0 { rest = rest * 10 % divisor }
    } else {
      // The divisor isn't greater than the dividend, so it fits in the dividend's digits.
      divisor *= power(of10: b.exponent - a.exponent)
      rest %= divisor
    }
    return Decimal34(isNegative: left.isNegative, coefficient: rest, exponent: min(a.exponent, b.exponent))
  }

  /// Both coefficients at one exponent. Digits that are too far below the other number to count are replaced by a last
  /// digit of 1, so that the sum is rounded as the exact sum would be.
  private static func alignedForAddition(_ left: Decimal34, _ right: Decimal34) -> (UInt128, UInt128, Int) {
    let a = left.normalized
    let b = right.normalized
    if a.exponent == b.exponent { return (a.coefficient, b.coefficient, a.exponent) }
    let (high, low) = a.exponent > b.exponent ? (a, b) : (b, a)
    let gap = high.exponent - low.exponent
    // At most 37 digits, so that ten times the sum of both fits in 128 bits.
    let shift = min(gap, max(0, 37 - high.digitCount))
    let highCoefficient = high.coefficient * power(of10: shift)
    let exponent = high.exponent - shift
    guard gap > shift else {
      return a.exponent > b.exponent
        ? (highCoefficient, low.coefficient, exponent) : (low.coefficient, highCoefficient, exponent)
    }
    var rest = low.coefficient
    var isExact = false
    if gap - shift <= 38 {
      let (quotient, remainder) = low.coefficient.quotientAndRemainder(dividingBy: power(of10: gap - shift))
      (rest, isExact) = (quotient, remainder == 0)
    } else {
      rest = 0
    }
    let lowCoefficient = rest * 10 + (isExact ? 0 : 1)
    return a.exponent > b.exponent
      ? (highCoefficient * 10, lowCoefficient, exponent - 1)
      : (lowCoefficient, highCoefficient * 10, exponent - 1)
  }

  /// Both coefficients at one exponent; digits more than 38 places below the other number are too small to count.
  private static func aligned(_ left: Decimal34, _ right: Decimal34) -> (UInt128, UInt128, Int) {
    let a = left.normalized
    let b = right.normalized
    if a.exponent == b.exponent { return (a.coefficient, b.coefficient, a.exponent) }
    let (high, low) = a.exponent > b.exponent ? (a, b) : (b, a)
    let room = 38 - high.digitCount - 1
    let gap = high.exponent - low.exponent
    let shift = min(gap, max(0, room))
    let highCoefficient = high.coefficient * power(of10: shift)
    var lowCoefficient = low.coefficient
    if gap > shift { lowCoefficient = gap - shift > 38 ? 0 : lowCoefficient / power(of10: gap - shift) }
    let exponent = high.exponent - shift
    return a.exponent > b.exponent
      ? (highCoefficient, lowCoefficient, exponent) : (lowCoefficient, highCoefficient, exponent)
  }

  // MARK: Text

  /// The number as text: whole numbers with all their digits, others without trailing zeros; scientific notation below
  /// 10⁻⁶ and above 34 digits. `withPoint` writes a whole number as a decimal: 10.0.
  func text(withPoint: Bool = false) -> String {
    var bytes: [UInt8] = []
    append(to: &bytes, withPoint: withPoint)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends `text` to `bytes`.
  func append(to bytes: inout [UInt8], withPoint: Bool) {
    let plain = normalized
    let zero = UInt8(ascii: "0")
    let point = UInt8(ascii: ".")
    if isNegative { bytes.append(UInt8(ascii: "-")) }
    let start = bytes.count
    if var small = UInt64(exactly: plain.coefficient) {
      repeat {
        bytes.append(zero + UInt8(small % 10))
        small /= 10
      } while small > 0
      bytes[start...].reverse()
    } else {
      bytes += String(plain.coefficient).utf8
    }
    let pointAt = bytes.count - start + plain.exponent
    if plain.exponent >= 0, pointAt <= 34 {
      bytes.append(contentsOf: repeatElement(zero, count: plain.exponent))
      if withPoint { bytes += [point, zero] }
    } else if plain.exponent < 0, pointAt > 0 {
      bytes.insert(point, at: start + pointAt)
    } else if plain.exponent < 0, pointAt > -6 {
      bytes.insert(contentsOf: [zero, point] + [UInt8](repeating: zero, count: -pointAt), at: start)
    } else {
      if bytes.count - start == 1 { bytes.append(zero) }
      bytes.insert(point, at: start + 1)
      bytes += "E\(pointAt - 1)".utf8
    }
  }
}

extension Decimal34: Comparable, Hashable {
  static func == (left: Decimal34, right: Decimal34) -> Bool {
    let a = left.normalized
    let b = right.normalized
    return a.isNegative == b.isNegative && a.exponent == b.exponent && a.coefficient == b.coefficient
  }

  static func < (left: Decimal34, right: Decimal34) -> Bool {
    if left == right { return false }
    if left.isNegative != right.isNegative { return left.isNegative }
    return left.isNegative ? isSmaller(right, left) : isSmaller(left, right)
  }

  private static func isSmaller(_ left: Decimal34, _ right: Decimal34) -> Bool {
    guard !left.isZero, !right.isZero else { return left.isZero }
    let leftSize = left.digitCount + left.exponent
    let rightSize = right.digitCount + right.exponent
    if leftSize != rightSize { return leftSize < rightSize }
    let (a, b, _) = aligned(left, right)
    return a < b
  }

  func hash(into hasher: inout Hasher) {
    let plain = normalized
    hasher.combine(plain.isNegative)
    hasher.combine(plain.coefficient)
    hasher.combine(plain.exponent)
  }
}
