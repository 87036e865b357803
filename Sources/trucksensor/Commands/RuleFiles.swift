import CommandLine
import Files
import Glibc
import RulesEngine
import Text

/// Rule documents on disk.
enum RuleFiles {
  static let folder = "rules"

  /// Reads one rule; `name` is a path, or the name of a rule in `rules/`. `template.yaml#Name` is one of a template's rules, by
  /// the rule's name or its resource's logical ID; errors in the others don't count.
  static func read(_ name: String) throws -> RuleDocument {
    let parts = name.split(separator: "#", maxSplits: 1).map(String.init)
    let first = parts.first ?? name
    let isPath = name.contains("/") || [".json", ".yaml", ".yml"].contains { first.hasSuffix($0) }
    let path = isPath ? first : "\(folder)/\(first).json"
    if !isPath, !Files.exists(path) {
      let known = ((try? documents(in: folder)) ?? []).map {
        String(Files.name(of: $0).dropLast(".json".count))
      }
      let advice =
        NearestName.of(first, among: known).map { "did you mean '\($0)'?" }
        ?? "make it with 'trucksensor rules new \(first)'"
      throw InputError("\(folder)/ has no rule '\(first)'; \(advice)")
    }
    let entries = try entries(in: path)
    let wanted = parts.count == 2 ? entries.filter { $0.names.contains(parts[1]) } : entries
    guard let entry = wanted.first, wanted.count == 1 else {
      let names = entries.compactMap(\.names.first)
      throw UsageError(
        message: "\(path) has the rules \(names.joined(separator: ", ")); "
          + "name one of them: \(path)#\(names.first ?? "")",
        command: "rules")
    }
    return try entry.rule.get()
  }

  /// The rules of a file, or what is wrong with them: a rule document's one, or those of a CloudFormation or SAM template.
  static func entries(in path: String) throws -> [RuleDocument.Entry] {
    try RuleDocument.entries(in: Files.read(path), file: path)
  }

  /// Copies the documents that come with an installed program to `rules/`, unless there is such a folder. Returns what was
  /// copied.
  static func provide() throws(FileError) -> [String] {
    guard !Files.exists(folder), let shared = Installation.shared(folder) else { return [] }
    try Files.makeFolder(folder)
    let names = try Files.list(shared, suffix: ".json")
    for name in names { try Files.write(Files.read(Files.join(shared, name)), to: Files.join(folder, name)) }
    return names
  }

  /// All documents of a folder to be run, in the order of their names; none if there is no such folder.
  static func all(in folder: String, mayLoop: Bool = false) throws -> [RuleDocument] {
    guard Files.exists(folder) else { return [] }
    return try documents(in: folder).map { try runnable($0, mayLoop: mayLoop) }
  }

  /// Reads a document to be run, which must not need what isn't here.
  static func runnable(_ path: String, mayLoop: Bool) throws -> RuleDocument {
    let rule = try RuleDocument(Files.read(path), file: path, mayLoop: mayLoop)
    try rule.requireRunnable()
    return rule
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
