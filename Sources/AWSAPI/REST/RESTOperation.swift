import HTTP
import JSON
import Text

/// An operation of a service that speaks REST JSON: how its request is recognised, and where its members are.
struct RESTOperation: Sendable {
  /// Where a member is in the request.
  enum Location: Sendable {
    /// In the path, where the template has its name in braces.
    case path
    case query(String)
    case header(String)
    /// A member of the body's JSON object.
    case body
    /// The whole body.
    case payload
  }

  /// A member of the request.
  struct Member: Sendable {
    let field: Shape.Field
    let location: Location
  }

  /// The operation's name in the service's model.
  let name: String
  let method: String
  /// The path template's segments: fixed text, or the name of a member.
  private let segments: [(text: String, isMember: Bool)]
  private let members: [Member]
  /// Whether the body may be anything, not only JSON.
  private let takesBytes: Bool
  /// What the service does; called on its queue.
  let action: @Sendable (RESTRequest) throws(AWSFault) -> RESTAnswer

  /// - Parameter template: Such as `POST /things/{thingName}`. A last member whose name ends in `+` takes the rest of the path.
  init(
    _ name: String, _ template: String, _ members: [Member] = [], takesBytes: Bool = false,
    action: @escaping @Sendable (RESTRequest) throws(AWSFault) -> RESTAnswer
  ) {
    self.name = name
    let parts = template.split(separator: " ")
    method = String(parts.first ?? "")
    segments = (parts.last ?? "").split(separator: "/").map { segment in
      segment.hasPrefix("{")
        ? (String(segment.dropFirst().dropLast()), true) : (String(segment), false)
    }
    self.members = members
    self.takesBytes = takesBytes
    self.action = action
  }

  /// The number of fixed segments in the template: of two operations that match, the one with more is used.
  var fixedSegments: Int { segments.count { !$0.isMember } }

  /// The members in the path if method and path (percent-encoded segments) match this operation, otherwise nil.
  func match(_ method: String, _ path: [Substring]) -> [String: String]? {
    guard method == self.method else { return nil }
    var values: [String: String] = [:]
    for (index, segment) in segments.enumerated() {
      guard index < path.count else { return nil }
      guard segment.isMember else {
        if path[index] != segment.text { return nil }
        continue
      }
      if segment.text.hasSuffix("+") {
        values[String(segment.text.dropLast())] = path[index...].map { PercentEncoding.decoded($0) }
          .joined(separator: "/")
        return values
      }
      values[segment.text] = PercentEncoding.decoded(path[index])
    }
    return path.count == segments.count ? values : nil
  }

  /// Reads and checks the members of a request. Throws `InvalidRequestException` if one contradicts the model.
  func request(_ signed: SignedRequest, path: [String: String]) throws(AWSFault) -> RESTRequest {
    var body: [String: JSONElement] = [:]
    if !takesBytes, !signed.http.body.isEmpty {
      let element: JSONElement
      do {
        element = try JSONElement(signed.http.body)
      } catch {
        throw .invalidRequest("the body is not JSON: \(error)")
      }
      guard case .object(let members) = element else {
        throw .invalidRequest("the body must be a JSON object")
      }
      body = members
    }
    var values: [String: JSONElement] = [:]
    for member in members {
      let name = member.field.name
      let text: String?
      switch member.location {
      case .path: text = path[name]
      case .query(let key): text = signed.http.query[key]
      case .header(let key): text = signed.http.headers[key]
      case .body:
        values[name] = body[name]
        continue
      case .payload:
        values[name] = body.isEmpty ? nil : .object(body)
        continue
      }
      if let text { values[name] = member.field.shape.element(text) }
    }
    if let problem = Shape.violation(of: values, members.map(\.field), at: "") {
      throw .invalidRequest(problem)
    }
    return RESTRequest(signed: signed, values: values)
  }
}

extension RESTOperation.Member {
  /// A member in the path.
  static func path(_ name: String, _ shape: Shape) -> Self {
    Self(field: .init(name, shape, required: true), location: .path)
  }
  /// A query parameter, by default named like the member.
  static func query(_ name: String, _ shape: Shape, as key: String? = nil, required: Bool = false) -> Self {
    Self(field: .init(name, shape, required: required), location: .query(key ?? name))
  }
  /// A header field.
  static func header(_ name: String, _ shape: Shape, as key: String, required: Bool = false) -> Self {
    Self(field: .init(name, shape, required: required), location: .header(key))
  }
  /// A member of the body.
  static func body(_ name: String, _ shape: Shape, required: Bool = false) -> Self {
    Self(field: .init(name, shape, required: required), location: .body)
  }
  /// The whole body.
  static func payload(_ name: String, _ shape: Shape) -> Self {
    Self(field: .init(name, shape, required: true), location: .payload)
  }
}

extension Shape {
  /// The JSON value that a text of a path, a query or a header stands for.
  fileprivate func element(_ text: String) -> JSONElement {
    switch self {
    case .integer, .number: .number(text)
    case .flag:
      switch text {
      case "true": .boolean(true)
      case "false": .boolean(false)
      default: .string(text)
      }
    default: .string(text)
    }
  }
}
