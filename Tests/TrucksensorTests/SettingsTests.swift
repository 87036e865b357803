import Foundation
import Testing

import CommandLine
@testable import trucksensor

@Suite struct SettingsTests {
  private let commands = [ExampleCommands.simulate]

  private func parse(
    _ words: [String], environment: [String: String] = [:], file: String? = nil
  ) throws -> ParsedArguments {
    var path: String?
    if let file {
      let place = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).json")
      try Data(file.utf8).write(to: place)
      path = place.path
    }
    defer { path.map { try? FileManager.default.removeItem(atPath: $0) } }
    return try ParsedArguments(words, for: ExampleCommands.simulate) { _ in
      try Settings(environment: environment, path: path ?? "none", commands: commands)
    }
  }

  @Test func `the command line stands before the environment, and that before the file`() throws {
    let file = #"{"rate": 1, "count": 7, "timestamps": "uptime"}"#
    let parsed = try parse(
      ["t", "--rate", "3"], environment: ["TRUCKSENSOR_RATE": "2", "TRUCKSENSOR_COUNT": "8"], file: file)
    #expect(parsed.string("rate") == "3" && parsed.source(of: "rate") == nil)
    #expect(parsed.string("count") == "8" && parsed.source(of: "count") == "TRUCKSENSOR_COUNT")
    #expect(parsed.string("timestamps") == "uptime")
    #expect(parsed.source(of: "timestamps")?.hasSuffix(".json:1:25") == true)
  }

  @Test func `an option that excludes another hides what the environment and the file say of that one`()
    throws
  {
    let parsed = try parse(
      ["t", "--interval", "2s"], environment: ["TRUCKSENSOR_RATE": "2"], file: #"{"rate": 1}"#)
    #expect(parsed.string("rate") == nil)
  }

  @Test func `a command's own settings stand before those for all commands`() throws {
    let parsed = try parse(
      ["t"], file: #"{"rate": 1, "simulate": {"rate": 5, "map": ["a=b", "c=d"], "loop": true}}"#)
    #expect(parsed.string("rate") == "5")
    #expect(parsed.strings("map") == ["a=b", "c=d"])
    #expect(parsed.has("loop") && parsed.string("loop") == nil)
  }

  @Test
  func
    `a flag that the environment switches off is off whatever the file says, and an empty variable sets nothing`()
    throws
  {
    let parsed = try parse(
      ["t"], environment: ["TRUCKSENSOR_QUIET": "0", "TRUCKSENSOR_RATE": ""],
      file: #"{"quiet": true, "rate": 4}"#)
    #expect(!parsed.has("quiet"))
    #expect(parsed.string("rate") == "4")
  }

  @Test(arguments: [
    (#"{"rat": 1}"#, ":1:2: unknown setting 'rat'; did you mean 'rate'?"),
    ("{\n  \"simulate\": {\"rats\": 1}}", ":2:16: unknown setting 'rats'; did you mean 'rate'?"),
    (#"{"simulte": {}}"#, ":1:2: unknown setting 'simulte'; did you mean 'simulate'?"),
    (#"{"rate": 1, "rate": 2}"#, ":1:13: the key 'rate' appears twice"),
    (#"{"rate": [1]}"#, ":1:10: 'rate' takes one value, not an array"),
    (#"{"rate": true}"#, ":1:10: 'rate' takes a string or a number"),
    (#"{"quiet": 1}"#, ":1:11: 'quiet' takes true or false"),
    ("[]", ":1:1: the settings are not a JSON object"),
    (#"{"rate": 1"#, ":1:11: the text ends too early"),
  ])
  func `an unknown or wrong setting is an error with its place and the nearest name`(
    file: String, expected: String
  ) {
    let error = #expect(throws: InputError.self) { try parse(["t"], file: file) }
    #expect(error?.description.hasSuffix(expected) == true, "\(error?.description ?? "")")
  }

  @Test func `a wrong value says which variable has set it`() throws {
    let parsed = try parse(["t"], environment: ["TRUCKSENSOR_COUNT": "many"])
    let error = #expect(throws: UsageError.self) { try parsed.integer("count", in: 1...9) }
    #expect(error?.message == "--count takes 1 to 9, not 'many' (--count is set by TRUCKSENSOR_COUNT)")
  }

  @Test func `a setting for all commands has one meaning`() {
    var placeholders: [String: Set<String>] = [:]
    for command in Commands.table {
      for option in command.options where option.scope == .shared {
        // A store is a file wherever servers aren't possible; {device} and defaults don't change what a value is.
        let text = (option.placeholder ?? "").replacing("FILE|URL", with: "FILE")
        placeholders[option.name, default: []].insert(text)
      }
    }
    let ambiguous = placeholders.filter { $0.value.count > 1 }.map { "\($0.key): \($0.value.sorted())" }
    #expect(ambiguous.sorted() == [])
  }

  @Test func `every command that takes settings has the option that names their file`() {
    for command in Commands.table {
      #expect((command.option(named: "config") != nil) == command.takesSettings, "\(command.name)")
    }
  }
}
