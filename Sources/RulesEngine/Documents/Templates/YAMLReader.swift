import CYAML
import Numbers

/// Reads one YAML document into the values that rule documents consist of, and keeps the position of each.
///
/// Aliases may make a document larger than its text, and sequences nest: both are bounded.
struct YAMLReader {
  /// Why a text isn't YAML, or exceeds a limit.
  struct Failure: Error {
    let message: String
    let line: Int
    let column: Int
  }

  /// The most values of a document, including those that aliases repeat.
  static let nodeLimit = 100_000
  /// The most levels of nesting.
  static let depthLimit = 100

  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private var event = yaml_event_t()
  private var anchors: [String: (value: Value, nodes: Int)] = [:]
  private var nodes = 0
  private var positions: [String: (line: Int, column: Int)] = [:]

  /// The document, and the position of the value at each path such as `Resources.Rule.Actions[0]`.
  static func read(
    _ text: [UInt8]
  ) throws(Failure) -> (value: Value, positions: [String: (line: Int, column: Int)]) {
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { parser.deallocate() }
    guard yaml_parser_initialize(parser) == 1 else {
      throw Failure(message: "out of memory", line: 1, column: 1)
    }
    defer { yaml_parser_delete(parser) }
    // The parser keeps the address until it is deleted.
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.count)
    defer { copy.deallocate() }
    _ = copy.initialize(from: text)
    yaml_parser_set_input_string(parser, copy.baseAddress, copy.count)
    var reader = YAMLReader(parser: parser)
    defer { yaml_event_delete(&reader.event) }
    let value = try reader.document()
    return (value, reader.positions)
  }

  private init(parser: UnsafeMutablePointer<yaml_parser_t>) { self.parser = parser }

  private mutating func document() throws(Failure) -> Value {
    try next()
    try next()
    guard event.type == YAML_DOCUMENT_START_EVENT else { throw failure("the file is empty") }
    try next()
    let value = try node("", depth: 0)
    try next()
    try next()
    guard event.type == YAML_STREAM_END_EVENT else { throw failure("the file has more than one document") }
    return value
  }

  private mutating func next() throws(Failure) {
    yaml_event_delete(&event)
    guard yaml_parser_parse(parser, &event) == 1 else {
      let error = parser.pointee
      let mark = error.problem_mark
      throw Failure(
        message: error.problem.map { String(cString: $0) } ?? "not YAML",
        line: Int(clamping: mark.line).saturatingAdd(1), column: Int(clamping: mark.column).saturatingAdd(1))
    }
  }

  private var position: (line: Int, column: Int) {
    (
      Int(clamping: event.start_mark.line).saturatingAdd(1),
      Int(clamping: event.start_mark.column).saturatingAdd(1)
    )
  }

  private func failure(_ message: String) -> Failure {
    Failure(message: message, line: position.line, column: position.column)
  }

  private mutating func count(_ more: Int) throws(Failure) {
    nodes += more
    guard nodes <= Self.nodeLimit else {
      throw failure("more than \(Self.nodeLimit) values, including those repeated by aliases")
    }
  }

  /// The value that the current event begins; the event that ends it is current afterwards.
  private mutating func node(_ path: String, depth: Int) throws(Failure) -> Value {
    positions[path] = position
    guard depth <= Self.depthLimit else { throw failure("more than \(Self.depthLimit) levels of nesting") }
    let before = nodes
    try count(1)
    let anchor = ts_yaml_anchor(&event).map { String(cString: $0) }
    let tag = ts_yaml_tag(&event).map { String(cString: $0) }
    var value: Value
    switch event.type {
    case YAML_ALIAS_EVENT:
      guard let anchor, let known = anchors[anchor] else {
        throw failure("the alias '*\(anchor ?? "")' refers to an anchor that doesn't precede it")
      }
      try count(known.nodes)
      return known.value
    case YAML_SCALAR_EVENT: value = try scalar(tag)
    case YAML_SEQUENCE_START_EVENT: value = try sequence(path, depth)
    case YAML_MAPPING_START_EVENT: value = try mapping(path, depth)
    default: throw failure("a value is expected")
    }
    if let tag, tag.hasPrefix("!"), !tag.hasPrefix("!!"), tag.utf8.count > 1 {
      // CloudFormation's short form of a function: `!Sub text` is `{"Fn::Sub": text}`.
      let name = String(tag.dropFirst())
      var object = ObjectValue()
      object.set(name == "Ref" || name == "Condition" ? name : "Fn::\(name)", value)
      value = .object(object)
    }
    if let anchor { anchors[anchor] = (value, nodes - before) }
    return value
  }

  private func scalar(_ tag: String?) throws(Failure) -> Value {
    var length = 0
    let bytes = withUnsafePointer(to: event) { ts_yaml_scalar($0, &length) }
    let text = String(decoding: UnsafeBufferPointer(start: bytes, count: length), as: UTF8.self)
    guard tag == nil, withUnsafePointer(to: event, { ts_yaml_is_plain($0) == 1 }) else {
      return .string(text)
    }
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": return .boolean(true)
    case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": return .boolean(false)
    default:
      // A number with a leading zero, such as an account's, is a name.
      guard let number = Value.decimal(text), !text.hasPrefix("0") || text == "0" || text.hasPrefix("0.")
      else { return .string(text) }
      return .number(Number(decimal: number, isInt: number.isWhole && !text.contains(".")))
    }
  }

  private mutating func sequence(_ path: String, _ depth: Int) throws(Failure) -> Value {
    var elements: [Value] = []
    try next()
    while event.type != YAML_SEQUENCE_END_EVENT {
      elements.append(try node("\(path)[\(elements.count)]", depth: depth + 1))
      try next()
    }
    return .array(elements)
  }

  private mutating func mapping(_ path: String, _ depth: Int) throws(Failure) -> Value {
    var object = ObjectValue()
    var merged: [ObjectValue] = []
    try next()
    while event.type != YAML_MAPPING_END_EVENT {
      let keyPosition = position
      guard event.type == YAML_SCALAR_EVENT else { throw failure("a key must be a text") }
      let key = try scalar("!!str").asString ?? ""
      try count(1)
      try next()
      let value = try node(path.isEmpty ? key : "\(path).\(key)", depth: depth + 1)
      if key == "<<", case .object(let base) = value {
        merged.append(base)
      } else if object[key] != nil {
        throw Failure(
          message: "the key '\(key)' appears twice in one mapping", line: keyPosition.line,
          column: keyPosition.column)
      } else {
        object.set(key, value)
      }
      try next()
    }
    for base in merged {
      for (key, value) in zip(base.keys, base.values) where object[key] == nil { object.set(key, value) }
    }
    return .object(object)
  }
}
