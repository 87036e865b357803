import JSON

/// The members of a request's JSON body, checked against the service's model, whose error messages it uses.
struct AWSInput {
  let members: [String: JSONElement]

  /// Reads a body; an empty one counts as `{}`.
  init(_ body: [UInt8]) throws(AWSFault) {
    guard !body.isEmpty else {
      members = [:]
      return
    }
    let element: JSONElement
    do {
      element = try JSONElement(body)
    } catch {
      throw AWSFault("SerializationException", "the body is not JSON: \(error)")
    }
    guard case .object(let members) = element else {
      throw AWSFault("SerializationException", "the body must be a JSON object")
    }
    self.members = members
  }

  /// A text; nil if it isn't given. Throws if it has another type or another length.
  func text(_ name: String, length: ClosedRange<Int>) throws(AWSFault) -> String? {
    switch members[name] {
    case nil, .null?: return nil
    case .string(let text)?:
      if text.unicodeScalars.count < length.lowerBound {
        throw Self.violation(
          text, name, "Member must have length greater than or equal to \(length.lowerBound)")
      }
      if text.unicodeScalars.count > length.upperBound {
        throw Self.violation(
          text, name, "Member must have length less than or equal to \(length.upperBound)")
      }
      return text
    default: throw AWSFault("SerializationException", "\(name) must be a string")
    }
  }

  /// A required text.
  func required(_ name: String, length: ClosedRange<Int>) throws(AWSFault) -> String {
    guard let text = try text(name, length: length) else {
      throw .validation(
        "1 validation error detected: Value null at '\(Self.field(name))' failed to satisfy constraint: "
          + "Member must not be null")
    }
    return text
  }

  /// An integer; nil if it isn't given.
  func integer(_ name: String, in range: ClosedRange<Int>) throws(AWSFault) -> Int? {
    switch members[name] {
    case nil, .null?: return nil
    case .number(let text)?:
      guard let number = Int(text) else {
        throw AWSFault("SerializationException", "\(name) must be an integer")
      }
      if number < range.lowerBound {
        throw Self.violation(
          text, name, "Member must have value greater than or equal to \(range.lowerBound)")
      }
      if number > range.upperBound {
        throw Self.violation(text, name, "Member must have value less than or equal to \(range.upperBound)")
      }
      return number
    default: throw AWSFault("SerializationException", "\(name) must be a number")
    }
  }

  /// A flag; nil if it isn't given.
  func flag(_ name: String) throws(AWSFault) -> Bool? {
    switch members[name] {
    case nil, .null?: return nil
    case .boolean(let flag)?: return flag
    default: throw AWSFault("SerializationException", "\(name) must be a boolean")
    }
  }

  private static func violation(_ value: String, _ name: String, _ constraint: String) -> AWSFault {
    // A hostile value isn't repeated in full.
    let shown = value.count > 100 ? value.prefix(100) + "…" : value[...]
    return .validation(
      "1 validation error detected: Value '\(shown)' at '\(field(name))' failed to satisfy constraint: \(constraint)"
    )
  }

  /// A member as error messages write it: `queryString`.
  private static func field(_ name: String) -> String { name.prefix(1).lowercased() + name.dropFirst() }
}
