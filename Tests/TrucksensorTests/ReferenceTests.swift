import Foundation
import Testing

import CommandLine
@testable import trucksensor

@Suite struct ReferenceTests {
  private static let commands = Commands.table

  @Test func `docs/reference holds what the commands' descriptions say`() throws {
    let folder = Shell.repository.appendingPathComponent("docs/reference")
    let pages = MarkdownReference.pages(Self.commands)
    for page in pages {
      let file = try? String(contentsOf: folder.appendingPathComponent(page.name), encoding: .utf8)
      #expect(file == page.text, "docs/reference/\(page.name) differs; scripts/reference.sh writes it again")
    }
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(Set(files) == Set(pages.map(\.name)))
  }

  @Test func `every command has a manual page, which groff formats without a warning`() throws {
    let pages = ManualPages.pages(Self.commands, summary: "A truck.", version: "1")
    #expect(pages.count == Self.commands.count + 1)
    let groff = try #require(Shell.find("groff"), "groff is missing; scripts/setup.sh --tests installs it")
    for page in pages {
      let result = try Shell.run(groff, ["-man", "-ww", "-Tutf8", "-k"], input: page.text)
      #expect(result.status == 0 && result.errors.isEmpty, "\(page.name): \(result.errors)")
    }
  }

  @Test func `a manual page shows options, defaults and examples as they are typed`() throws {
    let page = try #require(
      ManualPages.pages(ExampleCommands.all, summary: "A truck.", version: "1").first {
        $0.name == "trucksensor-simulate.1"
      })
    let expected = """
      .TH "TRUCKSENSOR-SIMULATE" 1 "" "trucksensor 1" "User Commands"
      .SH NAME
      trucksensor\\-simulate \\- Replays a dataset.
      .SH SYNOPSIS
      trucksensor simulate NAME [options]
      .SH ARGUMENTS
      .TP
      \\fBNAME\\fR
      the device
      .SH OPTIONS
      .TP
      \\fB\\-\\-rate R\\fR
      messages per second and truck (default: 2)

      """
    #expect(page.text.hasPrefix(expected))
    #expect(page.text.contains("the driver\\(aqs data"))
    #expect(page.text.contains(".SH EXIT STATUS\n.TP\n\\fB0\\fR\ndone\n"))
  }

  @Test func `a reference page keeps bars and brackets of options and help readable`() throws {
    let page = try #require(
      MarkdownReference.pages(ExampleCommands.all).first { $0.name == "simulate.md" })
    #expect(page.text.contains("| `--qos 0\\|1` | quality of service (default: 0) |\n"))
    #expect(page.text.contains("| `--dataset FILE` | the driver's data \\[CSV\\]: with a header |\n"))
  }

  @Test(arguments: Commands.all.map { $0.description.name })
  func `the example of a command's help is a command line that the command takes`(name: String) throws {
    let command = try #require(Self.commands.first { $0.name == name })
    // bash splits the lines; each call is written down, a word a line, instead of being run.
    let script = """
      trucksensor() { printf '%s\\n' "$@" END >&2; }
      aws() { :; }
      \(command.example)
      wait
      """
    let result = try Shell.run("/bin/bash", ["-c", script])
    #expect(result.status == 0, "\(result.errors)")
    let calls = result.errors.components(separatedBy: "END\n").dropLast()
    #expect(!calls.isEmpty)
    for call in calls {
      let words = call.split(separator: "\n").map(String.init)
      let found = try CommandLookup.find(words, among: Self.commands)
      _ = try ParsedArguments(found.rest, for: Self.commands[found.index])
    }
  }
}
