import Foundation
import Testing

private let hasPython = FileManager.default.isExecutableFile(atPath: "/usr/bin/python3")

/// What a person at a terminal sees, on a real pseudo-terminal.
@Suite(
  .enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"),
  .enabled(if: hasPython, "python3 is missing"))
struct TerminalTests {
  private let truck: Trucksensor

  init() throws { truck = try Trucksensor() }

  private struct Screen: Decodable {
    let raw: String
    let lines: [String]
    let widest: Int
    let status: Int32

    /// The lines that are messages of the truck, whole.
    var messages: [String] { lines.filter { $0.hasPrefix("{\"") && $0.hasSuffix("}") } }
    /// Whether a line was ever erased, as a status line is.
    var hasErased: Bool { raw.contains("\u{1B}[K") }
  }

  private func screen(
    columns: Int = 100, type keys: [String] = [], environment: [String] = [], _ words: String...
  ) throws -> Screen {
    let script = Trucksensor.repository.appendingPathComponent("Tests/EndToEndTests/terminal.py").path
    let result = try Trucksensor.Running(
      URL(fileURLWithPath: "/usr/bin/env"),
      ["-u", "NO_COLOR", "TERM=xterm", "python3", script, "--columns", "\(columns)"]
        + keys.flatMap { ["--type", $0] } + ["/usr/bin/env"] + environment + [Trucksensor.executable.path]
        + words,
      in: truck.folder
    ).wait()
    #expect(result.status == 0, "\(result.errors)")
    return try JSONDecoder().decode(Screen.self, from: Data(result.output.utf8))
  }

  @Test func `a run has one status line below its messages, within the width, and none at the end`() throws {
    let screen = try screen(
      columns: 60, "run", "truckA", "--rate", "20", "--count", "40", "--no-dashboard", "--no-aws")
    #expect(screen.status == 0, "\(screen.raw)")
    #expect(screen.hasErased)
    #expect((40...59).contains(screen.widest))
    // Each message is on a line of its own, and nothing of a status line is left on any line.
    #expect(screen.messages.count == 40)
    #expect(
      !screen.lines.contains { $0.contains("matched") || $0.contains("/s, ") && !$0.hasPrefix("rate asked") })
    #expect(screen.lines.contains { $0.hasPrefix("sent 40, acknowledged 40") })
  }

  @Test func `the status line says rate, lateness, and what was acknowledged, matched and stored`() throws {
    try FileManager.default.copyItem(
      at: Trucksensor.repository.appendingPathComponent("rules"),
      to: truck.folder.appendingPathComponent("rules"))
    let screen = try screen(
      columns: 200, "run", "truckA", "--rate", "20", "--count", "40", "--qos", "1", "--no-dashboard",
      "--no-aws")
    let pattern = /(\d+\.\d)\/s, \d+ acknowledged, late by \d+\.\d ms \(p99\), (\d+) matched, (\d+) stored/
    let shown = screen.raw.matches(of: pattern)
    #expect(shown.contains { (Int($0.output.2) ?? 0) > 0 && (Int($0.output.3) ?? 0) > 0 }, "\(screen.raw)")
  }

  @Test(arguments: [["--json"], ["--log-format", "json"]])
  func `there is no status line for whoever wants data`(option: [String]) throws {
    let words = ["simulate", "--rate", "10", "--count", "11"] + option
    let script = Trucksensor.repository.appendingPathComponent("Tests/EndToEndTests/terminal.py").path
    let result = try Trucksensor.Running(
      URL(fileURLWithPath: "/usr/bin/env"),
      ["TERM=xterm", "python3", script, Trucksensor.executable.path] + words,
      in: truck.folder
    ).wait()
    let screen = try JSONDecoder().decode(Screen.self, from: Data(result.output.utf8))
    #expect(screen.status == 0 && !screen.hasErased, "\(screen.raw)")
  }

  @Test(arguments: ["TERM=dumb", "TERM="])
  func `a terminal that can't erase gets neither a status line nor colors`(environment: String) throws {
    let screen = try screen(environment: [environment], "simulate", "--rate", "10", "--count", "11")
    #expect(screen.messages.count == 11)
    #expect(!screen.raw.contains("\u{1B}"))
  }

  @Test func `errors and headings have colors on a terminal, unless NO_COLOR has a value`() throws {
    let red = "\u{1B}[31mtrucksensor:\u{1B}[0m unknown command 'nonsense'"
    #expect(try screen("nonsense").raw.contains(red))
    #expect(try screen("simulate", "--help").raw.contains("\u{1B}[1moptions:\u{1B}[0m"))
    #expect(try screen(environment: ["NO_COLOR="], "nonsense").raw.contains(red))
    for words in ["nonsense", "help"] {
      #expect(try !screen(environment: ["NO_COLOR=1"], words).raw.contains("\u{1B}"))
    }
    #expect(try !truck.run("nonsense").errors.contains("\u{1B}"))
  }

  @Test func `the keys + and - change the rate, and the terminal is as before at the end`() throws {
    let screen = try screen(
      type: ["\"n\":\"1\"=+", "rate set to 22.000/s=-", "rate set to 20.000/s=-"], "simulate", "--rate", "20",
      "--count", "60")
    #expect(screen.status == 0, "\(screen.raw)")
    #expect(
      screen.lines.filter { $0.hasPrefix("rate set") } == [
        "rate set to 22.000/s", "rate set to 20.000/s", "rate set to 18.182/s",
      ])
    // The keys themselves aren't shown.
    #expect(screen.messages.count == 60)
  }
}
