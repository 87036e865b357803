import Numbers
import Testing

@Suite struct OutsideNumbersTests {
  static let doubles: [Double] = [
    0, -0.0, 0.5, -0.5, 1e300, -1e300, .infinity, -.infinity, .nan, 9_223_372_036_854_775_808,
    -9_223_372_036_854_775_808, 9_223_372_036_854_774_784, .leastNonzeroMagnitude,
  ]
  static let integers: [Int64] = [.min, .min + 1, -2, -1, 0, 1, 2, .max - 1, .max]

  @Test("A double outside an integer's range is refused or saturates", arguments: doubles)
  func conversions(value: Double) {
    let fits = value > -9_223_372_036_854_777_856 && value < 9_223_372_036_854_775_808
    #expect((Int64(truncated: value) != nil) == fits)
    let saturated = Int64(saturated: value)
    if value.isNaN { #expect(saturated == 0) }
    if value >= 9_223_372_036_854_775_808 { #expect(saturated == .max) }
    if value <= -9_223_372_036_854_775_808 { #expect(saturated == .min) }
    #expect(UInt8(saturated: value) == (value >= 255 ? 255 : 0))
  }

  @Test("Arithmetic at the limits equals that of a wider type", arguments: integers, integers)
  func arithmetic(left: Int64, right: Int64) {
    func saturated(_ wide: Int128) -> Int64 { Int64(clamping: wide) }
    func checked(_ wide: Int128) -> Int64? { Int64(exactly: wide) }
    let (a, b) = (Int128(left), Int128(right))
    #expect(left.saturatingAdd(right) == saturated(a + b))
    #expect(left.saturatingSubtract(right) == saturated(a - b))
    #expect(left.saturatingMultiply(right) == saturated(a * b))
    #expect(left.checkedAdd(right) == checked(a + b))
    #expect(left.checkedSubtract(right) == checked(a - b))
    #expect(left.checkedMultiply(right) == checked(a * b))
    #expect(left.checkedDivide(right) == (b == 0 ? nil : checked(a / b)))
    #expect(left.checkedRemainder(right) == (b == 0 ? nil : checked(a % b)))
    #expect(left.saturatingMagnitude == saturated(a < 0 ? -a : a))
    if right > 0 {
      let floor = (a >= 0 ? a : a - (b - 1)) / b
      #expect(left.floorDivided(by: right) == (Int64(floor), Int64(a - floor * b)))
      #expect(left.floored(to: right) == saturated(floor * b))
    }
  }

  @Test("An index outside a collection has no element", arguments: [Int.min, -1, 2, .max])
  func elements(index: Int) {
    #expect(["a", "b"][ifPresent: index] == nil)
    #expect(["a", "b"][ifPresent: 1] == "b")
  }
}
