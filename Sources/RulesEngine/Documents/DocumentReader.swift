/// Takes the members of an object by name and type; `finish` rejects a member that wasn't taken.
struct DocumentReader {
  /// How a document spells its members.
  enum Spelling {
    /// `roleArn`, as in AWS IoT's API.
    case api
    /// `RoleArn`, as in CloudFormation. A text may be a number, and a number may be a text.
    case template
  }

  let file: String
  let path: String
  let spelling: Spelling
  private let object: ObjectValue?
  private var taken: Set<String> = []

  init(file: String, path: String, value: Value, spelling: Spelling = .api) {
    self.file = file
    self.path = path
    self.spelling = spelling
    object = if case .object(let object) = value { object } else { nil }
  }

  /// A member's name as the document spells it.
  private func spelled(_ name: String) -> String {
    spelling == .api ? name : name.prefix(1).uppercased() + name.dropFirst()
  }

  func place(_ name: String) -> String { path.isEmpty ? spelled(name) : "\(path).\(spelled(name))" }

  func error(_ name: String, _ message: String) -> RuleError { RuleError(file, place(name), message) }

  private mutating func take(_ name: String) throws(RuleError) -> Value? {
    guard let object else {
      throw RuleError(
        file, path, path.isEmpty ? "the document is not a JSON object" : "must be a JSON object")
    }
    let name = spelled(name)
    taken.insert(name)
    // An API returns null for a member that isn't there.
    if case .null? = object[name] { return nil }
    return object[name]
  }

  mutating func string(_ name: String) throws(RuleError) -> String? {
    switch try take(name) {
    case nil: return nil
    case .string(let text): return text
    case .number(let number) where spelling == .template: return number.text
    case .boolean(let flag) where spelling == .template: return flag ? "true" : "false"
    default: throw error(name, "must be a string")
    }
  }

  mutating func boolean(_ name: String) throws(RuleError) -> Bool? {
    let value = try take(name)
    switch value {
    case nil: return nil
    case .boolean(let flag): return flag
    case .string where spelling == .template:
      guard let flag = value?.asBoolean else { throw error(name, "must be true or false") }
      return flag
    default: throw error(name, "must be true or false")
    }
  }

  mutating func integer(_ name: String) throws(RuleError) -> Int? {
    let value = try take(name)
    switch value {
    case nil: return nil
    case .number(let number) where number.isInt: return number.decimal.floorInt
    case .string where spelling == .template:
      guard let decimal = value?.asDecimal, decimal.isWhole else {
        throw error(name, "must be a whole number")
      }
      return decimal.floorInt
    default: throw error(name, "must be a whole number")
    }
  }

  mutating func object(_ name: String) throws(RuleError) -> DocumentReader? {
    guard let value = try take(name) else { return nil }
    let reader = DocumentReader(file: file, path: place(name), value: value, spelling: spelling)
    guard reader.object != nil else { throw error(name, "must be an object") }
    return reader
  }

  mutating func objects(_ name: String) throws(RuleError) -> [DocumentReader]? {
    guard let value = try take(name) else { return nil }
    guard case .array(let elements) = value else { throw error(name, "must be an array") }
    var readers: [DocumentReader] = []
    for (index, element) in elements.enumerated() {
      let reader = DocumentReader(
        file: file, path: "\(place(name))[\(index)]", value: element, spelling: spelling)
      guard reader.object != nil else { throw error("\(name)[\(index)]", "must be an object") }
      readers.append(reader)
    }
    return readers
  }

  mutating func template(_ name: String, variables: [String]) throws(RuleError) -> Template? {
    guard let text = try string(name) else { return nil }
    return try template(text, at: name, variables: variables)
  }

  func template(_ text: String, at name: String, variables: [String]) throws(RuleError) -> Template {
    do throws(SQLError) {
      return try Template(text, variables: variables)
    } catch {
      throw RuleError(file, place(name), error.description, excerpt: error.excerpt)
    }
  }

  /// All members as texts, under names that the user has chosen.
  mutating func texts() throws(RuleError) -> [(name: String, value: String)] {
    guard let object else { return [] }
    var texts: [(name: String, value: String)] = []
    for (name, value) in zip(object.keys, object.values) {
      taken.insert(name)
      guard let text = value.asString else {
        throw RuleError(file, "\(path).\(name)", "must be a string")
      }
      texts.append((name, text))
    }
    return texts
  }

  /// The names of its members, as AWS IoT's API spells them.
  var memberNames: [String] {
    let names = object?.keys ?? []
    return spelling == .api ? names : names.map { $0.prefix(1).lowercased() + $0.dropFirst() }
  }

  func finish(ignoring ignored: Set<String> = []) throws(RuleError) {
    let ignored = Set(ignored.map(spelled))
    guard let unknown = object?.keys.first(where: { !taken.contains($0) && !ignored.contains($0) }) else {
      return
    }
    throw RuleError(file, path.isEmpty ? unknown : "\(path).\(unknown)", "is not a known member")
  }
}
