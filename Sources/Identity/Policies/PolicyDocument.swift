import JSON

/// An AWS IoT policy document ("AWS IoT Core policies", developer guide), read and checked.
public struct PolicyDocument: Sendable, Equatable {
  /// One statement.
  public struct Statement: Sendable, Equatable {
    /// What happens to a request that the statement matches.
    public enum Effect: String, Sendable { case allow = "Allow", deny = "Deny" }

    /// `Sid`, or its place: `Statement[0]`.
    public let name: String
    /// Allow or deny.
    public let effect: Effect
    /// Patterns of actions; with `excludesActions`, of those that the statement doesn't cover.
    let actions: [String]
    let excludesActions: Bool
    /// Patterns of resources' ARNs, with policy variables.
    let resources: [String]
    let excludesResources: Bool
    let conditions: [PolicyCondition]
  }

  /// The policy's name, which is the file's.
  public let name: String
  /// The statements in order.
  public let statements: [Statement]

  /// AWS's limit, in characters without white space (counted here as bytes).
  public static let sizeLimit = 2048

  /// Reads a document. Throws `invalidPolicy` with the file and, if the text isn't JSON, the line and column, otherwise the
  /// invalid element.
  public init(_ text: [UInt8], file: String) throws(IdentityError) {
    let base = file.split(separator: "/").last.map(String.init) ?? file
    name = base.hasSuffix(".json") ? String(base.dropLast(5)) : base
    func error(_ place: String, _ message: String) -> IdentityError {
      IdentityError(.invalidPolicy, path: file, "\(file): \(place.isEmpty ? "" : place + ": ")\(message)")
    }
    let size = text.count { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
    guard size <= Self.sizeLimit else {
      throw error("", "has \(size) characters without white space; AWS allows \(Self.sizeLimit)")
    }
    let root: JSONElement
    do throws(JSONError) {
      root = try JSONElement(text)
    } catch {
      throw IdentityError(.invalidPolicy, path: file, "\(file): is not valid JSON: \(error)")
    }
    guard case .object(let members) = root else { throw error("", "a policy is a JSON object") }
    if let unknown = members.keys.sorted().first(where: { !["Version", "Id", "Statement"].contains($0) }) {
      throw error(unknown, "is not an element of a policy; those are Version, Id and Statement")
    }
    switch members["Version"] {
    case .string("2012-10-17"), .string("2008-10-17"): break
    case nil: throw error("Version", "is missing; write \"2012-10-17\"")
    default: throw error("Version", "must be \"2012-10-17\"")
    }
    let list: [JSONElement]
    switch members["Statement"] {
    case .array(let elements): list = elements
    case .object(let one): list = [.object(one)]
    case nil: throw error("Statement", "is missing")
    default: throw error("Statement", "must be an object or an array of objects")
    }
    guard !list.isEmpty else { throw error("Statement", "is empty: the policy would allow nothing") }
    var statements: [Statement] = []
    for (index, element) in list.enumerated() {
      let place = "Statement[\(index)]"
      guard case .object(let members) = element else { throw error(place, "must be an object") }
      statements.append(try Self.statement(members, place: place, error))
    }
    self.statements = statements
  }

  private static let elements: Set<String> = [
    "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition",
  ]

  private static func statement(
    _ members: [String: JSONElement], place: String, _ error: (String, String) -> IdentityError
  ) throws(IdentityError) -> Statement {
    if let unknown = members.keys.sorted().first(where: { !elements.contains($0) }) {
      let advice = unknown == "Principal" ? "; an IoT policy is attached to its principals" : ""
      throw error("\(place).\(unknown)", "is not an element of a statement\(advice)")
    }
    var name = place
    switch members["Sid"] {
    case nil: break
    case .string(let text): name = text
    default: throw error("\(place).Sid", "must be a string")
    }
    guard case .string(let effectText)? = members["Effect"],
      let effect = Statement.Effect(rawValue: effectText)
    else { throw error("\(place).Effect", "must be \"Allow\" or \"Deny\"") }
    func strings(_ name: String) throws(IdentityError) -> [String]? {
      guard let element = members[name] else { return nil }
      guard let texts = element.strings, !texts.isEmpty else {
        throw error("\(place).\(name)", "must be a string or an array of strings")
      }
      return texts
    }
    func either(_ name: String, _ opposite: String) throws(IdentityError) -> ([String], Bool) {
      switch (try strings(name), try strings(opposite)) {
      case (let texts?, nil): return (texts, false)
      case (nil, let texts?): return (texts, true)
      case (nil, nil): throw error("\(place).\(name)", "is missing")
      default: throw error("\(place).\(opposite)", "can't be combined with \(name)")
      }
    }
    let (actions, excludesActions) = try either("Action", "NotAction")
    for action in actions where action != "*" && !action.lowercased().hasPrefix("iot") {
      throw error("\(place).Action", "\(quoted(action)) is not an action of AWS IoT, such as iot:Publish")
    }
    let (resources, excludesResources) = try either("Resource", "NotResource")
    for resource in resources where resource != "*" {
      guard resource.hasPrefix("arn:"),
        resource.split(separator: ":", omittingEmptySubsequences: false).count >= 6
      else {
        throw error(
          "\(place).Resource",
          "\(quoted(resource)) is not an ARN, such as arn:aws:iot:us-east-1:123456789012:topic/truck/freezer")
      }
    }
    var conditions: [PolicyCondition] = []
    switch members["Condition"] {
    case nil: break
    case .object(let operators):
      for (operation, element) in operators.sorted(by: { $0.key < $1.key }) {
        let here = "\(place).Condition.\(operation)"
        guard case .object(let keys) = element else {
          throw error(here, "must be an object of keys and values")
        }
        for (key, value) in keys.sorted(by: { $0.key < $1.key }) {
          guard let values = value.strings else {
            throw error("\(here).\(key)", "must be a string or an array of strings")
          }
          guard let condition = PolicyCondition(operation, key: key, values: values) else {
            throw error(
              here,
              "unknown condition operator; use one of "
                + PolicyCondition.names.joined(separator: ", "))
          }
          conditions.append(condition)
        }
      }
    default: throw error("\(place).Condition", "must be an object")
    }
    return Statement(
      name: name, effect: effect, actions: actions, excludesActions: excludesActions, resources: resources,
      excludesResources: excludesResources, conditions: conditions)
  }
}

extension JSONElement {
  /// A string, a number or a boolean, or an array of them, as texts; nil for anything else.
  fileprivate var strings: [String]? {
    switch self {
    case .string(let text), .number(let text): return [text]
    case .boolean(let flag): return [flag ? "true" : "false"]
    case .array(let elements):
      var texts: [String] = []
      for element in elements {
        if case .array = element { return nil }
        guard let more = element.strings else { return nil }
        texts += more
      }
      return texts
    case .object, .null: return nil
    }
  }
}
