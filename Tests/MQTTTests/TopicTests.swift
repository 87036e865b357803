import Testing

@testable import MQTT

/// MQTT 5 section 4.7 and 4.8.2.
@Suite struct TopicTests {
  @Test(arguments: [
    ("truck/freezer", "truck/freezer", true), ("truck/freezer", "truck/Freezer", false),
    ("truck/+", "truck/freezer", true), ("truck/+", "truck", false), ("truck/+", "truck/a/b", false),
    ("truck/+", "truck/", true), ("+", "truck", true), ("+", "/truck", false), ("+/+", "/truck", true),
    ("/+", "/truck", true), ("truck/#", "truck", true), ("truck/#", "truck/a/b/c", true),
    ("truck/#", "truckload", false), ("#", "truck/freezer", true), ("#", "/", true),
    ("#", "$SYS/broker", false),
    ("+/broker", "$SYS/broker", false), ("$SYS/#", "$SYS/broker", true), ("$SYS/+", "$SYS/broker", true),
    ("truck/+/door", "truck/7/door", true), ("truck/+/door", "truck/7/temp", false),
    ("+/+/#", "a/b", true), ("+/+/#", "a", false), ("a//b", "a//b", true), ("a/+/b", "a//b", true),
    ("a/#", "a/", true), ("$share/g/truck/#", "truck/x", true), ("$share/g/#", "$SYS/x", false),
    ("truck/freezer", "truck/freezer/", false), ("truck/freezer/", "truck/freezer", false),
  ])
  func `a filter matches what MQTT says`(filter: String, topic: String, expected: Bool) throws {
    #expect(try TopicFilter(filter).matches(topic) == expected)
  }

  @Test(arguments: [
    ("", "is empty"), ("truck/#", "'#'"), ("truck/+/x", "'+'"), ("a\u{0}b", "U+0000"), ("a\nb", "U+000A"),
    ("a\u{FFFF}", "U+FFFF"), (String(repeating: "x", count: 65_536), "65536 bytes"),
  ])
  func `a bad topic name is refused with the reason`(text: String, reason: String) {
    let error = #expect(throws: MQTTError.self) { try TopicName(text) }
    #expect(error?.message.contains(reason) == true)
    #expect(error?.kind == .invalidTopic)
  }

  @Test(arguments: [
    ("", "is empty"), ("a/#/b", "'#'"), ("a#", "'#'"), ("a+/b", "'+'"), ("a/b+", "'+'"), ("##", "'#'"),
    ("$share/g", "$share/GROUP/FILTER"), ("$share//x", "$share/GROUP/FILTER"),
    ("$share/g/", "$share/GROUP/FILTER"),
    ("$share/g+/x", "group name"), ("a\u{7F}", "U+007F"),
  ])
  func `a bad filter is refused with the reason`(text: String, reason: String) {
    let error = #expect(throws: MQTTError.self) { try TopicFilter(text) }
    #expect(error?.message.contains(reason) == true)
  }

  @Test(arguments: ["/", "a", "truck/freezer", "$SYS/x", "ä/ö", String(repeating: "x", count: 65_535)])
  func `a good topic name is taken as it is`(text: String) throws {
    #expect(try TopicName(text).text == text)
  }

  @Test func `a shared subscription knows its group and filter`() throws {
    let filter = try TopicFilter("$share/engines/truck/+")
    #expect(filter.shareGroup == "engines")
    #expect(filter.pattern == "truck/+")
  }
}
