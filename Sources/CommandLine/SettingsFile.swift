import Files
import JSON
import Text

/// The file that sets options: an object whose members are options, and objects of options for single commands.
///
/// `{"endpoint": "localhost:8883", "simulate": {"rate": 5}}` sets `--endpoint` for every command that has it, and
/// `--rate` for `simulate` alone.
package struct SettingsFile: Sendable {
  /// The file that is read unless another is named.
  package static let standardName = "trucksensor.json"

  /// One member of the file.
  package struct Setting: Sendable {
    /// The command that it is for; nil for every command that has the option.
    package let command: String?
    package let option: String
    /// An option's values; more than one if it is repeatable. Booleans are `true` and `false`.
    package let values: [String]
    /// The place of its key: `trucksensor.json:3:5`.
    package let place: String
  }

  /// The settings in the file's order.
  package private(set) var settings: [Setting] = []

  /// Reads `path`; throws with file, line and column what isn't a setting of one of `commands`.
  package init(_ path: String, commands: [CommandDescription]) throws {
    let bytes = try Files.read(path)
    var scanner = JSONScanner()
    do throws(JSONError) {
      try scanner.scan(bytes)
    } catch {
      throw InputError("\(path):\(error.line):\(error.column): \(error.message)")
    }
    let nodes = scanner.nodes
    settings = try bytes.withUnsafeBufferPointer { text in
      var reader = Reader(path: path, text: text, nodes: nodes, commands: commands)
      try reader.readFile()
      return reader.settings
    }
  }

  /// Walks the index of the file's text.
  private struct Reader {
    let path: String
    let text: UnsafeBufferPointer<UInt8>
    let nodes: [JSONNode]
    let commands: [CommandDescription]
    var settings: [Setting] = []

    func place(_ index: Int) -> String {
      let start = Int(nodes[index].start) - (nodes[index].kind == .string ? 1 : 0)
      let error = JSONError("", at: start, in: text)
      return "\(path):\(error.line):\(error.column)"
    }

    func failure(_ index: Int, _ message: String) -> InputError { InputError("\(place(index)): \(message)") }

    func content(_ index: Int) -> String { JSONText.unescaped(nodes[index], of: text) }

    /// Calls `body` with the places of each member's key and value.
    func forEachMember(of object: Int, _ body: (Int, Int) throws -> Void) throws {
      var seen: Set<String> = []
      var key = object + 1
      while key < Int(nodes[object].next) {
        guard seen.insert(content(key)).inserted else {
          throw failure(key, "the key '\(content(key))' appears twice")
        }
        try body(key, key + 1)
        key = Int(nodes[key + 1].next)
      }
    }

    mutating func readFile() throws {
      guard nodes[0].kind == .object else { throw failure(0, "the settings are not a JSON object") }
      var found: [Setting] = []
      try forEachMember(of: 0) { key, value in
        let name = content(key)
        let section = commands.filter { $0.takesSettings && $0.name == name }
        if let command = section.first, nodes[value].kind == .object {
          try forEachMember(of: value) { key, value in
            let option = try option(content(key), at: key, of: section)
            found.append(try setting(option, command.name, key, value))
          }
        } else {
          let option = try option(name, at: key, of: nil)
          found.append(try setting(option, nil, key, value))
        }
      }
      settings = found
    }

    func option(_ name: String, at key: Int, of section: [CommandDescription]?) throws
      -> CommandDescription.Option
    {
      let known = (section ?? commands).filter(\.takesSettings).flatMap(\.options).filter {
        $0.scope != .never
      }
      let named = known.filter { $0.name == name }
      if let option = named.first(where: { section != nil || $0.scope == .shared }) { return option }
      if !named.isEmpty, let command = commands.first(where: { $0.option(named: name)?.scope == .command }) {
        throw failure(
          key, "'\(name)' differs between commands; set it for one: {\"\(command.name)\": {\"\(name)\": …}}")
      }
      let sections = section == nil ? commands.filter(\.takesSettings).map(\.name) : []
      let nearest = NearestName.of(name, among: Array(Set(known.map(\.name))).sorted() + sections)
      throw failure(key, "unknown setting '\(name)'" + (nearest.map { "; did you mean '\($0)'?" } ?? ""))
    }

    func setting(_ option: CommandDescription.Option, _ command: String?, _ key: Int, _ value: Int) throws
      -> Setting
    {
      var elements = [value]
      if nodes[value].kind == .array {
        guard option.repeatable else {
          throw failure(value, "'\(option.name)' takes one value, not an array")
        }
        elements = []
        var next = value + 1
        while next < Int(nodes[value].next) {
          elements.append(next)
          next = Int(nodes[next].next)
        }
      }
      let values = try elements.map { try single($0, option) }
      return Setting(command: command, option: option.name, values: values, place: place(key))
    }

    func single(_ index: Int, _ option: CommandDescription.Option) throws -> String {
      switch (nodes[index].kind, option.value) {
      case (.yes, .none), (.yes, .optional): return "true"
      case (.no, .none), (.no, .optional): return "false"
      case (.string, .required), (.string, .optional), (.number, .required), (.number, .optional):
        return content(index)
      case (_, .none): throw failure(index, "'\(option.name)' takes true or false")
      default: throw failure(index, "'\(option.name)' takes a string or a number")
      }
    }
  }
}
