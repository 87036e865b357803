import Glibc
import RulesEngine

/// Rule documents on disk.
enum RuleFiles {
  static let folder = "rules"

  /// Reads one document; `name` is a path, or the name of a rule in `rules/`.
  static func read(_ name: String, mayLoop: Bool = false) throws -> RuleDocument {
    let path = name.contains("/") || name.hasSuffix(".json") ? name : "\(folder)/\(name).json"
    guard let bytes = TextFile.bytes(of: path) else {
      throw OutputError(description: "\(path) can't be read: \(String(cString: strerror(errno)))")
    }
    return try RuleDocument(bytes, file: path, mayLoop: mayLoop)
  }

  /// All documents of a folder, in the order of their names; none if there is no such folder.
  static func all(in folder: String, mayLoop: Bool = false) throws -> [RuleDocument] {
    try paths(in: folder).map { try read($0, mayLoop: mayLoop) }
  }

  /// The documents' paths, in order.
  static func paths(in folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = Glibc.readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      // The alert rules lie beside the rule documents.
      if name.hasSuffix(".json"), !name.hasPrefix("."), name != AlertFile.name { names.append(name) }
    }
    return names.sorted().map { "\(folder)/\($0)" }
  }

  /// What changes when a document does.
  static func stamp(of folder: String) -> String {
    paths(in: folder).map { path in
      var status = stat()
      stat(path, &status)
      return "\(path) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec) \(status.st_size)"
    }.joined(separator: "\n")
  }
}
