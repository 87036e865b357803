import MQTT

/// Takes the members of an object by name and type; what nobody took is an error.
struct DocumentReader {
  let file: String
  let path: String
  private let object: ObjectValue?
  private var taken: Set<String> = []

  init(file: String, path: String, value: Value) {
    self.file = file
    self.path = path
    object = if case .object(let object) = value { object } else { nil }
  }

  func place(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  func error(_ name: String, _ message: String) -> RuleError { RuleError(file, place(name), message) }

  private mutating func take(_ name: String) throws(RuleError) -> Value? {
    guard let object else {
      throw RuleError(
        file, path, path.isEmpty ? "the document is not a JSON object" : "must be a JSON object")
    }
    taken.insert(name)
    return object[name]
  }

  mutating func string(_ name: String) throws(RuleError) -> String? {
    switch try take(name) {
    case nil: return nil
    case .string(let text): return text
    default: throw error(name, "must be a string")
    }
  }

  mutating func boolean(_ name: String) throws(RuleError) -> Bool? {
    switch try take(name) {
    case nil: return nil
    case .boolean(let flag): return flag
    default: throw error(name, "must be true or false")
    }
  }

  mutating func integer(_ name: String) throws(RuleError) -> Int? {
    switch try take(name) {
    case nil: return nil
    case .number(let number) where number.isInt: return number.decimal.floorInt
    default: throw error(name, "must be a whole number")
    }
  }

  mutating func object(_ name: String) throws(RuleError) -> DocumentReader? {
    guard let value = try take(name) else { return nil }
    let reader = DocumentReader(file: file, path: place(name), value: value)
    guard reader.object != nil else { throw error(name, "must be an object") }
    return reader
  }

  mutating func objects(_ name: String) throws(RuleError) -> [DocumentReader]? {
    guard let value = try take(name) else { return nil }
    guard case .array(let elements) = value else { throw error(name, "must be an array") }
    var readers: [DocumentReader] = []
    for (index, element) in elements.enumerated() {
      let reader = DocumentReader(file: file, path: place("\(name)[\(index)]"), value: element)
      guard reader.object != nil else { throw error("\(name)[\(index)]", "must be an object") }
      readers.append(reader)
    }
    return readers
  }

  mutating func template(_ name: String, variables: [String]) throws(RuleError) -> Template? {
    guard let text = try string(name) else { return nil }
    do throws(SQLError) {
      return try Template(text, variables: variables)
    } catch {
      throw RuleError(file, place(name), error.description, excerpt: error.excerpt)
    }
  }

  func finish(ignoring ignored: Set<String> = []) throws(RuleError) {
    if let unknown = object?.keys.first(where: { !taken.contains($0) && !ignored.contains($0) }) {
      throw error(unknown, "is unknown here")
    }
  }

  /// The one action that an element of `actions` holds.
  func action(variables: [String]) throws(RuleError) -> Action {
    var reader = self
    guard let object, object.count == 1, let type = object.keys.first else {
      throw RuleError(file, path, "must hold one action")
    }
    guard Action.supported.contains(type) else {
      if Action.ofAWS.contains(type) {
        guard try reader.object(type) != nil else { throw error(type, "must be an object") }
        return .notRun(type)
      }
      throw RuleError(
        file, path,
        "the action '\(type)' is not supported; these are: \(Action.supported.joined(separator: ", "))")
    }
    guard var body = try reader.object(type) else { throw RuleError(file, path, "must hold one action") }
    switch type {
    case "republish": return .republish(try body.republish(variables: variables))
    case "timestream": return .timestream(try body.timestream(variables: variables))
    default:
      try body.finish()
      return .log
    }
  }

  private mutating func republish(variables: [String]) throws(RuleError) -> RepublishAction {
    guard let text = try string("topic") else { throw error("topic", "is missing") }
    let topic: Template
    do throws(SQLError) {
      // `$$aws/…` republishes to a reserved topic.
      topic = try Template(text.hasPrefix("$$") ? String(text.dropFirst()) : text, variables: variables)
    } catch {
      throw RuleError(file, place("topic"), error.description, excerpt: error.excerpt)
    }
    if topic.isConstant {
      do throws(MQTTError) {
        _ = try TopicName(topic.source)
      } catch {
        throw self.error("topic", error.message)
      }
    }
    let qos = try integer("qos") ?? 0
    guard qos == 0 || qos == 1 else { throw error("qos", "must be 0 or 1, not \(qos)") }
    _ = try string("roleArn")
    var result = MQTTHeaders()
    if var headers = try object("headers") {
      result.payloadFormatIndicator = try headers.template("payloadFormatIndicator", variables: variables)
      result.contentType = try headers.template("contentType", variables: variables)
      result.responseTopic = try headers.template("responseTopic", variables: variables)
      result.correlationData = try headers.template("correlationData", variables: variables)
      result.messageExpiry = try headers.template("messageExpiry", variables: variables)
      for var property in try headers.objects("userProperties") ?? [] {
        guard let key = try property.template("key", variables: variables),
          let value = try property.template("value", variables: variables)
        else { throw headers.error("userProperties", "each needs a key and a value") }
        try property.finish()
        result.userProperties.append((key, value))
      }
      try headers.finish()
    }
    try finish()
    return RepublishAction(topic: topic, qos: qos == 1 ? .atLeastOnce : .atMostOnce, headers: result)
  }
}
