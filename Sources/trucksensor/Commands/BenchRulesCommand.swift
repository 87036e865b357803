import CommandLine
import Files
import RulesEngine

/// `trucksensor bench rules`: what a message costs an engine with many rules.
enum BenchRulesCommand: Command {
  static let description = CommandDescription(
    name: "bench rules",
    summary: "Measures time per message and memory per rule with many rules.",
    discussion:
      "Evaluates truckAnalyze's statement in one process, without a broker. With --filters each, every rule has its own "
      + "filter and a message matches one of them; with --filters one, all have the same filter, and their WHERE lets one "
      + "pass.",
    options: [
      CommandDescription.Option.value("rules", "N", "how many rules", default: "1000").scoped(.command),
      .value("filters", "each|one", "which filters they have", default: "each"),
      .value("count", "N", "how many messages", default: "100000"),
    ],
    example: "trucksensor bench rules --rules 1000 --filters each",
    exitCodes: [(.success, "done"), (.failed, "a message had no result"), (.usage, "wrong usage")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let rules = try arguments.integer("rules", in: 1...100_000) ?? 1000
    let count = try arguments.integer("count", in: 1...1_000_000_000) ?? 100_000
    let name = arguments.string("filters") ?? RuleScale.Filters.each.rawValue
    guard let filters = RuleScale.Filters(rawValue: name) else {
      throw arguments.error("--filters takes each or one, not '\(name)'")
    }
    // The first one makes what all share.
    _ = try RuleScale(rules: 1, filters: filters)
    let before = try residentKilobytes()
    let scale = try RuleScale(rules: rules, filters: filters)
    let memory = (try residentKilobytes() - before) / rules
    let (nanoseconds, results) = scale.run(messages: count)
    StandardOutput.shared.print(
      "\(rules) rules, filters \(name): \(nanoseconds) ns per message, \(memory) KB per rule")
    return results == count ? .success : .failed
  }

  /// The process's resident memory (proc(5), `VmRSS`).
  private static func residentKilobytes() throws -> Int {
    let status = String(decoding: try Files.read("/proc/self/status", limit: 1 << 16), as: UTF8.self)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    return line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) } ?? 0
  }
}
