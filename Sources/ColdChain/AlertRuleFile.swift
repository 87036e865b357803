import Files

/// The alert rules of a file, which is read again when it changes. If it can't be read, the rules stay as they are.
package struct AlertRuleFile {
  /// The rules that apply.
  package private(set) var rules: [AlertRule]
  private let path: String?
  private var stamp: FileStamp?
  private var isFirstLook = true

  /// What a look at the file found.
  package enum Outcome { case unchanged, changed, failed(String) }

  /// The rules of the file at `path`, or rules that never change if it is nil; `rules` are the current ones.
  package init(_ path: String?, _ rules: [AlertRule]) {
    self.path = path
    self.rules = rules
  }

  /// Reads the file if it has changed since the last look; reports a failure once.
  package mutating func read() -> Outcome {
    guard let path else { return .unchanged }
    let present = Files.stamp(of: path)
    guard isFirstLook || present != stamp else { return .unchanged }
    isFirstLook = false
    stamp = present
    do {
      let read = try AlertRule.rules(at: path)
      guard read != rules else { return .unchanged }
      rules = read
      return .changed
    } catch {
      return .failed("\(error)")
    }
  }
}

extension AlertRule {
  /// The rules of a file; the defaults if the file is missing.
  public static func rules(at path: String) throws -> [AlertRule] {
    guard Files.exists(path) else { return defaults }
    return try rules(in: Files.read(path), file: path)
  }
}
