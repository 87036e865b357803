import Files
import Glibc
import RulesEngine

/// Rule documents on disk.
enum RuleFiles {
  static let folder = "rules"

  /// Reads one document; `name` is a path, or the name of a rule in `rules/`.
  static func read(_ name: String, mayLoop: Bool = false) throws -> RuleDocument {
    let path = name.contains("/") || name.hasSuffix(".json") ? name : "\(folder)/\(name).json"
    return try RuleDocument(Files.read(path), file: path, mayLoop: mayLoop)
  }

  /// All documents of a folder, in the order of their names; none if there is no such folder.
  static func all(in folder: String, mayLoop: Bool = false) throws -> [RuleDocument] {
    guard Files.exists(folder) else { return [] }
    return try documents(in: folder).map { try read($0, mayLoop: mayLoop) }
  }

  /// The rule documents' paths, in order; throws if the folder is missing or can't be read.
  static func documents(in folder: String) throws(FileError) -> [String] {
    // The alert rules lie beside the rule documents.
    try Files.list(folder, suffix: ".json").filter { $0 != AlertFile.name }.map { Files.join(folder, $0) }
  }

  /// What changes when a document does, or why the folder can't be read.
  static func stamp(of folder: String) -> String {
    do throws(FileError) {
      return try documents(in: folder).map { path in
        var status = stat()
        stat(path, &status)
        return "\(path) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec) \(status.st_size)"
      }.joined(separator: "\n")
    } catch {
      return "\(error)"
    }
  }
}
