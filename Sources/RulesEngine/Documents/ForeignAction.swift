import JSON

/// An AWS action that needs another service: it is checked and kept, and what it would receive can be recorded.
public struct ForeignAction: Sendable {
  /// What a member holds.
  indirect enum Field: Sendable {
    case template(Template)
    case text(String)
    case boolean(Bool)
    case integer(Int)
    case object([(name: String, value: Field)])
    case array([Field])

    var unsupported: [SQLError] {
      switch self {
      case .template(let template): template.unsupported
      case .text, .boolean, .integer: []
      case .object(let fields): fields.flatMap(\.value.unsupported)
      case .array(let elements): elements.flatMap(\.unsupported)
      }
    }
  }

  /// AWS's name for the action, for example `dynamoDBv2`.
  public let type: String
  /// The service that it needs, named for a person.
  public let service: String
  /// Its members, in the order of AWS's model.
  let fields: [(name: String, value: Field)]

  /// The action in one line: its text members.
  public var summary: String {
    fields.compactMap { name, value in
      switch value {
      case .template(let template) where name != "roleArn": "\(name) \(template.source)"
      case .text(let text) where name != "roleArn": "\(name) \(text)"
      default: nil
      }
    }.joined(separator: ", ")
  }

  /// The action with its summary.
  var line: String { summary.isEmpty ? type : "\(type): \(summary)" }

  /// Calls of other AWS services in its templates.
  var unsupported: [SQLError] { Field.object(fields).unsupported }

  /// The member with that name.
  subscript(name: String) -> Field? { fields.first { $0.name == name }?.value }

  /// The member with that name, if it is a text that may have templates.
  func template(_ name: String) -> Template? {
    for (known, value) in fields where known == name {
      if case .template(let template) = value { return template }
    }
    return nil
  }

  /// Writes the members with their templates resolved for a message; throws if that exceeds a limit for one message.
  func write(_ templates: TemplateContext, to json: inout JSONWriter) throws(LimitError) {
    try Self.write(.object(fields), templates, to: &json)
  }

  private static func write(
    _ field: Field, _ templates: TemplateContext, to json: inout JSONWriter
  ) throws(LimitError) {
    switch field {
    case .template(let template): json.value(try templates.text(template))
    case .text(let text): json.value(text)
    case .boolean(let flag): json.value(flag)
    case .integer(let number): json.value(number)
    case .object(let fields):
      try json.object { (json: inout JSONWriter) throws(LimitError) in
        for (name, value) in fields {
          json.key(name)
          try write(value, templates, to: &json)
        }
      }
    case .array(let elements):
      try json.array { (json: inout JSONWriter) throws(LimitError) in
        for element in elements { try write(element, templates, to: &json) }
      }
    }
  }
}
