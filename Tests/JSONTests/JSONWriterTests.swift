import JSON
import Testing

@Suite struct JSONWriterTests {
  @Test("Objects, arrays and values nest with their commas")
  func nesting() throws {
    var json = JSONWriter()
    json.object {
      $0.member("text", "a\"b\\\n\u{1}")
      $0.member("integer", Int64.min)
      $0.member("flag", true)
      $0.member("nothing", orNull: String?.none)
      $0.array("list") {
        $0.value(1)
        $0.object { _ in }
        $0.array { $0.null() }
        $0.value(json: "[2]".utf8)
      }
      $0.object("inner") { $0.member("x", 0.5) }
    }
    json.newline()
    json.value("next")
    #expect(
      json.text
        == #"{"text":"a\"b\\\n\u0001","integer":-9223372036854775808,"flag":true,"nothing":null,"list":[1,{},[null],[2]],"inner":{"x":0.5}}"#
        + "\n\"next\"")
  }

  @Test(
    "Every double becomes JSON", arguments: [Double.nan, .infinity, -.infinity, 1e300, -1e-300, -0.0, 12.11])
  func doubles(value: Double) throws {
    var json = JSONWriter()
    json.value(value)
    var scanner = JSONScanner()
    try scanner.scan(json.bytes)
    #expect(value.isFinite ? Double(json.text) == value : json.text == "null")
  }
}
