import Foundation
import Testing

@testable import trucksensor

@Suite struct ArgumentsTests {
  private let command = CommandDescription(
    name: "simulate", summary: "Replays a dataset.",
    positionals: [.init(name: "NAME", help: "the device")],
    options: [
      .value("rate", "R", "messages per second", default: "2", group: "pace"),
      .value("interval", "TIME", "time between messages", group: "pace"),
      .value("map", "NEW=COLUMN", "renames", repeatable: true),
      .value("dataset", "FILE", "the data", file: true),
      .optionalValue("loop", "N", "again"), .flag("json", short: "j", "summary as JSON"),
      .value("count", "N", "how many"),
    ],
    example: "trucksensor simulate truckSensor01", exitCodes: [(.success, "done")])

  @Test func `options and positionals come in any order and form`() throws {
    let parsed = try ParsedArguments(
      ["--rate=5", "truck", "--map", "a=b", "--map=c=d", "-j", "--loop", "3", "--count", "7"], for: command)
    #expect(parsed.positionals == ["truck"])
    #expect(parsed.string("rate") == "5")
    #expect(parsed.strings("map") == ["a=b", "c=d"])
    #expect(parsed.has("json"))
    #expect(parsed.string("loop") == "3")
    #expect(try parsed.integer("count", in: 1...Int.max) == 7)
  }

  @Test func `an optional value is taken only if it is a number`() throws {
    let parsed = try ParsedArguments(["--loop", "truck"], for: command)
    #expect(parsed.has("loop"))
    #expect(parsed.string("loop") == nil)
    #expect(parsed.positionals == ["truck"])
  }

  @Test func `two dashes end the options`() throws {
    #expect(try ParsedArguments(["--", "--rate"], for: command).positionals == ["--rate"])
  }

  @Test(arguments: [
    (["t", "--rat", "5"], "unknown option '--rat'; did you mean '--rate'?"),
    (["t", "--itnerval", "5"], "did you mean '--interval'?"),
    (["t", "--xyzzy"], "unknown option '--xyzzy'; see"),
    (["t", "-q"], "unknown option '-q'"), (["t", "--rate"], "--rate needs a value: --rate R"),
    (["t", "--json=1"], "--json takes no value"),
    (["t", "--rate", "1", "--rate", "2"], "--rate is given twice"),
    (["t", "--rate", "1", "--interval", "2"], "--rate and --interval exclude one another"),
    ([], "NAME is missing"), (["a", "b"], "'b' is one argument too many"),
  ])
  func `a wrong command line names what is wrong and where help is`(words: [String], expected: String) {
    let error = #expect(throws: UsageError.self) { try ParsedArguments(words, for: command) }
    #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
    #expect(error?.description.hasSuffix("see 'trucksensor simulate --help'") == true)
  }

  @Test(arguments: ["0", "-1", "x", "1.5", "99999999999999999999"])
  func `a number out of range is named`(text: String) throws {
    let parsed = try ParsedArguments(["t", "--count=\(text)"], for: command)
    let error = #expect(throws: UsageError.self) { try parsed.integer("count", in: 1...100) }
    #expect(error?.description.contains("--count takes 1 to 100, not '\(text)'") == true)
  }

  @Test func `help shows usage, defaults, an example and the exit codes, within 80 columns`() {
    let help = command.help
    for part in [
      "usage: trucksensor simulate NAME [options]", "(default: 2)", "example:", "exit codes: 0 done",
    ] {
      #expect(help.contains(part))
    }
    #expect(help.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test(arguments: ["bash", "zsh"]) func `completion scripts are valid bash`(shell: String) throws {
    let script = try #require(Completions.script(for: shell, commands: [command]))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-n", "/dev/stdin"]
    let pipe = Pipe()
    process.standardInput = pipe
    try process.run()
    pipe.fileHandleForWriting.write(Data(script.utf8))
    try pipe.fileHandleForWriting.close()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    #expect(script.contains("--dataset"))
  }

  @Test(arguments: [("rat", "rate"), ("intervall", "interval"), ("jsno", "json"), ("zzz", nil)])
  func `the nearest name is found, a far one is not`(name: String, expected: String?) {
    #expect(NearestName.of(name, among: command.options.map(\.name)) == expected)
  }
}
