import JSON
import Testing

@Suite struct JSONElementTests {
  @Test("A text becomes a tree, its numbers as they are written")
  func tree() throws {
    let text = #"{"a":[1e300,-0,1e19,{"b":null}],"c":"\u0041\n\ud83d\ude00\ud800x","d":true,"":{}}"#
    #expect(
      try JSONElement(Array(text.utf8))
        == .object([
          "a": .array([.number("1e300"), .number("-0"), .number("1e19"), .object(["b": .null])]),
          "c": .string("A\n😀\u{FFFD}x"), "d": .boolean(true), "": .object([:]),
        ]))
  }

  @Test(
    "What is not JSON, and a key given twice, is an error with its place",
    arguments: [
      ("", "line 1, column 1"), ("{\n \"a\": x}", "line 2, column 7"),
      ("{\"a\": 1,\n \"a\": 2}", "line 2, column 3: the key 'a' appears twice"),
      ("[{\"a\": {\"b\": 1, \"\\u0062\": 2}}]", "the key 'b' appears twice"),
      (String(repeating: "[", count: 10_000), "levels of nesting"),
      (String(repeating: "{\"a\":", count: 10_000), "levels of nesting"),
    ])
  func errors(text: String, expected: String) throws {
    let error = #expect(throws: JSONError.self) { try JSONElement(Array(text.utf8)) }
    #expect("\(try #require(error))".contains(expected))
  }

  @Test("Indented JSON has one value a line")
  func indented() {
    var json = JSONWriter(indented: true)
    json.object {
      $0.member("a", 1)
      $0.array("b") {
        $0.value("x")
        $0.object { _ in }
        $0.array { $0.null() }
      }
    }
    #expect(
      json.text == """
        {
          "a": 1,
          "b": [
            "x",
            {},
            [
              null
            ]
          ]
        }
        """)
  }
}
