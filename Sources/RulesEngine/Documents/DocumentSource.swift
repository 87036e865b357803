import JSON

/// A document that holds rules, as a tree, and where each part of it is in its file.
struct DocumentSource {
  let file: String
  let root: Value
  private let positions: Positions

  private enum Positions {
    case json(JSONDocument)
    case yaml([String: (line: Int, column: Int)])
  }

  /// Reads YAML if the file's name ends in .yaml or .yml, otherwise JSON.
  init(_ text: [UInt8], file: String) throws(RuleError) {
    self.file = file
    if file.hasSuffix(".yaml") || file.hasSuffix(".yml") {
      do throws(YAMLReader.Failure) {
        let (value, positions) = try YAMLReader.read(text)
        root = value
        self.positions = .yaml(positions)
      } catch {
        throw RuleError(file, "", error.message).at(error.line, error.column)
      }
      return
    }
    let document = JSONDocument()
    do throws(JSONError) {
      try document.readChecked(text)
    } catch {
      throw RuleError(file, "", error.message).at(error.line, error.column)
    }
    root = document.value(of: 0, version: .v2015)
    positions = .json(document)
  }

  /// `error` with the position of its place or, if that is missing, of the nearest part that encloses it.
  func located(_ error: RuleError) -> RuleError {
    switch positions {
    case .json(let document):
      let position = document.error("", at: document.node(at: error.place))
      return error.at(position.line, position.column)
    case .yaml(let positions):
      var place = error.place[...]
      while positions[String(place)] == nil, let cut = place.lastIndex(where: { $0 == "." || $0 == "[" }) {
        place = place[..<cut]
      }
      let position = positions[String(place)] ?? (1, 1)
      return error.at(position.line, position.column)
    }
  }
}
