import JSON
import Testing

@testable import RulesEngine

/// RFC 8259, must-accept and must-reject.
@Suite struct JSONTests {
  static let accepted: [String] =
    [
      "null", "true", "false", "0", "-0", "1", "-1", "10", "0.5", "-0.5", "1e5", "1E5", "1e+5", "1e-5",
      "1.5e10",
      "123456789012345678901234567890", "0e0", "0E+1", "\"\"", "\"a\"", "\"\\\"\"", "\"\\\\\"", "\"\\/\"",
      "\"\\b\"",
      "\"\\f\\n\\r\\t\"", "\"\\u0041\"", "\"\\uD83D\\uDE00\"", "\"\\ud800\"", "\"\\uDC00\"", "\"é\"", "\"€\"",
      "\"😀\"",
      "\"\u{7F}\"", "\"\\u0000\"", "[]", "[1]", "[1,2]", "[[]]", "[{}]", "{}", "{\"a\":1}", "{\"a\":{}}",
      "{\"a\":1,\"b\":2}", "{\"a\":1,\"a\":2}", "{\"\":0}", "{\"a\\u0062\":1}", " 1 ", "\t\n\r 1", "1\n",
      "[ 1 , 2 ]",
      "{ \"a\" : 1 }", "[null,true,false]", "[\"a\",1,{}]", "1e999", "\"\u{2028}\"", "\"\u{FFFF}\"",
      "[1,[2,[3]]]",
      "{\"a\":[{\"b\":[]}]}", "-0.0e-0", "\"\u{10FFFF}\"", "[[[[[[[[]]]]]]]]", "\"a\\\\\"",
      "{\"a\":\"\\\\\"}",
      String(repeating: "[", count: 512) + String(repeating: "]", count: 512),
    ]

  static let rejected: [String] =
    [
      "", " ", "\n", "nul", "nulll", "True", "TRUE", "tru", "fals", "nan", "NaN", "Infinity", "-Infinity",
      "-", "+1",
      "01", "-01", "00", "1.", ".5", "-.5", "1.e5", "1e", "1e+", "1e-", "1E", "0x10", "1_000", "1,000", "--1",
      "1-", "1+2",
      "1 2", "1a", "\"", "\"a", "a\"", "'a'", "\"\\\"", "\"\\x\"", "\"\\a\"", "\"\\u\"", "\"\\u1\"",
      "\"\\u12\"",
      "\"\\u123\"", "\"\\u123g\"", "\"\\U0041\"", "\"\\", "\"\t\"", "\"\n\"", "\"\u{0}\"", "\"\u{1F}\"",
      "\"a\"b",
      "[", "]", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1 2]", "[1,,2]", "[1]]", "[1}", "[\"a\"", "[1,2",
      "[1;2]", "[\n1\n,",
      "{", "}", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,\"a\":1}", "{\"a\" 1}",
      "{\"a\":}",
      "{\"a\"}", "{a:1}", "{'a':1}", "{1:1}", "{\"a\":1 \"b\":2}", "{\"a\":1,,\"b\":2}", "{\"a\":1]",
      "{\"a\"::1}",
      "{\"a\",1}", "{null:1}", "{\"a\":1}}", "{}{}", "{}[]", "[] []", "1 // a", "/* */1", "#1", "1;", "[1] x",
      "\u{FEFF}1",
      "\u{A0}1", "\u{0}", "1\u{0}", "[\u{0}]", "\u{B}1", "\u{C}1", "[a]", "[undefined]", "{\"a\":undefined}",
      "[1.]",
      "[-]", "[+1]", "[.1]", "[1e]", "[0x1]", "[01]", "[-01]", "[1.2.3]", "[1ee5]", "[1e5.5]", "[\"\\u00\"]",
      "[\"a]",
      "{\"a\":\"b}", "\"\\uD83D\\u\"", "[[]", "[{]", "{[}", "<null>", "[“a”]", "\\u0022a\\u0022",
      String(repeating: "[", count: 513) + String(repeating: "]", count: 513),
      String(repeating: "[", count: 10_000), String(repeating: "{\"a\":", count: 10_000),
    ]

  static let rejectedBytes: [[UInt8]] = [
    [0x22, 0x80, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xC1, 0xBF, 0x22], [0x22, 0xC2, 0x22],
    [0x22, 0xE0, 0x80, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xF0, 0x80, 0x80, 0x80, 0x22],
    [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xF5, 0x80, 0x80, 0x80, 0x22], [0x22, 0xFF, 0x22],
    [0xFF, 0xFE, 0x31, 0],
    [0x22, 0xE2, 0x82, 0x22], [0x22, 0xF0, 0x9F, 0x98], [0x80], [0x22, 0xE2], [0x31, 0x00],
  ]

  @Test(arguments: accepted) func `what RFC 8259 has is accepted`(text: String) throws {
    try JSONDocument().read(Array(text.utf8))
  }

  @Test(arguments: rejected) func `what it doesn't have is rejected`(text: String) {
    #expect(throws: JSONError.self) { try JSONDocument().read(Array(text.utf8)) }
  }

  @Test(arguments: rejectedBytes) func `bytes that aren't UTF-8 are rejected`(bytes: [UInt8]) {
    #expect(throws: JSONError.self) { try JSONDocument().read(bytes) }
  }

  @Test(
    arguments: [
      ("{\"a\":\n  x}", 2, 3), ("[1,\n2,\n]", 3, 1), ("", 1, 1), ("{\"a\":1,}", 1, 8), ("[1", 1, 3),
    ])
  func `an error has a place`(text: String, line: Int, column: Int) throws {
    let error = #expect(throws: JSONError.self) { try JSONDocument().read(Array(text.utf8)) }
    #expect(error?.line == line)
    #expect(error?.column == column)
  }

  @Test(
    arguments: [
      ("{\"b\":1,\"a\":2,\"b\":3}", "{\"b\":3,\"a\":2}"), ("\"\\u00e9\\uD83D\\uDE00\\n\"", "\"é😀\\n\""),
      ("\"\\ud800x\"", "\"\u{FFFD}x\""), ("12345678901234567890.12", "12345678901234567890.12"),
      ("[1e2,1.50,-0,0.00001]", "[100,1.5,0,0.00001]"), ("1e50", "1.0E50"), ("1.5e-9", "1.5E-9"),
    ])
  func `values are written as they were read`(text: String, written: String) throws {
    let document = JSONDocument()
    try document.read(Array(text.utf8))
    #expect(String(decoding: document.value(of: 0, version: .v2016).json!, as: UTF8.self) == written)
  }
}
