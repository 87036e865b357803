import Time

/// What is known about a connection when its policies are evaluated: the values of policy variables and condition keys.
public struct PolicyContext: Sendable, Equatable {
  private var values: [String: [String]] = [:]

  /// A context in which nothing is known.
  public init() {}

  /// The context of a device ("AWS IoT Core policy variables").
  ///
  /// The thing's variables have values if a thing named like the client identifier is attached to the certificate.
  /// - Parameters:
  ///   - clientID: The MQTT client identifier.
  ///   - subject: The certificate's subject under AWS's names: CommonName, Organization, OrganizationalUnit, Country …
  ///   - thing: The thing named like the client identifier, with its type and attributes.
  ///   - isAttached: Whether the thing is attached to the certificate.
  public init(
    clientID: String?, subject: [String: [String]] = [:], thing: Thing? = nil, isAttached: Bool = true
  ) {
    if let clientID { values["iot:ClientId"] = [clientID] }
    for (name, texts) in subject {
      let key = "iot:Certificate.Subject.\(name)"
      if texts.count == 1 { values[key] = texts }
      values["\(key).List"] = texts
      for (index, text) in texts.enumerated() { values["\(key).\(index)"] = [text] }
    }
    values["iot:Connection.Thing.IsAttached"] = [thing != nil && isAttached ? "true" : "false"]
    guard let thing, isAttached else { return }
    values["iot:Connection.Thing.ThingName"] = [thing.thingName]
    if let type = thing.thingTypeName { values["iot:Connection.Thing.ThingTypeName"] = [type] }
    for (name, value) in thing.attributes { values["iot:Connection.Thing.Attributes[\(name)]"] = [value] }
  }

  /// Sets the keys of a single request: the client's address and the time.
  public mutating func setRequest(sourceIP: String, epochSeconds: Int) {
    set("aws:SourceIp", sourceIP)
    set("aws:CurrentTime", Moment.text(seconds: epochSeconds))
    set("aws:EpochTime", String(epochSeconds))
    set("aws:SecureTransport", "true")
  }

  /// Sets a key to one value or several, such as `iot:DomainName` or `aws:SourceIp`.
  public mutating func set(_ key: String, _ texts: String...) { values[key] = texts }

  /// Condition keys are case-insensitive.
  func values(of key: String) -> [String] {
    values[key] ?? values.first { $0.key.lowercased() == key.lowercased() }?.value ?? []
  }

  /// The value of a policy variable; nil if there is none, or several.
  func single(_ key: String) -> String? { values[key].flatMap { $0.count == 1 ? $0[0] : nil } }
}

/// The decision of policies on a request, in the words of `aws iot test-authorization`.
public struct PolicyDecision: Sendable, Equatable {
  /// The outcome of an evaluation.
  public enum Outcome: String, Sendable {
    /// A statement allows it and none denies it.
    case allowed = "ALLOWED"
    /// A statement denies it.
    case explicitDeny = "EXPLICIT_DENY"
    /// No statement matches it.
    case implicitDeny = "IMPLICIT_DENY"
  }

  /// The outcome.
  public let outcome: Outcome
  /// The statements that decided: `policy: statement`.
  public let decidedBy: [String]
}

extension PolicyDocument {
  /// Evaluates a request against all policies of a principal. The request is denied if one policy denies it, or if none allows it
  /// ("How AWS IoT evaluates policies").
  /// - Parameters:
  ///   - action: Such as `iot:Publish`.
  ///   - resource: An ARN, or its last part alone, such as `topic/truck/freezer` or `client/truckSensor01`.
  public static func evaluate(
    action: String, resource: String, policies: [PolicyDocument], context: PolicyContext
  ) -> PolicyDecision {
    var allowing: [String] = []
    var denying: [String] = []
    for policy in policies {
      for statement in policy.statements
      where statement.matches(action: action, resource: resource, context: context) {
        let name = "\(policy.name): \(statement.name)"
        if statement.effect == .deny { denying.append(name) } else { allowing.append(name) }
      }
    }
    if !denying.isEmpty { return PolicyDecision(outcome: .explicitDeny, decidedBy: denying) }
    if !allowing.isEmpty { return PolicyDecision(outcome: .allowed, decidedBy: allowing) }
    return PolicyDecision(outcome: .implicitDeny, decidedBy: [])
  }
}

extension PolicyDocument.Statement {
  /// Whether the statement applies to the request.
  func matches(action: String, resource: String, context: PolicyContext) -> Bool {
    covers(action: action) && covers(resource: resource, context)
      && conditions.allSatisfy { $0.isMet(by: context) }
  }

  /// Action names are case-insensitive.
  func covers(action: String) -> Bool {
    let isNamed = actions.contains { PolicyPattern($0)?.matches(action, ignoringCase: true) ?? false }
    return isNamed != excludesActions
  }

  private func covers(resource: String, _ context: PolicyContext) -> Bool {
    let isNamed = resources.contains { Self.covers($0, resource, context) }
    // An unknown variable makes a statement with NotResource match nothing, too.
    if excludesResources, resources.contains(where: { PolicyPattern($0, context.single) == nil }) {
      return false
    }
    return isNamed != excludesResources
  }

  private static func covers(_ pattern: String, _ resource: String, _ context: PolicyContext) -> Bool {
    if resource.hasPrefix("arn:") {
      return PolicyPattern(pattern, context.single)?.matches(resource) ?? false
    }
    // A resource without region and account matches whichever ones the policy names.
    return PolicyPattern(lastPart(of: pattern), context.single)?.matches(resource) ?? false
  }

  /// The part after `arn:partition:iot:region:account:`; `*` for everything.
  static func lastPart(of pattern: String) -> String {
    if pattern == "*" { return "*" }
    let parts = pattern.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
    return parts.count == 6 ? String(parts[5]) : pattern
  }
}
