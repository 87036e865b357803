import Text

/// What a file of cases may contain. An unknown or mistyped member is an error, because its check would never be done.
enum CaseFormat {
  /// Says what is wrong with a member's value, as part of a sentence; nil if nothing is.
  private typealias Check = @Sendable (Value) -> String?

  /// The members of a case.
  private static let members: [String: Check] = [
    "id": string, "sql": string, "rule": string, "template": string, "filter": string, "topic": string,
    "version": one(of: SQLVersion.allCases.map(\.rawValue)), "payload": anything, "payloadText": string,
    "payloadBase64": base64, "now": integer, "clientId": string, "accountId": string, "exact": boolean,
    "expect": object,
    // For people.
    "source": anything, "note": anything, "uncertain": anything,
  ]

  /// The members of `expect`.
  private static let expected: [String: Check] = [
    "match": boolean, "error": one(of: ["parse", "unsupported", "payload"]), "string": string,
    "result": anything, "type": one(of: ["int", "decimal"]), "rawBase64": base64, "actions": array,
    "errorAction": object,
  ]

  /// The first member that is invalid, as a path, and what is wrong with it.
  static func problem(with fields: ObjectValue) -> (path: String, problem: String)? {
    if let (name, problem) = problem(with: fields, members) { return (name, problem) }
    guard case .object(let expectation)? = fields["expect"] else { return ("", "\"expect\" is missing") }
    if let (name, problem) = problem(with: expectation, expected) { return ("expect.\(name)", problem) }
    let outcomes = ["match", "error", "string"].filter { expectation[$0] != nil }
    guard outcomes.count == 1 else {
      return ("expect", "\"expect\" needs one of \"match\", \"error\" and \"string\"")
    }
    if Value.equal(expectation["match"] ?? .undefined, .boolean(true)) == true { return nil }
    guard let extra = expectation.keys.first(where: { $0 != outcomes[0] }) else { return nil }
    return ("expect.\(extra)", "\"\(extra)\" is only checked with \"match\": true")
  }

  private static func problem(
    with fields: ObjectValue, _ known: [String: Check]
  ) -> (name: String, problem: String)? {
    for (name, value) in zip(fields.keys, fields.values) {
      guard let check = known[name] else { return (name, "unknown member \"\(name)\"") }
      if let problem = check(value) { return (name, "\"\(name)\" \(problem)") }
    }
    return nil
  }

  private static let anything: Check = { _ in nil }
  private static let string: Check = { if case .string = $0 { nil } else { "must be a string" } }
  private static let boolean: Check = { if case .boolean = $0 { nil } else { "must be true or false" } }
  private static let object: Check = { if case .object = $0 { nil } else { "must be an object" } }
  private static let array: Check = { if case .array = $0 { nil } else { "must be an array" } }
  private static let integer: Check = { value in
    if case .number(let number) = value, number.isInt, Int(number.text) != nil { return nil }
    return "must be a whole number of 64 bits"
  }
  private static let base64: Check = { value in
    if case .string(let text) = value, Base64.decode(text) != nil { return nil }
    return "must be base64"
  }

  private static func one(of texts: [String]) -> Check {
    { value in
      if case .string(let text) = value, texts.contains(text) { return nil }
      return "must be one of \(texts.joined(separator: ", "))"
    }
  }
}
