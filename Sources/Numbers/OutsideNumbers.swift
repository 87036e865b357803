// Swift stops the process when an integer overflows or a conversion is out of range. Numbers that come from a payload,
// a file, an option, a server or a URL therefore go through these conversions, which have a result for every input.
// 'scripts/check-traps.sh' refuses the trapping forms elsewhere.

extension FixedWidthInteger {
  /// `value` without its fraction, or nil if it isn't finite or doesn't fit.
  @inlinable
  package init?(truncated value: Double) {
    self.init(exactly: value.rounded(.towardZero))
  }

  /// The integer nearest to `value` without its fraction; NaN becomes 0.
  @inlinable
  package init(saturated value: Double) {
    // What a double has exactly fits: the general conversion takes ten times as long.
    if Self.isSigned, Self.bitWidth == 64, value.magnitude < 0x1p53 {
      self.init(truncatingIfNeeded: Int64(value))
    } else if let exact = Self(truncated: value) {
      self = exact
    } else {
      self = value.isNaN ? 0 : value < 0 ? .min : .max
    }
  }

  /// The sum, or the nearest representable value.
  @inlinable
  package func saturatingAdd(_ other: Self) -> Self {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }

  /// The difference, or the nearest representable value.
  @inlinable
  package func saturatingSubtract(_ other: Self) -> Self {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (other < 0 ? .max : .min) : difference
  }

  /// The product, or the nearest representable value.
  @inlinable
  package func saturatingMultiply(_ other: Self) -> Self {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
  }

  /// The sum, or nil if it doesn't fit.
  @inlinable
  package func checkedAdd(_ other: Self) -> Self? {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? nil : sum
  }

  /// The difference, or nil if it doesn't fit.
  @inlinable
  package func checkedSubtract(_ other: Self) -> Self? {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? nil : difference
  }

  /// The product, or nil if it doesn't fit.
  @inlinable
  package func checkedMultiply(_ other: Self) -> Self? {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? nil : product
  }

  /// The quotient without its fraction, or nil for a division by zero or of the smallest value by -1.
  @inlinable
  package func checkedDivide(_ divisor: Self) -> Self? {
    let (quotient, overflow) = dividedReportingOverflow(by: divisor)
    return overflow ? nil : quotient
  }

  /// The remainder with the sign of the dividend, or nil for a division by zero.
  @inlinable
  package func checkedRemainder(_ divisor: Self) -> Self? {
    if divisor == 0 { return nil }
    return remainderReportingOverflow(dividingBy: divisor).partialValue
  }

  /// The value within `range`.
  @inlinable
  package func clamped(to range: ClosedRange<Self>) -> Self {
    Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
  }
}

extension SignedInteger where Self: FixedWidthInteger {
  /// The distance from zero; that of the smallest value, which has no positive counterpart, becomes the greatest value.
  @inlinable
  package var saturatingMagnitude: Self { self < 0 ? Self(0).saturatingSubtract(self) : self }

  /// The quotient rounded down, and the remainder, never negative. `divisor` must be positive.
  @inlinable
  package func floorDivided(by divisor: Self) -> (quotient: Self, remainder: Self) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }

  /// The greatest multiple of `step` that isn't above the value; saturates. `step` must be positive.
  @inlinable
  package func floored(to step: Self) -> Self { saturatingSubtract(floorDivided(by: step).remainder) }
}

extension Collection {
  /// The element at `index`, or nil if there is none.
  @inlinable
  package subscript(ifPresent index: Index) -> Element? { indices.contains(index) ? self[index] : nil }
}
