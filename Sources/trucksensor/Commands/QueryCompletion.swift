import CEditLine
import Glibc
import Store
import TimestreamSQL

/// Tab completion in the query editor: tables where one must stand, else columns, functions, keywords and tables.
enum QueryCompletion {
  /// The editor's own commands, without their point.
  private static let commands = ["quit", "schema", "tables"]
  private static let wordBreaks: StaticString = " \t\n\"'(),;.+-*/%<>=|[]"

  // nonisolated(unsafe): libedit calls back on the main thread, which is the only one that reads lines.
  nonisolated(unsafe) private static var tables: [String] = []
  nonisolated(unsafe) private static var columns: [String] = []
  nonisolated(unsafe) private static var offers: [String] = []

  /// Completes with the names of these tables from now on.
  static func start(_ tables: [StoreReader.Table]) {
    self.tables = tables.flatMap { [$0.name, $0.name + "_wide"] }
    let measures = tables.flatMap { table in
      table.measures.map { "measure_value::\($0.type.rawValue.lowercased())" } + table.measures.map(\.name)
    }
    columns = Set(["time", "measure_name"] + tables.flatMap(\.dimensions) + measures).filter(isPlain).sorted()
    wordBreaks.utf8Start.withMemoryRebound(to: CChar.self, capacity: wordBreaks.utf8CodeUnitCount + 1) {
      ts_rl_complete_with({ text, start, _ in QueryCompletion.complete(text, at: Int(start)) }, $0)
    }
  }

  /// Whether a statement can have the name without quotation marks.
  private static func isPlain(_ name: String) -> Bool {
    name.utf8.allSatisfy { byte in
      byte >= 0x61 && byte <= 0x7A || byte >= 0x41 && byte <= 0x5A || byte >= 0x30 && byte <= 0x39
        || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ":")
    }
  }

  private static func complete(_ text: UnsafePointer<CChar>?, at start: Int)
    -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
  {
    guard let text else { return nil }
    let copy = ts_rl_beginning(Int32(clamping: start))
    defer { free(copy) }
    let line = copy.map { String(cString: $0) } ?? ""
    offers = words(String(cString: text), after: String(decoding: line.utf8.prefix(start), as: UTF8.self))
    ts_rl_offer_only_these(offers.count == 1 && !offers[0].hasSuffix("(") ? 1 : 0)
    return rl_completion_matches(text) { _, state in
      if state == 0 { QueryCompletion.next = 0 }
      guard QueryCompletion.next < QueryCompletion.offers.count else { return nil }
      defer { QueryCompletion.next += 1 }
      return strdup(QueryCompletion.offers[QueryCompletion.next])
    }
  }

  nonisolated(unsafe) private static var next = 0

  /// What `text` can become behind the beginning of its line.
  static func words(_ text: String, after line: String) -> [String] {
    func matching(_ words: [String]) -> [String] {
      words.filter { $0.lowercased().hasPrefix(text.lowercased()) }
    }
    if line == "." { return matching(commands) }
    let before = line.split { " \t(,\"".contains($0) }.map { $0.lowercased() }
    if [".schema", "from", "join", "describe"].contains(before.last), text.isEmpty || !line.hasSuffix(",") {
      return matching(tables)
    }
    guard !text.isEmpty else { return [] }
    let isLowercase = text.first?.isLowercase ?? false
    let keywords = Vocabulary.keywords.map { isLowercase ? $0.lowercased() : $0 }
    return Array(
      Set(
        matching(columns) + matching(tables) + matching(keywords)
          + matching(Vocabulary.functions.map { $0 + "(" }))
    ).sorted()
  }
}
