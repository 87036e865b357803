import JSON
import Numbers

/// Why a document isn't a valid list of alert rules.
public struct AlertDocumentError: Error, Equatable, CustomStringConvertible {
  /// The file.
  public let file: String
  /// The line, from 1.
  public let line: Int
  /// The column in bytes, from 1.
  public let column: Int
  /// What is wrong.
  public let message: String

  /// `rules/alerts.json:3:12: 'delay' must be a number`.
  public var description: String { "\(file):\(line):\(column): \(message)" }

  init(_ file: String, _ error: JSONError) {
    self.file = file
    line = error.line
    column = error.column
    message = error.message
  }
}

/// A JSON document whose values are checked one by one; a value is given by its index among the scanner's nodes.
struct AlertDocument {
  private let nodes: [JSONNode]
  private let text: [UInt8]
  private let file: String
  private static let lengthLimit = 200

  init(_ text: [UInt8], file: String) throws(AlertDocumentError) {
    var scanner = JSONScanner()
    do throws(JSONError) {
      try scanner.scan(text)
    } catch {
      throw AlertDocumentError(file, error)
    }
    nodes = scanner.nodes
    self.text = text
    self.file = file
  }

  func error(_ message: String, at node: Int) -> AlertDocumentError {
    // A string's text begins after its quote.
    let offset = Int(nodes[node].start) - (nodes[node].kind == .string ? 1 : 0)
    return AlertDocumentError(file, text.withUnsafeBufferPointer { JSONError(message, at: offset, in: $0) })
  }

  /// The values of an object by key; unknown and repeated keys are errors.
  func members(of node: Int, _ what: String, known: [String]) throws(AlertDocumentError) -> [String: Int] {
    guard nodes[node].kind == .object else { throw error("\(what) must be an object", at: node) }
    var members: [String: Int] = [:]
    var key = node + 1
    while key < Int(nodes[node].next) {
      let name = unescaped(key)
      guard known.contains(name) else {
        throw error(
          "the field '\(name.prefix(40))' is unknown; \(what) may have \(known.joined(separator: ", "))",
          at: key)
      }
      guard members.updateValue(key + 1, forKey: name) == nil else {
        throw error("the field '\(name)' appears twice", at: key)
      }
      key = Int(nodes[key + 1].next)
    }
    return members
  }

  func elements(of node: Int, _ what: String) throws(AlertDocumentError) -> [Int] {
    guard nodes[node].kind == .array else { throw error("\(what) must be an array", at: node) }
    var elements: [Int] = []
    var element = node + 1
    while element < Int(nodes[node].next) {
      elements.append(element)
      element = Int(nodes[element].next)
    }
    return elements
  }

  /// A string of 1 to `lengthLimit` bytes.
  func string(_ node: Int, _ what: String) throws(AlertDocumentError) -> String {
    guard nodes[node].kind == .string else { throw error("\(what) must be a string", at: node) }
    let value = unescaped(node)
    guard !value.isEmpty, value.utf8.count <= Self.lengthLimit else {
      throw error("\(what) must have 1 to \(Self.lengthLimit) bytes", at: node)
    }
    return value
  }

  func number(_ node: Int, _ what: String, in range: ClosedRange<Double>) throws(AlertDocumentError) -> Double
  {
    guard nodes[node].kind == .number else { throw error("\(what) must be a number", at: node) }
    guard let value = NumberText.double(unescaped(node)), range.contains(value) else {
      throw error("\(what) must be from \(range.lowerBound) to \(range.upperBound)", at: node)
    }
    return value
  }

  func flag(_ node: Int, _ what: String) throws(AlertDocumentError) -> Bool {
    switch nodes[node].kind {
    case .yes: return true
    case .no: return false
    default: throw error("\(what) must be true or false", at: node)
    }
  }

  private func unescaped(_ node: Int) -> String {
    text.withUnsafeBufferPointer { JSONText.unescaped(nodes[node], of: $0) }
  }
}
