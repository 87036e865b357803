import Testing

@testable import RulesEngine

@Suite struct ExplanationTests {
  private static let payload =
    #"{"temp":"21.90","volts":12.5,"door":"x","a":{"b":1},"big":1e2000,"n":null}"#

  @Test(arguments: [
    ("cast(temp AS Decimal)", "cast(temp AS Decimal)", "21.9", "Decimal", ""),
    ("missing", "missing", "", "Undefined", "there is no 'missing' in the payload"),
    ("a.b.c", "a.b.c", "", "Undefined", "'a.b' is Int, not an object"),
    ("a.c", "a.c", "", "Undefined", "there is no 'c' in 'a'"),
    ("big", "big", "", "Undefined", "its number is beyond 34 digits or an exponent of 999"),
    ("cast(door AS Int)", "cast(door AS Int)", "", "Undefined", "\"x\" (String) can't be converted"),
    ("-missing", "-missing", "", "Undefined", "its operand is Undefined"),
    ("volts + missing", "volts + missing", "", "Undefined", "the right side is Undefined"),
    ("volts - door", "volts - door", "", "Undefined", "- has no value for 12.5 (Decimal) and \"x\" (String)"),
    ("(1 + volts) * 2", "(1 + volts) * 2", "27", "Int", ""),
    ("clientid()", "clientid()", "", "Undefined", "it is not known for this message"),
    ("substring(missing, 1)", "substring(missing, 1)", "", "Undefined", "argument 1 is Undefined"),
    ("abs(door)", "abs(door)", "", "Undefined", "abs has no value for \"x\" (String)"),
    (
      "CASE door WHEN 'y' THEN 1 END", "CASE door WHEN 'y' THEN 1 END", "", "Undefined",
      "no WHEN is equal, and there is no ELSE"
    ),
    ("[1, 'it''s', NULL]", "[1, 'it''s', NULL]", "[1,\"it's\",null]", "Array", ""),
    ("(SELECT b FROM volts)", "(SELECT b AS b FROM volts)", "", "Undefined", "12.5 (Decimal) has no rows"),
    ("n", "n", "null", "Null", ""),
  ])
  func `an item is explained`(sql: String, text: String, value: String, type: String, note: String) throws {
    let statement = try CompiledStatement("SELECT \(sql) AS r FROM 't'", version: .v2016)
    let message = Message(topic: "t", payload: Array(Self.payload.utf8), receivedMilliseconds: 0)
    let row = try #require(StatementEvaluator().explain(statement, message).rows.first)
    #expect(
      row == Explanation.Row(clause: "SELECT r", expression: text, value: value, type: type, note: note))
  }

  @Test func `a long value is cut, and what exceeds a limit is said`() throws {
    let sql = "SELECT s, s + s + s AS t FROM 't'"
    let statement = try CompiledStatement(sql, version: .v2016)
    let text = String(repeating: "x", count: 100_000)
    let message = Message(topic: "t", payload: Array("{\"s\":\"\(text)\"}".utf8), receivedMilliseconds: 0)
    let rows = StatementEvaluator().explain(statement, message).rows
    #expect(rows[0].value == "\"" + text.prefix(1023) + "…")
    #expect(rows[1].note == "no result: a value or the result has more than 262144 bytes")
    #expect(rows.last?.value == rows[0].value)
  }

  @Test func `a WHERE that lets nothing through ends the explanation`() throws {
    let statement = try CompiledStatement(
      "SET @v = volts SELECT volts FROM 't' WHERE @v > 13", version: .v2016)
    let message = Message(topic: "t", payload: Array(Self.payload.utf8), receivedMilliseconds: 0)
    let rows = StatementEvaluator().explain(statement, message).rows
    #expect(rows.map(\.clause) == ["SET @v", "WHERE", ""])
    #expect(rows[1].note == "no match: WHERE is not true")
    #expect(rows[2].expression == "  @v")
  }
}
