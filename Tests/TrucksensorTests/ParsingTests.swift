import CommandLine
import Testing
import Text

@Suite struct ParsingTests {
  private let command = ExampleCommands.simulate

  private func parse(_ words: String...) throws -> ParsedArguments {
    try ParsedArguments(words, for: command)
  }

  @Test func `options and positionals come in any order and form`() throws {
    let parsed = try parse(
      "--rate=5", "truck", "--map", "a=b", "--map=c=d", "-j", "--loop", "3", "--count", "7")
    #expect(parsed.positionals == ["truck"])
    #expect(parsed.string("rate") == "5")
    #expect(parsed.strings("map") == ["a=b", "c=d"])
    #expect(parsed.has("json"))
    #expect(!parsed.has("quiet"))
    #expect(parsed.string("loop") == "3")
    #expect(try parsed.integer("count", in: 1...Int.max) == 7)
  }

  @Test(arguments: [["t", "-jqn7"], ["-jq", "t", "-n", "7"], ["-q", "-j", "--count=7", "t"]])
  func `short letters join`(words: [String]) throws {
    let parsed = try ParsedArguments(words, for: command)
    #expect(parsed.has("json") && parsed.has("quiet"))
    #expect(parsed.string("count") == "7")
    #expect(parsed.positionals == ["t"])
  }

  @Test func `an alias means its option`() throws {
    #expect(try parse("t", "--data", "x.csv").string("dataset") == "x.csv")
  }

  @Test(arguments: [
    (["t", "--loop"], nil), (["--loop", "t"], nil), (["--loop", "3", "t"], "3"), (["--loop=3", "t"], "3"),
  ])
  func `an optional value is taken only if it is a number`(words: [String], expected: String?) throws {
    let parsed = try ParsedArguments(words, for: command)
    #expect(parsed.has("loop"))
    #expect(parsed.string("loop") == expected)
    #expect(parsed.positionals == ["t"])
  }

  @Test(arguments: [
    (["--", "--rate"], ["--rate"]), (["-"], ["-"]), (["--rate", "1", "--", "-j"], ["-j"]),
  ])
  func `two dashes end the options, and one is an argument`(words: [String], expected: [String]) throws {
    #expect(try ParsedArguments(words, for: command).positionals == expected)
  }

  @Test(arguments: [["-h"], ["--help"], ["a", "b", "c", "--help"], ["-jh"]])
  func `who asks for help needs nothing else right`(words: [String]) throws {
    #expect(try ParsedArguments(words, for: command).wantsHelp)
  }

  @Test func `a value may look like an option that isn't known, or follow an equals sign`() throws {
    #expect(try parse("t", "--timestamps", "-5").string("timestamps") == "-5")
    #expect(try parse("t", "--timestamps=--json").string("timestamps") == "--json")
  }

  @Test(arguments: [
    (["t", "--rat", "5"], "unknown option '--rat'; did you mean '--rate'? See"),
    (["t", "--rat=5"], "unknown option '--rat'; did you mean '--rate'? See"),
    (["t", "--itnerval", "5"], "unknown option '--itnerval'; did you mean '--interval'? See"),
    (["t", "--hepl"], "unknown option '--hepl'; did you mean '--help'? See"),
    (["t", "-rate", "5"], "unknown option '-rate'; did you mean '--rate'? See"),
    (["t", "--xyzzy"], "unknown option '--xyzzy'; see"),
    (["t", "-x"], "unknown option '-x'; see"),
    (["t", "-jx"], "unknown option '-x'; see"),
    (["t", "--rate"], "--rate needs a value: --rate R; see"),
    (["t", "--rate", "--json"], "--rate needs a value: --rate R; see"),
    (["t", "--rate", "-j"], "--rate needs a value: --rate R; see"),
    (["t", "--rate", "--loop=3"], "--rate needs a value: --rate R; see"),
    (["t", "-n"], "--count needs a value: --count N; see"),
    (["t", "--json=1"], "--json takes no value; see"),
    (["t", "--rate", "1", "--rate", "2"], "--rate is given twice; see"),
    (["t", "--data", "a", "--dataset", "b"], "--dataset is given twice; see"),
    (["t", "-jj"], "--json is given twice; see"),
    (["t", "--rate", "1", "--interval", "2"], "--rate and --interval can't be used together; see"),
    ([], "NAME is missing; see"),
    (["a", "b"], "'b' is an unexpected argument; see"),
  ])
  func `a wrong command line names what is wrong and where help is`(words: [String], expected: String) {
    let error = #expect(throws: UsageError.self) { try ParsedArguments(words, for: command) }
    #expect(error?.description == expected + " 'trucksensor simulate --help'")
  }

  @Test func `a required option is missed`() {
    let error = #expect(throws: UsageError.self) { try ParsedArguments([], for: ExampleCommands.all[1]) }
    #expect(
      error?.description == "--seed is missing: --seed N; see 'trucksensor dataset generate --help'")
  }

  @Test(arguments: ["0", "-1", "x", "1.5", "", "99999999999999999999"])
  func `a whole number out of range is named`(text: String) throws {
    let parsed = try parse("t", "--count=\(text)")
    let error = #expect(throws: UsageError.self) { try parsed.integer("count", in: 1...100) }
    #expect(error?.message == "--count takes 1 to 100, not '\(text)'")
  }

  @Test(arguments: ["0", "-1", "nan", "inf", "1e999", "0x1p3", "x", ""])
  func `a number out of range is named`(text: String) throws {
    let parsed = try parse("t", "--rate=\(text)")
    let error = #expect(throws: UsageError.self) { try parsed.number("rate", in: 0.5...1000) }
    #expect(error?.message == "--rate takes a number from 0.5 to 1000, not '\(text)'")
  }

  @Test func `a number in range is read`() throws {
    #expect(try parse("t", "--rate", "2.5").number("rate", in: 0...10) == 2.5)
    #expect(try parse("t").number("rate", in: 0...10) == nil)
  }

  @Test(arguments: [
    ("soon", "--interval 'soon' is not understood; write for example 2s, 500ms, 10m or 1h"),
    ("0", "--interval '0' must be above 0; write for example 2s, 500ms, 10m or 1h"),
    ("1e300d", "--interval '1e300d' is too long; at most 292 years"),
    ("100000d", "--interval takes 1ms to 1h, not '100000d'"),
    ("1us", "--interval takes 1ms to 1h, not '1us'"),
  ])
  func `a duration out of range is named`(text: String, expected: String) throws {
    let parsed = try parse("t", "--interval=\(text)")
    let error = #expect(throws: UsageError.self) {
      try parsed.duration("interval", in: 1_000_000...3_600_000_000_000)
    }
    #expect(error?.message == expected)
  }

  @Test func `a duration in range is read`() throws {
    #expect(try parse("t", "--interval", "1.5s").duration("interval") == 1_500_000_000)
    #expect(try parse("t").duration("interval") == nil)
  }

  @Test(arguments: ["not a time", "'soon' isn't a time"])
  func `a failure of the caller's parser names option and value, and one place for help`(reason: String)
    throws
  {
    let parsed = try parse("t", "--interval", "soon")
    let error = #expect(throws: UsageError.self) {
      try parsed.parsed("interval") { _ throws(UsageError) -> Int in throw UsageError(message: reason) }
    }
    let value = reason.contains("soon") ? "" : " 'soon'"
    #expect(error?.description == "--interval\(value): \(reason); see 'trucksensor simulate --help'")
  }
}

@Suite struct CommandLookupTests {
  @Test(arguments: [
    (["simulate", "t"], "simulate", ["t"]), (["dataset", "check", "f", "g"], "dataset check", ["f", "g"]),
  ])
  func `a command is found by its first word or two`(words: [String], name: String, rest: [String]) throws {
    let found = try CommandLookup.find(words, among: ExampleCommands.all)
    #expect(ExampleCommands.all[found.index].name == name)
    #expect(found.rest == rest)
  }

  @Test(arguments: [
    (["simulat"], "unknown command 'simulat'; did you mean 'simulate'? See"),
    (["datset", "check"], "unknown command 'datset'; did you mean 'dataset'? See"),
    (["dataset", "chekc"], "unknown command 'dataset chekc'; did you mean 'dataset check'? See"),
    (["dataset", "xyzzy"], "unknown command 'dataset xyzzy'; see"),
    (["--versoin"], "unknown option '--versoin'; did you mean '--version'? See"),
    (["xyzzy"], "unknown command 'xyzzy'; see"), ([], "a command is missing; see"),
  ])
  func `an unknown command names the nearest`(words: [String], expected: String) {
    let error = #expect(throws: UsageError.self) { try CommandLookup.find(words, among: ExampleCommands.all) }
    #expect(error?.description == expected + " 'trucksensor --help'")
  }

  @Test func `a group without a subcommand names them, and its own help`() {
    let error = #expect(throws: UsageError.self) {
      try CommandLookup.find(["dataset"], among: ExampleCommands.all)
    }
    #expect(
      error?.description == "'dataset' needs a subcommand: 'dataset generate', 'dataset check'; see "
        + "'trucksensor dataset --help'")
  }

  @Test(arguments: [
    ("rat", "rate"), ("intervall", "interval"), ("jsno", "json"), ("time", "timestamps"), ("JSON", "json"),
    ("truck-rate", "rate"), ("zzz", nil), ("", nil),
  ])
  func `the nearest name is found, a far one is not`(name: String, expected: String?) {
    #expect(NearestName.of(name, among: ExampleCommands.simulate.options.map(\.name)) == expected)
  }
}
