import HTTP
import JSON
import Time

/// A request whose members satisfy the operation's model.
struct RESTRequest: Sendable {
  /// The request as received.
  let signed: SignedRequest
  private let values: [String: JSONElement]

  init(signed: SignedRequest, values: [String: JSONElement]) {
    self.signed = signed
    self.values = values
  }

  /// A member; nil if it is missing or null.
  subscript(_ name: String) -> JSONElement? {
    switch values[name] {
    case nil, .null?: nil
    case let value?: value
    }
  }

  /// A text; nil if it isn't given.
  func text(_ name: String) -> String? { self[name]?.text }
  /// A text that the model requires, and which is therefore present.
  func required(_ name: String) -> String { text(name) ?? "" }
  /// A flag; false if it isn't given.
  func flag(_ name: String) -> Bool { self[name] == .boolean(true) }
  /// An integer; nil if it isn't given.
  func integer(_ name: String) -> Int? { self[name]?.integer }
  /// The texts in a list.
  func texts(_ name: String) -> [String] { self[name]?.elements.compactMap(\.text) ?? [] }

  // MARK: Names

  /// The only account here; AWS's documentation uses it in examples.
  static let account = "123456789012"

  /// The ARN of a resource of AWS IoT in the region that the client has named.
  func arn(_ kind: String, _ name: String) -> String {
    "arn:aws:iot:\(signed.region):\(Self.account):\(kind)/\(name)"
  }
}

extension JSONElement {
  var text: String? { if case .string(let text) = self { text } else { nil } }
  var integer: Int? { if case .number(let text) = self { Int(text) } else { nil } }
  var isTrue: Bool { self == .boolean(true) }
  var elements: [JSONElement] { if case .array(let elements) = self { elements } else { [] } }
  var members: [String: JSONElement] { if case .object(let members) = self { members } else { [:] } }

  /// A member of an object; nil if it is missing or null.
  subscript(_ name: String) -> JSONElement? {
    switch members[name] {
    case nil, .null?: nil
    case let value?: value
    }
  }

  /// The members of an object that are texts.
  var texts: [String: String] { members.compactMapValues(\.text) }
}

extension JSONWriter {
  /// Writes a tree. In each object, the members of `first` come first and the others follow by name.
  mutating func value(_ element: JSONElement, first: [String] = []) {
    switch element {
    case .object(let members):
      object {
        let rest = members.keys.filter { !first.contains($0) }.sorted()
        for key in first.filter({ members[$0] != nil }) + rest {
          $0.key(key)
          if let value = members[key] { $0.value(value, first: first) }
        }
      }
    case .array(let elements): array { for element in elements { $0.value(element, first: first) } }
    case .string(let text): value(text)
    case .number(let text): value(json: text.utf8)
    case .boolean(let flag): value(flag)
    case .null: null()
    }
  }

  /// Writes a member, or nothing if it has no value.
  mutating func member(_ name: String, ifAny text: String?) {
    if let text { member(name, text) }
  }

  /// A map of texts, by key.
  mutating func member(_ name: String, _ texts: [String: String]) {
    object(name) { for (key, text) in texts.sorted(by: { $0.key < $1.key }) { $0.member(key, text) } }
  }

  /// A list of texts.
  mutating func member(_ name: String, _ texts: [String]) {
    array(name) { for text in texts { $0.value(text) } }
  }

  /// Writes an ISO 8601 time as the services do, in seconds since 1970, or nothing if the text isn't a time.
  mutating func member(_ name: String, time text: String?) {
    guard let text, let time = Timestamp.parse(text) else { return }
    member(name, Double(time / 1_000_000) / 1000)
  }
}

/// The answer of an operation.
enum RESTAnswer: Sendable {
  /// The answer is ready.
  case now(HTTPResponse)
  /// The answer comes later, once, on any thread.
  case later(@Sendable (@escaping @Sendable (HTTPResponse) -> Void) -> Void)

  /// An answer without members.
  static var nothing: RESTAnswer { json { _ in } }

  /// An answer whose members `write` writes.
  static func json(_ write: (inout JSONWriter) -> Void) -> RESTAnswer {
    .now(HTTPResponse(200, JSONWriter.object(write), contentType: "application/json"))
  }
}

extension JSONWriter {
  /// The text of one object.
  static func object(_ members: (inout JSONWriter) -> Void) -> [UInt8] {
    var json = JSONWriter()
    json.object { members(&$0) }
    return json.bytes
  }
}

extension AWSFault {
  /// The request contradicts the model of a REST service, or the present state.
  static func invalidRequest(_ message: String) -> AWSFault { AWSFault("InvalidRequestException", message) }

  /// The resource doesn't exist.
  static func resourceNotFound(_ message: String) -> AWSFault {
    AWSFault("ResourceNotFoundException", status: 404, message)
  }
}
