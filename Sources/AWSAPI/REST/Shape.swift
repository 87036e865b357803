import JSON

/// The type and the constraints of a value in the service's model.
indirect enum Shape: Sendable {
  /// A text with a limited length in characters, a pattern or a set of allowed words.
  case text(length: ClosedRange<Int> = 0...Int.max, pattern: Pattern? = nil, words: [String] = [])
  case integer(ClosedRange<Int> = Int.min...Int.max)
  case number
  case flag
  case list(Shape, count: ClosedRange<Int> = 0...Int.max)
  case map(Shape, keys: Shape = .text())
  case structure([Field])
  /// An object with exactly one of these members.
  case union([Field])
  /// Any JSON value.
  case document

  /// A member of a structure.
  struct Field: Sendable {
    let name: String
    let shape: Shape
    let isRequired: Bool

    init(_ name: String, _ shape: Shape, required: Bool = false) {
      self.name = name
      self.shape = shape
      isRequired = required
    }
  }

  /// A regular expression of the models that must match the whole text.
  struct Pattern: Sendable {
    /// As the model writes it, for messages.
    let text: String
    let matches: @Sendable (String) -> Bool

    /// Matches one or more ASCII letters, digits and characters of `extra`; with `mayBeEmpty` also none.
    static func characters(_ text: String, extra: String, mayBeEmpty: Bool = false) -> Pattern {
      let others = Set(extra.unicodeScalars)
      return Pattern(text: text) { value in
        (mayBeEmpty || !value.isEmpty)
          && value.unicodeScalars.allSatisfy { $0.isLetterOrDigit || others.contains($0) }
      }
    }
  }

  /// The problem with a value, in the words of AWS's services; nil if it is valid. `path` is its place.
  ///
  /// Members that the shape doesn't name are ignored, as in AWS.
  func violation(of value: JSONElement, at path: String) -> String? {
    switch (self, value) {
    case (.document, _): return nil
    case (.text(let length, let pattern, let words), .string(let text)):
      return Self.violation(of: text, length, pattern, words, path)
    case (.integer(let range), .number(let text)):
      guard let number = Int(text) else { return "Value at '\(path)' must be an integer" }
      return Self.violation(of: number, range, path)
    case (.number, .number), (.flag, .boolean): return nil
    case (.list(let shape, let count), .array(let elements)):
      if let problem = Self.sizeViolation(elements.count, count, path) { return problem }
      for (index, element) in elements.enumerated() {
        if let problem = shape.violation(of: element, at: "\(path).\(index + 1).member") { return problem }
      }
      return nil
    case (.map(let shape, let keys), .object(let members)):
      for (key, element) in members.sorted(by: { $0.key < $1.key }) {
        if let problem = keys.violation(of: .string(key), at: path) { return problem }
        if let problem = shape.violation(of: element, at: "\(path).\(key.prefix(100))") { return problem }
      }
      return nil
    case (.structure(let fields), .object(let members)):
      return Self.violation(of: members, fields, at: path)
    case (.union(let fields), .object(let members)):
      let given = members.filter { $0.value != .null }
      guard given.count == 1, let name = given.keys.first, fields.contains(where: { $0.name == name }) else {
        return Self.constraint(path, "Member must have exactly one of its members")
      }
      return Self.violation(of: members, fields, at: path)
    default: return "Value at '\(path)' must be \(kind)"
    }
  }

  /// The problem with the members of an object; nil if they are valid.
  static func violation(of members: [String: JSONElement], _ fields: [Field], at path: String) -> String? {
    for field in fields {
      let place = path.isEmpty ? field.name : "\(path).\(field.name)"
      switch members[field.name] {
      case nil, .null?:
        if field.isRequired {
          return "1 validation error detected: Value null at '\(place)' failed to satisfy constraint: "
            + "Member must not be null"
        }
      case let value?:
        if let problem = field.shape.violation(of: value, at: place) { return problem }
      }
    }
    return nil
  }

  private var kind: String {
    switch self {
    case .text: "a string"
    case .integer: "an integer"
    case .number: "a number"
    case .flag: "a boolean"
    case .list: "a list"
    case .map, .structure, .union: "an object"
    case .document: "a value"
    }
  }

  private static func violation(
    of text: String, _ length: ClosedRange<Int>, _ pattern: Pattern?, _ words: [String], _ path: String
  ) -> String? {
    let count = text.unicodeScalars.count
    let problem: String? =
      if count < length.lowerBound {
        "Member must have length greater than or equal to \(length.lowerBound)"
      } else if count > length.upperBound {
        "Member must have length less than or equal to \(length.upperBound)"
      } else if let pattern, !pattern.matches(text) {
        "Member must satisfy regular expression pattern: \(pattern.text)"
      } else if !words.isEmpty, !words.contains(text) {
        "Member must satisfy enum value set: [\(words.joined(separator: ", "))]"
      } else {
        nil
      }
    return problem.map { constraint(path, $0, value: text) }
  }

  private static func violation(of number: Int, _ range: ClosedRange<Int>, _ path: String) -> String? {
    if number < range.lowerBound {
      return constraint(
        path, "Member must have value greater than or equal to \(range.lowerBound)", value: "\(number)")
    }
    if number > range.upperBound {
      return constraint(
        path, "Member must have value less than or equal to \(range.upperBound)", value: "\(number)")
    }
    return nil
  }

  private static func sizeViolation(_ count: Int, _ range: ClosedRange<Int>, _ path: String) -> String? {
    if count < range.lowerBound {
      return constraint(path, "Member must have length greater than or equal to \(range.lowerBound)")
    }
    if count > range.upperBound {
      return constraint(path, "Member must have length less than or equal to \(range.upperBound)")
    }
    return nil
  }

  private static func constraint(_ path: String, _ text: String, value: String = "") -> String {
    // A hostile value isn't repeated in full.
    let shown = value.unicodeScalars.count > 100 ? String(value.prefix(100)) + "…" : value
    return "1 validation error detected: Value '\(shown)' at '\(path)' failed to satisfy constraint: \(text)"
  }
}

extension Unicode.Scalar {
  /// Whether it is one of a-z, A-Z and 0-9.
  var isLetterOrDigit: Bool {
    ("a"..."z").contains(self) || ("A"..."Z").contains(self) || ("0"..."9").contains(self)
  }
}
