import Numbers
import Testing

@testable import RulesEngine

/// Whole numbers of any size, slow and plain: what `Decimal34` is checked against.
private struct BigInteger: Comparable {
  /// Decimal digits, the lowest first, without leading zeros.
  var digits: [UInt8] = []

  init(_ digits: [UInt8]) {
    self.digits = digits
    while self.digits.last == 0 { self.digits.removeLast() }
  }

  init(_ value: UInt128) { self.init(String(value).utf8.reversed().map { $0 - 48 }) }

  func shifted(_ places: Int) -> BigInteger {
    digits.isEmpty ? self : BigInteger([UInt8](repeating: 0, count: places) + digits)
  }

  static func < (left: BigInteger, right: BigInteger) -> Bool {
    if left.digits.count != right.digits.count { return left.digits.count < right.digits.count }
    return left.digits.reversed().lexicographicallyPrecedes(right.digits.reversed())
  }

  static func + (left: BigInteger, right: BigInteger) -> BigInteger {
    var result: [UInt8] = []
    var carry: UInt8 = 0
    for index in 0..<max(left.digits.count, right.digits.count) + 1 {
      let sum =
        (index < left.digits.count ? left.digits[index] : 0)
        + (index < right.digits.count ? right.digits[index] : 0) + carry
      result.append(sum % 10)
      carry = sum / 10
    }
    return BigInteger(result)
  }

  /// `left` must not be less.
  static func - (left: BigInteger, right: BigInteger) -> BigInteger {
    var result: [UInt8] = []
    var borrow: Int8 = 0
    for index in left.digits.indices {
      var digit =
        Int8(left.digits[index]) - Int8(index < right.digits.count ? right.digits[index] : 0) - borrow
      borrow = digit < 0 ? 1 : 0
      if digit < 0 { digit += 10 }
      result.append(UInt8(digit))
    }
    return BigInteger(result)
  }

  static func * (left: BigInteger, right: BigInteger) -> BigInteger {
    var sums = [Int](repeating: 0, count: left.digits.count + right.digits.count + 1)
    for (i, a) in left.digits.enumerated() {
      for (j, b) in right.digits.enumerated() { sums[i + j] += Int(a) * Int(b) }
    }
    for index in 0..<sums.count - 1 {
      sums[index + 1] += sums[index] / 10
      sums[index] %= 10
    }
    return BigInteger(sums.map { UInt8($0 % 10) })
  }

  func divided(by divisor: BigInteger) -> (quotient: BigInteger, remainder: BigInteger) {
    var quotient: [UInt8] = []
    var rest = BigInteger([])
    for digit in digits.reversed() {
      rest = BigInteger([digit] + rest.digits)
      var count: UInt8 = 0
      while rest >= divisor {
        rest = rest - divisor
        count += 1
      }
      quotient.append(count)
    }
    return (BigInteger(quotient.reversed()), rest)
  }
}

/// An exact decimal: ±coefficient × 10^exponent, and a positive rest below the last digit if `isInexact`.
private struct Exact {
  var isNegative: Bool
  var coefficient: BigInteger
  var exponent: Int
  var isInexact = false

  init(_ value: Decimal34) {
    isNegative = value.isNegative
    coefficient = BigInteger(value.coefficient)
    exponent = value.exponent
  }

  init(isNegative: Bool, coefficient: BigInteger, exponent: Int, isInexact: Bool = false) {
    self.isNegative = isNegative
    self.coefficient = coefficient
    self.exponent = exponent
    self.isInexact = isInexact
  }

  static func aligned(_ left: Exact, _ right: Exact) -> (BigInteger, BigInteger, Int) {
    let exponent = min(left.exponent, right.exponent)
    return (
      left.coefficient.shifted(left.exponent - exponent),
      right.coefficient.shifted(right.exponent - exponent), exponent
    )
  }

  static func + (left: Exact, right: Exact) -> Exact {
    let (a, b, exponent) = aligned(left, right)
    if left.isNegative == right.isNegative {
      return Exact(isNegative: left.isNegative, coefficient: a + b, exponent: exponent)
    }
    return a >= b
      ? Exact(isNegative: left.isNegative, coefficient: a - b, exponent: exponent)
      : Exact(isNegative: right.isNegative, coefficient: b - a, exponent: exponent)
  }

  /// Rounded to 34 digits, half to even; nil outside the exponents.
  var rounded: Decimal34? {
    var digits = coefficient.digits
    var exponent = exponent
    let dropped = max(0, digits.count - 34)
    if dropped > 0 {
      let kept = BigInteger(Array(digits[dropped...]))
      let half = BigInteger([UInt8](repeating: 0, count: dropped - 1) + [5])
      let rest = BigInteger(Array(digits[..<dropped]))
      let isUp = rest > half || rest == half && (isInexact || (kept.digits.first ?? 0) % 2 == 1)
      digits = (isUp ? kept + BigInteger(1) : kept).digits
      exponent += dropped
    }
    let coefficient = digits.reversed().reduce(UInt128(0)) { $0 * 10 + UInt128($1) }
    return Decimal34(isNegative: isNegative, coefficient: coefficient, exponent: exponent)
  }
}

@Suite struct Decimal34ReferenceTests {
  /// Numbers of all sizes, and pairs that differ in the last digits or lie far apart.
  private static func number(_ random: inout SplitMix64) -> Decimal34 {
    let digits = Int.random(in: 1...34, using: &random)
    var coefficient: UInt128 = 0
    let pattern = Int.random(in: 0...3, using: &random)
    for _ in 0..<digits {
      let digit =
        pattern == 0
        ? 9 : pattern == 1 ? Int.random(in: 0...1, using: &random) * 5 : Int.random(in: 0...9, using: &random)
      coefficient = coefficient * 10 + UInt128(digit)
    }
    let exponent =
      Bool.random(using: &random)
      ? Int.random(in: -40...10, using: &random) : Int.random(in: -400...400, using: &random)
    let number = Decimal34(
      isNegative: Bool.random(using: &random), coefficient: coefficient, exponent: exponent)
    return number ?? .zero
  }

  @Test("Sums, products, quotients, remainders and comparisons equal exact ones, rounded once")
  func arithmetic() {
    var random = SplitMix64(seed: 20_241_023)
    for _ in 0..<4000 {
      let (a, b) = (Self.number(&random), Self.number(&random))
      let (x, y) = (Exact(a), Exact(b))
      #expect(a + b == (x + y).rounded, "\(a.text()) + \(b.text())")
      var minus = y
      minus.isNegative.toggle()
      #expect(a - b == (x + minus).rounded, "\(a.text()) - \(b.text())")
      let product = Exact(
        isNegative: a.isNegative != b.isNegative, coefficient: x.coefficient * y.coefficient,
        exponent: x.exponent + y.exponent)
      #expect(a * b == product.rounded, "\(a.text()) * \(b.text())")
      let (l, r, exponent) = Exact.aligned(x, y)
      #expect(
        (a < b)
          == (a.isNegative != b.isNegative
            ? a.isNegative && !(a.isZero && b.isZero) : a.isNegative ? l > r : l < r))
      guard !b.isZero else {
        #expect(a / b == nil && a % b == nil)
        continue
      }
      // 80 more digits than the quotient's first, and whether anything is left.
      let (quotient, rest) = x.coefficient.shifted(80).divided(by: y.coefficient)
      let exact = Exact(
        isNegative: a.isNegative != b.isNegative, coefficient: quotient,
        exponent: x.exponent - y.exponent - 80,
        isInexact: !rest.digits.isEmpty)
      #expect(a / b == exact.rounded, "\(a.text()) / \(b.text())")
      let remainder = Exact(
        isNegative: a.isNegative, coefficient: l.divided(by: r).remainder, exponent: exponent)
      #expect(a % b == remainder.rounded, "\(a.text()) % \(b.text())")
    }
  }

  @Test("A number's text reads back to the same number")
  func texts() {
    var random = SplitMix64(seed: 7)
    for _ in 0..<5000 {
      let number = Self.number(&random)
      #expect(Decimal34(Array(number.text().utf8)) == number)
    }
  }

  @Test(
    "Known sums and remainders",
    arguments: [
      (
        "1000000000000000000000000000000000", "+", "0.50000000000000000000000000000001",
        "1000000000000000000000000000000001"
      ),
      ("1000000000000000000000000000000000", "+", "0.5", "1000000000000000000000000000000000"),
      ("1e34", "%", "7", "4"), ("1e900", "%", "7", "1"), ("-7", "%", "3", "-1"), ("5.5", "%", "2", "1.5"),
    ])
  func known(left: String, sign: String, right: String, result: String) throws {
    let (a, b) = (try #require(Decimal34(Array(left.utf8))), try #require(Decimal34(Array(right.utf8))))
    let value = sign == "+" ? a + b : a % b
    #expect(value?.text() == Decimal34(Array(result.utf8))?.text())
  }

  @Test(
    "Numbers at the machine's limits become integers without overflow",
    arguments: [
      "-9223372036854775808", "-9223372036854775809", "9223372036854775807", "1e999", "-1e999", "-1e-999",
    ])
  func integers(text: String) throws {
    let number = try #require(Decimal34(Array(text.utf8)))
    #expect(number.floorInt == (text == "-1e-999" ? -1 : text.hasPrefix("-") ? Int.min : Int.max))
  }
}
