import Foundation
import Testing

@Suite struct ScriptTests {
  @Test(arguments: [
    ([], "a device name is missing"), ([""], "a device name is missing"),
    (["--count", "3"], "'--count' isn't a name"),
  ])
  func `start without a name and a terminal says how to use it, and exits 64`(
    arguments: [String], expected: String
  ) throws {
    let script = Shell.repository.appendingPathComponent("start.sh").path
    let result = try Shell.run("/bin/bash", [script] + arguments, input: "truckSensor01\n")
    #expect(result.status == 64)
    #expect(result.output.isEmpty)
    #expect(result.errors.contains(expected))
    #expect(result.errors.contains("usage: ./start.sh NAME [options]"))
  }

  @Test func `set-up refuses an unknown option`() throws {
    let script = Shell.repository.appendingPathComponent("scripts/setup.sh").path
    #expect(try Shell.run("/bin/bash", [script, "--xyzzy"]).status == 64)
  }

  @Test(arguments: [
    "start.sh", ".ci/run", "scripts/build.sh", "scripts/format.sh", "scripts/setup.sh", "scripts/test.sh",
    "scripts/check-words.sh", "scripts/reference.sh", "scripts/screenshot.sh",
  ])
  func `a script can be run and is valid`(name: String) throws {
    let script = Shell.repository.appendingPathComponent(name).path
    #expect(FileManager.default.isExecutableFile(atPath: script))
    #expect(try Shell.run("/bin/bash", ["-n", script]).status == 0)
  }
}
