import Testing
import Text

struct PercentEncodingTests {
  @Test(arguments: [
    ("", ""), ("aZ09-._~", "aZ09-._~"), ("a b", "a%20b"), ("a/b?c=d&e%", "a%2Fb%3Fc%3Dd%26e%25"),
    ("−18 °C", "%E2%88%9218%20%C2%B0C"), ("\n\u{0}", "%0A%00"),
  ])
  func `all but unreserved characters is encoded, and decodes to the same text`(text: String, encoded: String)
  {
    #expect(PercentEncoding.encoded(text) == encoded)
    #expect(PercentEncoding.decoded(encoded) == text)
  }

  @Test func `characters can be kept`() {
    #expect(PercentEncoding.encoded("/things/a b", keeping: "/") == "/things/a%20b")
  }

  @Test(arguments: [
    ("%", "%"), ("%4", "%4"), ("%4g", "%4g"), ("%+1", "%+1"), ("%%41", "%A"), ("%c3%A9", "é"),
    ("%FF", "\u{FFFD}"),
  ])
  func `what isn't encoded stands for itself`(encoded: String, text: String) {
    #expect(PercentEncoding.decoded(encoded) == text)
  }
}
