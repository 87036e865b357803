/// A topic that a message can be published to: 1 to 65 535 bytes of UTF-8 without wildcards
/// (MQTT 5 section 4.7.3).
public struct TopicName: Sendable, Hashable, CustomStringConvertible {
  /// The topic as it goes over the wire.
  public let text: String

  /// Checks `text`; throws `MQTTError` of kind `invalidTopic` that says what is wrong.
  public init(_ text: String) throws(MQTTError) {
    try TopicRules.checkLengthAndCharacters(text, what: "topic")
    if let wildcard = text.utf8.first(where: { $0 == TopicRules.plus || $0 == TopicRules.hash }) {
      let character = String(UnicodeScalar(wildcard))
      throw MQTTError(
        .invalidTopic,
        "the topic '\(text)' contains '\(character)', which only topic filters may contain; publish to a single topic"
      )
    }
    self.text = text
  }

  /// The topic.
  public var description: String { text }
}

/// A subscription's topic filter with the wildcards `+` and `#` (MQTT 5 section 4.7.1), perhaps of a shared
/// subscription, `$share/GROUP/FILTER` (section 4.8.2).
public struct TopicFilter: Sendable, Hashable, CustomStringConvertible {
  /// The filter as it goes over the wire, `$share/GROUP/` included.
  public let text: String
  /// The group of a shared subscription.
  public let shareGroup: String?
  /// The filter without the shared subscription's prefix: what topics are matched against.
  public let pattern: String

  /// Checks `text`; throws `MQTTError` of kind `invalidTopic` that says what is wrong.
  public init(_ text: String) throws(MQTTError) {
    try TopicRules.checkLengthAndCharacters(text, what: "topic filter")
    self.text = text
    if text.hasPrefix("$share/") {
      let rest = text.dropFirst("$share/".count)
      guard let slash = rest.firstIndex(of: "/"), slash != rest.startIndex,
        rest.index(after: slash) != rest.endIndex
      else {
        throw MQTTError(
          .invalidTopic, "the shared subscription '\(text)' must have the form $share/GROUP/FILTER")
      }
      let group = rest[..<slash]
      guard !group.utf8.contains(where: { $0 == TopicRules.plus || $0 == TopicRules.hash }) else {
        throw MQTTError(.invalidTopic, "the group name of '\(text)' may not contain '+' or '#'")
      }
      shareGroup = String(group)
      pattern = String(rest[rest.index(after: slash)...])
    } else {
      shareGroup = nil
      pattern = text
    }
    let levels = pattern.utf8.split(separator: TopicRules.slash, omittingEmptySubsequences: false)
    for (index, level) in levels.enumerated() {
      if level.contains(TopicRules.hash), level.count > 1 || index != levels.count - 1 {
        throw MQTTError(
          .invalidTopic, "in the topic filter '\(text)', '#' must be the last level, alone: 'truck/#'")
      }
      if level.contains(TopicRules.plus), level.count > 1 {
        throw MQTTError(
          .invalidTopic, "in the topic filter '\(text)', '+' must be a whole level, alone: 'truck/+/door'")
      }
    }
  }

  /// Whether a message on `topic` reaches a subscription with this filter. Wildcards in the first level don't
  /// match topics that begin with `$` (MQTT 5 section 4.7.2); `truck/#` matches `truck` itself.
  public func matches(_ topic: String) -> Bool {
    var pattern = self.pattern.utf8[...]
    var topic = topic.utf8[...]
    if let first = pattern.first, first == TopicRules.plus || first == TopicRules.hash,
      topic.first == TopicRules.dollar
    {
      return false
    }
    while true {
      let level = TopicRules.takeLevel(&pattern)
      if level.count == 1, level.first == TopicRules.hash { return true }
      let name = TopicRules.takeLevel(&topic)
      if !(level.count == 1 && level.first == TopicRules.plus), !level.elementsEqual(name) { return false }
      switch (TopicRules.takeSlash(&pattern), TopicRules.takeSlash(&topic)) {
      case (true, true): continue
      case (false, false): return true
      case (true, false): return pattern.count == 1 && pattern.first == TopicRules.hash
      case (false, true): return false
      }
    }
  }

  /// The filter.
  public var description: String { text }
}

enum TopicRules {
  static let slash = UInt8(ascii: "/")
  static let plus = UInt8(ascii: "+")
  static let hash = UInt8(ascii: "#")
  static let dollar = UInt8(ascii: "$")

  static func takeLevel(_ rest: inout Substring.UTF8View) -> Substring.UTF8View {
    let end = rest.firstIndex(of: slash) ?? rest.endIndex
    defer { rest = rest[end...] }
    return rest[..<end]
  }

  static func takeSlash(_ rest: inout Substring.UTF8View) -> Bool {
    guard !rest.isEmpty else { return false }
    rest = rest.dropFirst()
    return true
  }

  static func checkLengthAndCharacters(_ text: String, what: String) throws(MQTTError) {
    if text.isEmpty { throw MQTTError(.invalidTopic, "the \(what) is empty") }
    if text.utf8.count > 65_535 {
      throw MQTTError(
        .invalidTopic, "the \(what) has \(text.utf8.count) bytes; MQTT allows 65535")
    }
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x00...0x1F, 0x7F...0x9F, 0xFDD0...0xFDEF:
        throw MQTTError(
          .invalidTopic,
          "the \(what) contains the control character U+\(hexadecimal(scalar.value)), which brokers refuse")
      default:
        if scalar.value & 0xFFFE == 0xFFFE {
          throw MQTTError(
            .invalidTopic, "the \(what) contains the non-character U+\(hexadecimal(scalar.value))")
        }
      }
    }
  }

  private static func hexadecimal(_ value: UInt32) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}
