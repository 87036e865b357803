import Foundation
import Testing

import CommandLine

@Suite struct CompletionTests {
  private func script(_ shell: String) throws -> String {
    try #require(Completions.script(for: shell, commands: ExampleCommands.all))
  }

  @Test(arguments: Completions.shells.filter { Shell.find($0) != nil })
  func `a script is valid for its shell, where that is installed`(shell: String) throws {
    let result = try Shell.run(
      try #require(Shell.find(shell)), ["-n", "/dev/stdin"], input: try script(shell))
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
  }

  @Test(arguments: Completions.shells)
  func `every script knows every command and option`(shell: String) throws {
    let text = try script(shell)
    for command in ExampleCommands.all {
      for word in command.words { #expect(text.contains(word)) }
      for option in command.options { #expect(text.contains(option.name), "\(option.name)") }
    }
  }

  @Test func `no script is made for another shell`() {
    #expect(Completions.script(for: "csh", commands: ExampleCommands.all) == nil)
  }

  @Test(arguments: [
    (["sim"], ["simulate"]), (["data"], ["dataset"]), (["--v"], ["--version"]),
    (["dataset", ""], ["generate", "check"]), (["dataset", "g"], ["generate"]),
    (["dataset", "generate", "--s"], ["--seed"]),
    (["simulate", "--in"], ["--interval"]), (["simulate", "t", "--js"], ["--json"]),
    (["simulate", "--qos", ""], ["0", "1"]), (["simulate", "--timestamps", ""], ["now", "uptime"]),
    (["simulate", "--timestamps", "=", "u"], ["uptime"]), (["simulate", "--qos", "="], ["0", "1"]),
    (["simulate", "--rate", ""], []), (["simulate", "--dataset", "a b"], ["a b.csv"]),
    (["simulate", "--data", "a"], ["a b.csv"]), (["dataset", "check", "a"], ["a b.csv"]),
    (["completions", "z"], ["zsh"]),
  ])
  func `bash completes commands, options, choices and files`(words: [String], expected: [String]) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data().write(to: folder.appendingPathComponent("a b.csv"))
    // compopt works only inside a completion.
    let call = """
      compopt() { :; }
      COMP_WORDS=(trucksensor "$@")
      COMP_CWORD=$#
      _trucksensor
      for reply in "${COMPREPLY[@]}"; do printf '%s\\n' "$reply"; done
      """
    let result = try Shell.run(
      "/bin/bash", ["-c", try script("bash") + call, "bash"] + words, in: folder.path)
    #expect(result.output.split(separator: "\n").map(String.init) == expected)
    #expect(result.errors.isEmpty, "\(result.errors)")
  }
}
