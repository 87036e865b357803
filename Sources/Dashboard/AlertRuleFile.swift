import ColdChain
import Files

/// The alert rules of a file, read again when it changes. A file that can't be read keeps the rules as they are.
struct AlertRuleFile {
  /// The rules that apply.
  private(set) var rules: [AlertRule]
  private let path: String?
  private var stamp: FileStamp?
  private var isFirstLook = true

  /// What a look at the file found.
  enum Outcome { case unchanged, changed, failed(String) }

  /// The rules of `path`, nil if they never change; `rules` are its present ones.
  init(_ path: String?, _ rules: [AlertRule]) {
    self.path = path
    self.rules = rules
  }

  /// Reads the file if it has changed since the last look; tells a failure once.
  mutating func read() -> Outcome {
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
  /// The rules of a file; the defaults if there is none.
  public static func rules(at path: String) throws -> [AlertRule] {
    guard Files.exists(path) else { return defaults }
    return try rules(in: Files.read(path), file: path)
  }
}
