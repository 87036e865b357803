/// What one user may do with the topics of one filter.
public struct AccessRule: Sendable, Hashable {
  /// What is allowed, in the words of mosquitto.conf(5) under `acl_file`.
  public enum Access: String, Sendable, CaseIterable {
    /// Subscribe and receive.
    case read
    /// Publish.
    case write
    /// Both.
    case readWrite = "readwrite"
    /// Neither, whatever else allows it.
    case deny
  }

  /// What is allowed.
  public var access: Access
  /// An MQTT topic filter (MQTT 5 section 4.7).
  public var topicFilter: String

  /// Creates a rule, which is checked when the list is rendered.
  public init(_ access: Access, _ topicFilter: String) {
    self.access = access
    self.topicFilter = topicFilter
  }
}

/// Who may do what at the local broker: mosquitto's ACL file. Whatever no rule allows is refused.
public struct AccessControlList: Sendable, Equatable {
  /// The rules by user, which is the common name of a device's certificate.
  public private(set) var rules: [String: Set<AccessRule>] = [:]

  /// An empty list: nobody may do anything.
  public init() {}

  /// Adds rules for `user`.
  public mutating func allow(_ user: String, _ rules: AccessRule...) {
    self.rules[user, default: []].formUnion(rules)
  }

  /// The ACL file's text: users in order, their rules in order of filter, whatever the order in which they were added.
  /// - Throws: `invalidAccessRule` for a user or filter that is empty or has control characters or surrounding spaces, or for a
  ///   filter that MQTT forbids: the broker would read something else than was meant.
  public func text() throws(IdentityError) -> String {
    var blocks: [String] = []
    for user in rules.keys.sorted(by: Self.precedes) {
      try Self.check(user, is: "user", limit: 65_535)
      var block = "user \(user)\n"
      for rule in sortedRules(of: user) {
        try Self.check(rule)
        block += "topic \(rule.access.rawValue) \(rule.topicFilter)\n"
      }
      blocks.append(block)
    }
    return blocks.joined(separator: "\n")
  }

  /// A user's rules in order of filter.
  func sortedRules(of user: String) -> [AccessRule] {
    rules[user, default: []].sorted {
      $0.topicFilter == $1.topicFilter
        ? Self.precedes($0.access.rawValue, $1.access.rawValue)
        : Self.precedes($0.topicFilter, $1.topicFilter)
    }
  }

  /// Throws `invalidAccessRule` for a rule that the file can't hold.
  static func check(_ rule: AccessRule) throws(IdentityError) {
    try check(rule.topicFilter, is: "topic filter", limit: 65_535)
    try checkWildcards(rule.topicFilter)
  }

  /// Compares by bytes, which is the same in every locale.
  private static func precedes(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
  }

  private static func check(_ text: String, is noun: String, limit: Int) throws(IdentityError) {
    let scalars = text.unicodeScalars
    guard let first = scalars.first, let last = scalars.last else {
      throw IdentityError(.invalidAccessRule, "an access rule has an empty \(noun); give one")
    }
    guard !scalars.contains(where: \.isUnsafe) else {
      throw IdentityError(
        .invalidAccessRule, "the \(noun) \(quoted(text)) holds a control character; remove it")
    }
    guard !first.properties.isWhitespace, !last.properties.isWhitespace else {
      throw IdentityError(
        .invalidAccessRule, "the \(noun) \(quoted(text)) begins or ends with a space; remove it")
    }
    guard text.utf8.count <= limit else {
      throw IdentityError(
        .invalidAccessRule, "the \(noun) \(quoted(text)) has more than \(limit) bytes; shorten it")
    }
  }

  private static func checkWildcards(_ filter: String) throws(IdentityError) {
    let levels = filter.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    for (index, level) in levels.enumerated() where level.count > 1 || index + 1 < levels.count {
      let isMany = level.contains(UInt8(ascii: "#"))
      guard !isMany, level.count == 1 || !level.contains(UInt8(ascii: "+")) else {
        throw IdentityError(
          .invalidAccessRule,
          "the topic filter \(quoted(filter)) has a '#' or '+' in a wrong place; '#' stands alone in the last "
            + "level, '+' alone in any")
      }
    }
  }
}
