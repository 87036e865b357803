import CommandLine
import Dispatch
import Foundation
import Synchronization
import Testing

@testable import trucksensor

/// The executable that was built last for users, or the one that was built with the tests.
private enum BuiltExecutable {
  static let path: String? = {
    let build = Shell.repository.appendingPathComponent(".build").path
    return [
      ProcessInfo.processInfo.environment["TRUCKSENSOR_EXECUTABLE"], build + "/release/trucksensor",
      build + "/debug/trucksensor",
    ].compactMap { $0 }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }()
}

/// Every option that takes a number, of every command, given numbers that nobody means. The options come from the tables
/// themselves: a new one is tested without being named here.
@Suite(.enabled(if: BuiltExecutable.path != nil, "scripts/build.sh makes the executable"))
struct OptionExtremesTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let command: String
    let option: String
    var testDescription: String { "\(command) --\(option)" }
  }

  static let extremes = [
    "0", "-1", "9223372036854775807", "9223372036854775808", "1e17", "1e300", "-1e300", "1e-300", "nan",
    "1e300d", "106751d", "1e-300..1e-300/1s",
  ]

  /// What the other placeholders stand for is a name or a text, for which an extreme number is one more text.
  private static let texts: Set = [
    "ACTION", "A,B,...", "COLUMN", "FILE", "FOLDER", "GROUP", "HOST[:PORT]", "ID", "NAME", "NAME=VALUE",
    "NAME|FILE", "NEW=COLUMN", "PROTOCOL", "RESOURCE", "STATEMENT", "SQL", "TABLE", "TEXT", "TOPIC", "TYPE",
    "URL", "block|drop-oldest", "ADDRESS", "VERSION", "ecP256|rsa2048", "table|csv|json|ndjson",
  ]

  /// One case for each option, however many commands share it.
  static let cases: [Case] = {
    var seen: Set<String> = []
    var cases: [Case] = []
    for description in Commands.table {
      for option in description.options {
        guard let placeholder = option.placeholder, !option.isFile, !texts.contains(placeholder),
          seen.insert("\(option.name) \(placeholder) \(option.help)").inserted
        else { continue }
        cases.append(Case(command: description.name, option: option.name))
      }
    }
    return cases
  }()

  /// Arguments and required options that let a command go as far as it can without a broker.
  private static func words(_ description: CommandDescription, besides option: String) -> [String] {
    var words = description.words
    let samples = [
      "FILE": "trip.csv", "FILTER": "truck/#", "TOPIC": "truck/freezer", "PAYLOAD": "{}", "ACTION": "list",
      "STATEMENT": "SELECT 1", "bash|zsh|fish": "bash",
    ]
    for positional in description.positionals where positional.required {
      words.append(samples[positional.name] ?? "truckSensor01")
    }
    func add(_ name: String, _ value: String) {
      guard name != option, description.option(named: name) != nil else { return }
      words += ["--\(name)", value]
    }
    for required in description.options where required.required {
      add(required.name, samples[required.placeholder ?? ""] ?? "1")
    }
    add("endpoint", "127.0.0.1:1")
    add("connect-timeout", "1ms")
    if description.option(named: "no-tls") != nil { words.append("--no-tls") }
    return words
  }

  @Test(arguments: cases)
  func `an extreme number ends no command with a signal`(_ one: Case) throws {
    let description = try #require(
      Commands.table.first { $0.name == one.command })
    let executable = try #require(BuiltExecutable.path)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data("uptime,volts,temp,door\n1,12.11,21.90,0\n4,12.08,21.83,0\n".utf8)
      .write(to: folder.appendingPathComponent("trip.csv"))
    if description.words[0] == "store" {
      let stored = try Shell.run(
        executable, ["store", "import", "trip.csv", "--start", "2024-10-23"], in: folder.path)
      #expect(stored.status == 0, "\(stored.errors)")
    }
    // All values at once, each in a folder of its own: what takes the number runs on and is waited for.
    let results = Mutex<[(words: [String], result: Result<Shell.Result, any Error>)]>([])
    let path = folder.path
    DispatchQueue.concurrentPerform(iterations: Self.extremes.count) { index in
      let words = Self.words(description, besides: one.option) + ["--\(one.option)=\(Self.extremes[index])"]
      let result = Result {
        let own = path + "-\(index)"
        try FileManager.default.copyItem(atPath: path, toPath: own)
        defer { try? FileManager.default.removeItem(atPath: own) }
        return try Shell.run("/usr/bin/timeout", ["-s", "KILL", "0.4", executable] + words, in: own)
      }
      results.withLock { $0.append((words, result)) }
    }
    for (words, result) in results.withLock({ $0 }) {
      let result = try result.get()
      // What still runs has taken the number; there is nothing more to see.
      if result.status == 128 + SIGKILL || result.status == SIGKILL { continue }
      #expect(ExitCode(rawValue: result.status) != nil, "\(words): \(result.errors)")
      #expect(result.status == 0 || !result.errors.isEmpty, "\(words) says nothing")
    }
  }

  @Test func `the tables have numbers to test`() { #expect(Self.cases.count > 30) }
}
