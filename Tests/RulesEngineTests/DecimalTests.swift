import Testing

@testable import RulesEngine

/// Arithmetic to 34 digits, the expected values computed with Python's `decimal` at that precision.
@Suite struct DecimalTests {
  private func decimal(_ text: String) throws -> Decimal34 { try #require(Decimal34(Array(text.utf8))) }

  @Test(
    arguments: [
      ("0.1", "+", "0.2", "0.3"), ("1", "/", "3", "0.3333333333333333333333333333333333"),
      ("2", "/", "3", "0.6666666666666666666666666666666667"), ("1e999", "*", "1e-999", "1"),
      ("9999999999999999999999999999999999", "+", "1", "1.0E34"),
      (
        "1234567890123456789012345678901234", "*", "1234567890123456789012345678901234",
        "1.524157875323883675049535156256667E66"
      ),
      ("1", "-", "1e-40", "1"), ("8.5", "%", "3", "2.5"), ("-7", "%", "4", "-3"),
      ("1e30", "+", "1e-5", "1000000000000000000000000000000"),
      ("12.00", "-", "0.5", "11.5"), ("1e20", "/", "1e-20", "1.0E40"),
    ])
  func `results have 34 digits`(left: String, operation: String, right: String, expected: String) throws {
    let a = try decimal(left)
    let b = try decimal(right)
    let result =
      switch operation {
      case "+": a + b
      case "-": a - b
      case "*": a * b
      case "/": a / b
      default: a % b
      }
    #expect(result?.text() == expected)
  }

  @Test func `division by zero and overflow have no result`() throws {
    #expect(try (decimal("1") / decimal("0")) == nil)
    #expect(try (decimal("1") % decimal("0")) == nil)
    #expect(try (decimal("1e999") * decimal("10e5")) == nil)
    #expect(try (decimal("1e999") * decimal("1e3")) == nil)
    #expect(try (decimal("1e999") * decimal("1000")) == nil)
    #expect(try (decimal("1e999") * decimal("9")) == decimal("9e999"))
    #expect(Decimal34(Array("1e1500".utf8)) == nil)
    for text in ["", "-", ".", "1.", "x", "1e", "--1", "+1", " 1"] {
      #expect(Decimal34(Array(text.utf8)) == nil, "\(text)")
    }
  }

  @Test(
    arguments: [
      ("1", "1.0", false), ("-1", "1", true), ("1e3", "999.9", false), ("0", "-0.001", false),
      ("0.001", "0.002", true),
      ("-2", "-1", true), ("1e-999", "0", false), ("123456789.1", "123456789.01", false),
    ])
  func `numbers compare by value`(left: String, right: String, isLess: Bool) throws {
    #expect(try (decimal(left) < decimal(right)) == isLess)
  }
}
