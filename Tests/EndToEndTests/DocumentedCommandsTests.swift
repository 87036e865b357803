import Foundation
import Testing

/// The shell blocks of README.md and docs/, run as they stand.
@Suite(.enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct DocumentedCommandsTests {
  /// One block of shell commands.
  struct Block {
    let line: Int
    let commands: String
    /// What the comment on the line above says that the block needs; nil for nothing.
    let need: String?
  }

  static let pages =
    ["README.md"]
    + ((try? FileManager.default.contentsOfDirectory(
      atPath: Trucksensor.repository.appendingPathComponent("docs").path)) ?? [])
    .filter { $0.hasSuffix(".md") }.sorted().map { "docs/\($0)" }

  static func blocks(of page: String) throws -> [Block] {
    let text = try String(contentsOf: Trucksensor.repository.appendingPathComponent(page), encoding: .utf8)
    let lines = text.components(separatedBy: "\n")
    var blocks: [Block] = []
    for (start, line) in lines.enumerated() where line == "```sh" {
      let end = try #require(lines[start...].firstIndex(of: "```"), "\(page):\(start + 1) is never closed")
      let need = start > 0 ? lines[start - 1].firstMatch(of: /^<!-- needs: (.+) -->$/) : nil
      blocks.append(
        Block(
          line: start + 2, commands: lines[(start + 1)..<end].joined(separator: "\n"),
          need: need.map { String($0.1) }))
    }
    return blocks
  }

  @Test(arguments: pages)
  func `the commands of a page work as they stand, one after the other in a fresh folder`(page: String) throws
  {
    let blocks = try Self.blocks(of: page)
    guard !blocks.isEmpty else { return }
    let truck = try Trucksensor()
    for name in ["rules", "policies"] {
      try FileManager.default.copyItem(
        at: Trucksensor.repository.appendingPathComponent(name), to: truck.folder.appendingPathComponent(name)
      )
    }
    let programs = truck.folder.appendingPathComponent("bin")
    try FileManager.default.createDirectory(at: programs, withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(
      at: programs.appendingPathComponent("trucksensor"), withDestinationURL: Trucksensor.executable)
    var skipped: [String] = []
    for block in blocks {
      var options = ["-euo", "pipefail"]
      var run: Trucksensor.Running?
      switch block.need {
      case nil: break
      case "run":
        let started = try truck.start("run", "truckSensor01", "--quiet")
        try started.waitUntil { $0.errorText.contains("Publishing messages") }
        run = started
      case let need?:
        skipped.append(need)
        options = ["-n"]
      }
      let result = try Trucksensor.Running(
        URL(fileURLWithPath: "/usr/bin/env"),
        ["PATH=\(programs.path):/usr/bin:/bin", "bash"] + options + ["-c", block.commands], in: truck.folder
      ).wait()
      // A busy machine doesn't hold any rate, which the command says.
      let isMeasured =
        block.commands.contains("bench publish")
        && (result.output + result.errors).contains("no rate held")
      #expect(
        result.status == 0 || isMeasured && result.status == 1,
        "\(page):\(block.line): \(result.output.suffix(500))\(result.errors.suffix(1000))")
      if let run {
        run.interrupt()
        _ = run.wait()
      }
    }
    print("\(page): \(blocks.count - skipped.count) blocks were run, \(skipped.count) skipped \(skipped)")
  }

  @Test func `a page shows commands as shell blocks only, so that each is run or marked`() throws {
    for page in Self.pages {
      let text = try String(contentsOf: Trucksensor.repository.appendingPathComponent(page), encoding: .utf8)
      let lines = text.components(separatedBy: "\n")
      var fence: String?
      for (number, line) in lines.enumerated() {
        if line.hasPrefix("```") {
          fence = fence == nil ? line : nil
        } else if fence != "```sh" {
          #expect(line.firstMatch(of: /^ *(trucksensor [a-z]|\.build\/)/) == nil, "\(page):\(number + 1)")
        }
      }
    }
  }
}
