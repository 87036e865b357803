import Numbers

/// A plan's number that fits in 64 bits: `coefficient` × 10^`exponent`. The exponent is never positive, and negative only
/// if the number isn't whole.
struct PlanNumber: Equatable {
  let coefficient: Int64
  let exponent: Int32
  /// Whether the dialect treats it as an Int, which is written without a point.
  let isInt: Bool

  /// The most digits after the point; a number with more is a `Decimal34`.
  static let largestScale: Int32 = 18

  /// A number that is an Int if it is whole and `mayBeInt`.
  init(_ coefficient: Int64, _ exponent: Int32, mayBeInt: Bool) {
    var coefficient = coefficient
    var exponent = exponent
    while exponent < 0, coefficient % 10 == 0 {
      if coefficient == 0 {
        exponent = 0
        break
      }
      coefficient /= 10
      exponent += 1
    }
    self.coefficient = coefficient
    self.exponent = exponent
    isInt = mayBeInt && exponent == 0
  }

  /// `number` with its point moved to the right, by at most the number of digits after it.
  private init(moved number: PlanNumber, by places: Int32, mayBeInt: Bool) {
    coefficient = number.coefficient
    exponent = number.exponent + places
    isInt = mayBeInt && exponent == 0
  }

  /// Nil if it doesn't fit.
  init?(_ number: Number) {
    let plain = number.decimal.normalized
    guard plain.exponent >= -Int(Self.largestScale), plain.exponent <= 18,
      var value = Int64(exactly: plain.coefficient)
    else { return nil }
    for _ in 0..<max(0, plain.exponent) {
      guard let next = value.checkedMultiply(10) else { return nil }
      value = next
    }
    coefficient = plain.isNegative ? -value : value
    exponent = Int32(truncatingIfNeeded: min(0, plain.exponent))
    isInt = number.isInt
  }

  /// The number as the plain evaluator represents it.
  var number: Number {
    Number(
      decimal: Decimal34(
        isNegative: coefficient < 0, coefficient: UInt128(coefficient.magnitude), exponent: Int(exponent))
        ?? .zero, isInt: isInt)
  }

  var isWhole: Bool { exponent == 0 }

  /// 10 to the power of `places`, 0 to 18.
  @inline(__always)
  static func power(of10 places: Int32) -> Int64 {
    var result: Int64 = 1
    for _ in 0..<places { result = result &* 10 }
    return result
  }

  /// The greatest whole number that isn't greater than this one.
  var floor: Int64 {
    guard exponent < 0 else { return coefficient }
    return coefficient.floorDivided(by: Self.power(of10: -exponent)).quotient
  }

  /// Both coefficients at the smaller exponent; nil if they don't fit.
  @inline(__always)
  static func aligned(_ left: PlanNumber, _ right: PlanNumber) -> (Int64, Int64, Int32)? {
    if left.exponent == right.exponent { return (left.coefficient, right.coefficient, left.exponent) }
    if left.exponent > right.exponent {
      guard let scaled = left.coefficient.checkedMultiply(power(of10: left.exponent - right.exponent)) else {
        return nil
      }
      return (scaled, right.coefficient, right.exponent)
    }
    guard let scaled = right.coefficient.checkedMultiply(power(of10: right.exponent - left.exponent)) else {
      return nil
    }
    return (left.coefficient, scaled, left.exponent)
  }

  /// The result of an operation, an Int if it is whole and `mayBeInt`; nil if the operation needs 34 digits.
  static func arithmetic(
    _ operation: Expression.BinaryOperator, _ left: PlanNumber, _ right: PlanNumber, mayBeInt: Bool
  ) -> PlanNumber? {
    switch operation {
    case .add, .subtract:
      guard let (a, b, exponent) = aligned(left, right),
        let result = operation == .add ? a.checkedAdd(b) : a.checkedSubtract(b)
      else { return nil }
      return PlanNumber(result, exponent, mayBeInt: mayBeInt)
    case .multiply:
      // Seconds become milliseconds by moving the point, which leaves no zeros to remove.
      if right.coefficient == 1000, right.exponent == 0, left.exponent <= -3 {
        return PlanNumber(moved: left, by: 3, mayBeInt: mayBeInt)
      }
      let exponent = left.exponent + right.exponent
      guard exponent >= -largestScale, let result = left.coefficient.checkedMultiply(right.coefficient) else {
        return nil
      }
      return PlanNumber(result, exponent, mayBeInt: mayBeInt)
    case .divide where left.isInt && right.isInt:
      guard let result = left.coefficient.checkedDivide(right.coefficient) else { return nil }
      return PlanNumber(result, 0, mayBeInt: mayBeInt)
    case .remainder where left.exponent == 0 && right.exponent == 0:
      guard let result = left.coefficient.checkedRemainder(right.coefficient) else { return nil }
      return PlanNumber(result, 0, mayBeInt: mayBeInt)
    default: return nil
    }
  }
}
