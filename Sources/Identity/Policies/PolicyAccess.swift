/// What policies allow one client, as rules of mosquitto's ACL file (mosquitto.conf(5), `acl_file`).
///
/// mosquitto's wildcards match whole levels: `topic/a/*` becomes `a/+/#`. A pattern without an exact equivalent becomes a
/// narrower rule and a note. mosquitto's `read` means both subscribing and receiving, so it is granted where the policies allow
/// both. mosquitto checks it when a message is delivered, not when a client subscribes.
public struct PolicyAccess: Sendable, Equatable {
  /// Whether `iot:Connect` is allowed for the client identifier.
  public private(set) var mayConnect = false
  /// Patterns (`*`, `?`) of client identifiers that `iot:Connect` allows, of topics that `iot:RetainPublish` allows, and of topic
  /// filters that `iot:Subscribe` allows. A denial counts only if it covers a whole pattern.
  public private(set) var clientPatterns: [String] = []
  /// See `clientPatterns`.
  public private(set) var retainPatterns: [String] = []
  /// See `clientPatterns`.
  public private(set) var subscribePatterns: [String] = []
  /// The rules, sorted by topic filter.
  public private(set) var rules: [AccessRule] = []
  /// Where the rules differ from the policies, and how.
  public private(set) var notes: [String] = []

  /// Compiles the policies for a client with a known context.
  public init(policies: [PolicyDocument], clientID: String, context: PolicyContext) {
    func isAllowed(_ action: String, _ resource: String) -> Bool {
      PolicyDocument.evaluate(action: action, resource: resource, policies: policies, context: context)
        .outcome
        == .allowed
    }
    mayConnect = isAllowed("iot:Connect", "client/\(clientID)")
    guard mayConnect else { return }
    var found: Set<AccessRule> = []
    for policy in policies {
      for statement in policy.statements where statement.conditions.allSatisfy({ $0.isMet(by: context) }) {
        let name = "\(policy.name): \(statement.name)"
        if statement.excludesResources || statement.excludesActions {
          notes.append(
            "\(name): NotAction and NotResource have no equivalent in mosquitto; they grant nothing here")
          if statement.effect == .deny { found.insert(AccessRule(.deny, "#")) }
          continue
        }
        for resource in statement.resources {
          let last = PolicyDocument.Statement.lastPart(of: resource)
          guard let pattern = PolicyPattern(last, context.single) else { continue }
          if statement.effect == .deny {
            found.formUnion(denials(statement, pattern, name))
            continue
          }
          if statement.covers(action: "iot:Connect"), let text = pattern.wildcardText(after: "client/"),
            isAllowed("iot:Connect", "client/\(text)")
          {
            clientPatterns.append(text)
          }
          if statement.covers(action: "iot:RetainPublish"), let text = pattern.wildcardText(after: "topic/"),
            isAllowed("iot:RetainPublish", "topic/\(text)")
          {
            retainPatterns.append(text)
          }
          if statement.covers(action: "iot:Subscribe"),
            let text = pattern.wildcardText(after: "topicfilter/"),
            isAllowed("iot:Subscribe", "topicfilter/\(text)")
          {
            subscribePatterns.append(text)
          }
          if statement.covers(action: "iot:Publish") {
            for filter in filters(pattern, "topic/", name) { found.insert(AccessRule(.write, filter)) }
          }
          if statement.covers(action: "iot:Receive") {
            for filter in filters(pattern, "topic/", name)
            where isAllowed("iot:Subscribe", "topicfilter/\(filter)") || pattern.isEverything(of: "topic/") {
              found.insert(AccessRule(.read, filter))
            }
          }
          if statement.covers(action: "iot:Subscribe") {
            for filter in subscribable(pattern, name) where isAllowed("iot:Receive", "topic/\(filter)") {
              found.insert(AccessRule(.read, filter))
            }
          }
        }
      }
    }
    for rule in found {
      do throws(IdentityError) {
        try AccessControlList.check(rule)
      } catch {
        // A denial may become broader, never narrower.
        found.remove(rule)
        if rule.access == .deny { found.insert(AccessRule(.deny, "#")) }
        notes.append(
          "\(error); \(rule.access == .deny ? "everything is denied in its place" : "it is not granted")")
      }
    }
    rules = found.sorted { ($0.topicFilter, $0.access.rawValue) < ($1.topicFilter, $1.access.rawValue) }
  }

  /// A pattern of topics as filters that match nothing else.
  private mutating func filters(_ pattern: PolicyPattern, _ prefix: String, _ statement: String) -> [String] {
    guard let levels = pattern.levels(after: prefix) else { return [] }
    var names: [String] = []
    for (index, level) in levels.enumerated() {
      if level == [.any] {
        // `a/*` matches everything below `a`, at any depth; `*` alone matches everything.
        if index + 1 == levels.count {
          return [(names + (index == 0 ? ["#"] : ["+", "#"])).joined(separator: "/")]
        }
        notes.append(
          "\(statement): '*' in the middle of a topic matches one level here, any number of levels on AWS")
        names.append("+")
      } else if level.contains(.any), index + 1 == levels.count, level.last == .any,
        let text = PolicyPattern.text(level.dropLast())
      {
        notes.append(
          "\(statement): '\(text)*' matches '\(text)' and the levels below it here, any ending on AWS")
        let exact = (names + [text]).joined(separator: "/")
        return [exact, "\(exact)/+/#"]
      } else if let text = PolicyPattern.text(level[...]) {
        guard !text.contains("+"), !text.contains("#") else { return [] }
        names.append(text)
      } else {
        notes.append(
          "\(statement): a '*' or '?' inside a level has no equivalent in mosquitto; it is not granted")
        return []
      }
    }
    return [names.joined(separator: "/")]
  }

  /// The filters for a pattern of topic filters, in which `+` and `#` stand for themselves: a client may subscribe with them.
  private mutating func subscribable(_ pattern: PolicyPattern, _ statement: String) -> [String] {
    if pattern.isEverything(of: "topicfilter/") { return ["#"] }
    guard let levels = pattern.levels(after: "topicfilter/") else { return [] }
    if let text = PolicyPattern.text(pattern.tokens[...]) {
      return [String(text.dropFirst("topicfilter/".count))]
    }
    return levels.allSatisfy({ $0 == [.any] || PolicyPattern.text($0[...]) != nil })
      ? filters(pattern, "topicfilter/", statement) : []
  }

  /// Denials may be broader than the policy's, never narrower; mosquitto's `deny` forbids both reading and writing.
  private mutating func denials(
    _ statement: PolicyDocument.Statement, _ pattern: PolicyPattern, _ name: String
  ) -> [AccessRule] {
    let writes = statement.covers(action: "iot:Publish")
    let reads = statement.covers(action: "iot:Subscribe") || statement.covers(action: "iot:Receive")
    guard writes || reads else { return [] }
    if writes != reads { notes.append("\(name): a Deny applies to both publishing and receiving here") }
    let prefix = pattern.levels(after: "topicfilter/") == nil ? "topic/" : "topicfilter/"
    guard let levels = pattern.levels(after: prefix) else { return [] }
    var names: [String] = []
    for level in levels {
      guard let text = PolicyPattern.text(level[...]) else {
        return [AccessRule(.deny, (names + (names.isEmpty ? ["#"] : ["+", "#"])).joined(separator: "/"))]
      }
      names.append(text)
    }
    return [AccessRule(.deny, names.joined(separator: "/"))]
  }
}

extension PolicyPattern {
  /// The text, or nil if it contains a wildcard.
  static func text(_ tokens: ArraySlice<Token>) -> String? {
    var text = String.UnicodeScalarView()
    for token in tokens {
      guard case .scalar(let scalar) = token else { return nil }
      text.append(scalar)
    }
    return String(text)
  }

  /// The text after `prefix`, with its wildcards; nil if the pattern is about something else or contains `*`, `?` or a control
  /// character that stands for itself.
  func wildcardText(after prefix: String) -> String? {
    if tokens == [.any] { return "*" }
    let start = prefix.unicodeScalars.map(Token.scalar)
    guard tokens.starts(with: start) else { return nil }
    var text = String.UnicodeScalarView()
    for token in tokens.dropFirst(start.count) {
      switch token {
      case .any: text.append("*")
      case .one: text.append("?")
      case .scalar(let scalar):
        guard scalar != "*", scalar != "?", scalar.value >= 0x20 else { return nil }
        text.append(scalar)
      }
    }
    return String(text)
  }

  /// `*`, or `prefix*`.
  func isEverything(of prefix: String) -> Bool {
    tokens == [.any] || tokens == prefix.unicodeScalars.map(Token.scalar) + [.any]
  }

  /// The levels of the text after `prefix`; nil if the pattern is about something else.
  func levels(after prefix: String) -> [[Token]]? {
    if tokens == [.any] { return [[.any]] }
    let start = prefix.unicodeScalars.map(Token.scalar)
    guard tokens.starts(with: start) else { return nil }
    return tokens.dropFirst(start.count).split(separator: .scalar("/"), omittingEmptySubsequences: false).map(
      Array.init)
  }
}
