import Text

/// Resolves CloudFormation's functions with what the template itself contains: parameters' defaults, mappings and AWS's
/// pseudo parameters. A value that is known only at deployment becomes a placeholder such as `<Role.Arn>`, with a
/// warning.
struct Intrinsics {
  /// What couldn't be resolved, each once.
  private(set) var warnings: [String] = []

  private let parameters: ObjectValue
  private let mappings: ObjectValue
  private let resources: ObjectValue

  private static let pseudoParameters = [
    "AWS::AccountId": "123456789012", "AWS::Region": "us-east-1", "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com", "AWS::StackName": "stack",
    "AWS::StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/stack/0",
  ]

  init(_ template: ObjectValue) {
    func object(_ name: String) -> ObjectValue {
      if case .object(let object)? = template[name] { object } else { ObjectValue() }
    }
    parameters = object("Parameters")
    mappings = object("Mappings")
    resources = object("Resources")
  }

  /// The value with its functions resolved; Undefined if it is to be left out (`AWS::NoValue`).
  mutating func resolved(_ value: Value) -> Value {
    switch value {
    case .array(let elements): return .array(elements.map { resolved($0) }.filter { !$0.isUndefined })
    case .object(let object):
      if object.count == 1, let name = object.keys.first, let argument = object.values.first,
        name == "Ref" || name.hasPrefix("Fn::")
      {
        return call(name, argument)
      }
      var result = ObjectValue()
      for (key, value) in zip(object.keys, object.values) {
        let value = resolved(value)
        if !value.isUndefined { result.set(key, value) }
      }
      return .object(result)
    default: return value
    }
  }

  private mutating func call(_ name: String, _ argument: Value) -> Value {
    switch name {
    case "Ref":
      guard let name = argument.asString else { return unknown("Ref") }
      return reference(name)
    case "Fn::GetAtt":
      let names: [String]
      switch argument {
      case .array(let parts): names = parts.compactMap(\.asString)
      default: names = argument.asString.map { [$0] } ?? []
      }
      return attribute(names.joined(separator: "."))
    case "Fn::Sub": return substituted(argument)
    case "Fn::Join":
      guard case .array(let parts) = argument, parts.count == 2, let separator = parts[0].asString,
        case .array(let elements) = resolved(parts[1])
      else { return unknown(name) }
      return .string(elements.compactMap(\.asString).joined(separator: separator))
    case "Fn::If":
      // Which value a deployment takes depends on its parameters; this takes the first one that isn't left out.
      guard case .array(let parts) = argument, parts.count == 3 else { return unknown(name) }
      note("the condition '\(parts[0].asString ?? "")' is assumed to be true")
      let value = resolved(parts[1])
      return value.isUndefined ? resolved(parts[2]) : value
    case "Fn::FindInMap":
      guard case .array(let parts) = resolved(argument), parts.count == 3 else { return unknown(name) }
      var found = Value.object(mappings)
      for part in parts {
        guard case .object(let object) = found, let key = part.asString, let next = object[key] else {
          return unknown(name)
        }
        found = next
      }
      return found
    case "Fn::Select":
      guard case .array(let parts) = resolved(argument), parts.count == 2,
        let index = parts[0].asIntegerArgument, case .array(let elements) = parts[1],
        elements.indices.contains(index)
      else { return unknown(name) }
      return elements[index]
    case "Fn::Split":
      guard case .array(let parts) = resolved(argument), parts.count == 2, let separator = parts[0].asString,
        !separator.isEmpty, let text = parts[1].asString
      else { return unknown(name) }
      return .array(
        text.split(separator: separator, omittingEmptySubsequences: false).map { .string(String($0)) })
    case "Fn::Base64":
      return resolved(argument).asString.map { .string(Base64.encode(Array($0.utf8))) } ?? unknown(name)
    case "Fn::ImportValue":
      return placeholder(resolved(argument).asString ?? name)
    default: return unknown(name)
    }
  }

  private mutating func reference(_ name: String) -> Value {
    if name == "AWS::NoValue" { return .undefined }
    if let known = Self.pseudoParameters[name] { return .string(known) }
    if case .object(let parameter)? = parameters[name] {
      guard let value = parameter["Default"] else { return placeholder(name) }
      if case .string(let text) = value { return .string(text) }
      return value.asString.map { .string($0) } ?? value
    }
    guard resources[name] != nil else { return placeholder(name) }
    // A resource's name is known only to a deployment, so its logical ID stands for it.
    note("'\(name)' is a placeholder for the name that the deployment gives to that resource")
    return .string(name)
  }

  private mutating func attribute(_ name: String) -> Value {
    guard name.hasSuffix("Name"), let resource = name.split(separator: ".").first else {
      return placeholder(name)
    }
    note("'\(resource)' is a placeholder for the name that the deployment gives to that resource")
    return .string(String(resource))
  }

  /// `Fn::Sub`: replaces `${Name}` and `${Resource.Attribute}`; `${!text}` becomes `${text}`, for the rule.
  private mutating func substituted(_ argument: Value) -> Value {
    var own = ObjectValue()
    var text: String?
    switch argument {
    case .array(let parts) where parts.count == 2:
      text = parts[0].asString
      if case .object(let names) = resolved(parts[1]) { own = names }
    default: text = argument.asString
    }
    guard let text else { return unknown("Fn::Sub") }
    var result = ""
    var rest = text[...]
    while let start = rest.firstRange(of: "${") {
      result += rest[..<start.lowerBound]
      guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
        rest = rest[start.lowerBound...]
        break
      }
      let name = rest[start.upperBound..<end]
      rest = rest[rest.index(after: end)...]
      if name.hasPrefix("!") {
        result += "${\(name.dropFirst())}"
      } else if let value = own[String(name)]?.asString {
        result += value
      } else if name.allSatisfy({ $0.isLetter || $0.isNumber || ":._-".contains($0) }) {
        let value = name.contains(".") ? attribute(String(name)) : reference(String(name))
        result += value.asString ?? ""
      } else {
        note(
          "'${\(name)}' in Fn::Sub is not a name; write '${!\(name)}' for a substitution template of the rule"
        )
        result += "${\(name)}"
      }
    }
    return .string(result + rest)
  }

  private mutating func unknown(_ function: String) -> Value { placeholder(function) }

  private mutating func placeholder(_ name: String) -> Value {
    note("'<\(name)>' is a placeholder for a value that is known only at deployment")
    return .string("<\(name)>")
  }

  private mutating func note(_ warning: String) {
    if !warnings.contains(warning) { warnings.append(warning) }
  }
}
