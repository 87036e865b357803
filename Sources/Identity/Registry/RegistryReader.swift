import JSON

/// Takes the members of one object in the registry's file by name and type; a member that isn't taken is an error.
struct RegistryReader {
  /// A problem in the file, and where it is.
  struct Damage: Error {
    let message: String
    var isNewer = false

    init(_ message: String, isNewer: Bool = false) {
      self.message = message
      self.isNewer = isNewer
    }
  }

  enum Kind { case string, number }

  private let place: String
  private var members: [String: JSONElement]

  /// Reads the whole file.
  init(_ text: [UInt8]) throws(Damage) {
    let root: JSONElement
    do throws(JSONError) {
      root = try JSONElement(text)
    } catch {
      throw Damage("\(error)")
    }
    try self.init(root, place: "")
  }

  private init(_ element: JSONElement, place: String) throws(Damage) {
    guard case .object(let members) = element else {
      throw Damage(place.isEmpty ? "it is not a JSON object" : "\(place) must be an object")
    }
    self.place = place
    self.members = members
  }

  private func path(_ name: String) -> String { place.isEmpty ? name : "\(place).\(name)" }

  private mutating func take(_ name: String) throws(Damage) -> JSONElement {
    guard let element = members.removeValue(forKey: name) else { throw Damage("\(path(name)) is missing") }
    return element
  }

  /// A text, or a number as it is written.
  mutating func string(_ name: String, as kind: Kind = .string) throws(Damage) -> String {
    switch (try take(name), kind) {
    case (.string(let text), .string), (.number(let text), .number): return text
    default: throw Damage("\(path(name)) must be a \(kind)")
    }
  }

  mutating func optionalString(_ name: String) throws(Damage) -> String? {
    members[name] == nil ? nil : try string(name)
  }

  /// The date of an entry that has none.
  static let unknownDate = "1970-01-01T00:00:00Z"

  mutating func optionalInteger(_ name: String) throws(Damage) -> Int? {
    members[name] == nil ? nil : try integer(name)
  }

  mutating func optionalBoolean(_ name: String) throws(Damage) -> Bool? {
    members[name] == nil ? nil : try boolean(name)
  }

  mutating func optionalStrings(_ name: String) throws(Damage) -> [String] {
    members[name] == nil ? [] : try strings(name)
  }

  mutating func optionalDictionary(_ name: String) throws(Damage) -> [String: String] {
    members[name] == nil ? [:] : try dictionary(name)
  }

  mutating func optionalObjects(_ name: String) throws(Damage) -> [RegistryReader] {
    members[name] == nil ? [] : try objects(name)
  }

  /// Takes all remaining members, which must be objects of strings.
  mutating func dictionaries() throws(Damage) -> [String: [String: String]] {
    var result: [String: [String: String]] = [:]
    for name in members.keys.sorted() { result[name] = try dictionary(name) }
    return result
  }

  /// Throws unless each text can be a policy's name, because it names a file.
  func checkPolicies(_ names: [String]) throws(Damage) {
    try check(names.allSatisfy(Registry.isPolicyName), "policies", "names of policies")
  }

  mutating func integer(_ name: String) throws(Damage) -> Int {
    guard let number = Int(try string(name, as: .number)) else {
      throw Damage("\(path(name)) must be a whole number")
    }
    return number
  }

  mutating func boolean(_ name: String) throws(Damage) -> Bool {
    guard case .boolean(let flag) = try take(name) else {
      throw Damage("\(path(name)) must be true or false")
    }
    return flag
  }

  mutating func strings(_ name: String) throws(Damage) -> [String] {
    guard case .array(let elements) = try take(name) else {
      throw Damage("\(path(name)) must be an array of strings")
    }
    var texts: [String] = []
    for element in elements {
      guard case .string(let text) = element else {
        throw Damage("\(path(name)) must be an array of strings")
      }
      texts.append(text)
    }
    return texts
  }

  /// A member that is an object of strings.
  mutating func dictionary(_ name: String) throws(Damage) -> [String: String] {
    guard case .object(let members) = try take(name) else {
      throw Damage("\(path(name)) must be an object of strings")
    }
    var texts: [String: String] = [:]
    for (key, element) in members {
      guard case .string(let text) = element else {
        throw Damage("\(path(name)).\(key) must be a string")
      }
      texts[key] = text
    }
    return texts
  }

  mutating func object(_ name: String) throws(Damage) -> RegistryReader {
    try RegistryReader(try take(name), place: path(name))
  }

  mutating func optionalObject(_ name: String) throws(Damage) -> RegistryReader? {
    members[name] == nil ? nil : try object(name)
  }

  mutating func objects(_ name: String) throws(Damage) -> [RegistryReader] {
    guard case .array(let elements) = try take(name) else { throw Damage("\(path(name)) must be an array") }
    var readers: [RegistryReader] = []
    for (index, element) in elements.enumerated() {
      readers.append(try RegistryReader(element, place: "\(path(name))[\(index)]"))
    }
    return readers
  }

  /// Throws if a member wasn't taken.
  func finish() throws(Damage) {
    if let unknown = members.keys.min() {
      throw Damage("\(path(String(unknown.prefix(80)))) is not part of a registry")
    }
  }

  /// Throws unless a value is as expected.
  func check(_ isRight: Bool, _ name: String, _ expected: String) throws(Damage) {
    guard isRight else { throw damage(name, expected) }
  }

  /// The error for a value that isn't as expected.
  func damage(_ name: String, _ expected: String) -> Damage { Damage("\(path(name)) must be \(expected)") }

  /// Finishes an entry and keeps it under its name; throws if the name already exists.
  func insert<Value>(_ value: Value, _ name: String, _ entries: inout [String: Value]) throws(Damage) {
    try finish()
    guard entries.updateValue(value, forKey: name) == nil else { throw twice(name) }
  }

  /// Finishes an entry and keeps it under its name; throws if the name already exists.
  func insert<Value>(_ value: Value, _ name: String, _ entries: inout NamedEntries<Value>) throws(Damage) {
    try finish()
    guard entries[name] == nil else { throw twice(name) }
    entries[name] = value
  }

  private func twice(_ name: String) -> Damage { Damage("\(place): \(quoted(name)) appears twice") }
}
