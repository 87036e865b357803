import Foundation
import Testing

/// Each wrong input gets one sentence that names what is wrong, and its exit code.
@Suite(.enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable")) struct BadInputTests {
  let truck: Trucksensor

  init() throws {
    truck = try Trucksensor()
    try truck.write("", to: "empty.csv")
    try truck.write("uptime,volts,temp,door\n", to: "header.csv")
    try truck.write("uptime,volts\nx,1\n", to: "text.csv")
    try truck.write("a,b\n1,2,3,4\n", to: "ragged.csv")
    try truck.write("a,a\n1,2\n", to: "twice.csv")
    try truck.write("a,b\n\"1,2\n", to: "quote.csv")
  }

  @Test(
    arguments: [
      (["--dataset", "missing.csv"], 65, "missing.csv"),
      (["--dataset", "empty.csv"], 65, "empty.csv: is empty"),
      (["--dataset", "header.csv"], 65, "has a header but no rows"),
      (["--dataset", "text.csv", "--speed", "2"], 65, "text.csv:2:1: 'x'"),
      (["--dataset", "twice.csv"], 65, "twice.csv:1"), (["--fields", "nope"], 65, "nope"),
      (["--map", "t=nope"], 65, "nope"), (["--map", "nope"], 64, "--map takes NEW=COLUMN"),
      (["--rat", "2"], 64, "did you mean '--rate'?"),
      (["--rate", "0"], 64, "--rate '0' must be above 0"),
      (["--rate", "nan"], 64, "--rate 'nan' is not understood"),
      (["--rate", "-1"], 64, "must be above 0"),
      (["--rate", "fast"], 64, "'fast' is not understood"), (["--interval", "0s"], 64, "must be above 0"),
      (["--speed", "inf"], 64, "'inf' is not understood"),
      (["--ramp", "1-2"], 64, "write for example 1..100/60s"),
      (["--jitter", "2"], 64, "is more than the whole interval"),
      (["--rate", "1", "--interval", "1s"], 64, "can't be used together"),
      (["--count", "0"], 64, "--count takes"), (["--qos", "3"], 64, "--qos takes 0 to 2"),
      (["--keep-alive", "1"], 64, "--keep-alive takes 5 to 65535"),
      (["--mqtt", "4"], 64, "takes 3.1.1 or 5"),
      (["--timestamps", "noon"], 64, "--timestamps takes"),
      (["--on-full", "explode"], 64, "--on-full takes"),
      (["--topic", "truck/#"], 64, "which only topic filters may"),
      (["--topic", ""], 64, "topic is empty"),
      (["--topic", "truck/{devcie}/x"], 64, "the only placeholder is {device}"),
    ] as [([String], Int32, String)])
  func `a wrong option or dataset`(options: [String], status: Int32, sentence: String) throws {
    let result = try Trucksensor.Running(
      Trucksensor.executable, ["run", "truckSensor01", "--duration", "5s"] + options, in: truck.folder
    ).wait()
    #expect(result.status == status, "\(result.errors)")
    #expect(result.errors.contains(sentence), "\(result.errors)")
    #expect(
      !FileManager.default.fileExists(atPath: truck.path("data")), "nothing is made before all is checked")
  }

  @Test(
    arguments: [
      ([], 64, "usage: trucksensor COMMAND"), (["runn"], 64, "did you mean 'run'?"),
      (["run"], 64, "NAME is missing"),
      (["run", "a/b"], 64, "can't be a device's name"), (["run", ""], 64, "can't be a device's name"),
      (["dataset"], 64, "'dataset' needs a subcommand"),
      (["subscribe", "a/#/b"], 64, "'#' must be the last level"),
      (["simulate", "--endpoint", "x:y"], 64, "--endpoint takes HOST or HOST:PORT"),
      (
        ["simulate", "--endpoint", "127.0.0.1:1", "--no-tls", "--connect-timeout", "300ms"], 69,
        "Connection refused"
      ),
      (["simulate", "--endpoint", "no-such-host.invalid", "--no-tls"], 69, "can't be resolved"),
      (["simulate", "--endpoint", "127.0.0.1:1"], 77, "root-CA.crt"),
    ] as [([String], Int32, String)])
  func `a wrong command line or endpoint`(arguments: [String], status: Int32, sentence: String) throws {
    let result = try Trucksensor.Running(Trucksensor.executable, arguments, in: truck.folder).wait()
    #expect(result.status == status, "\(result.errors)")
    #expect(result.errors.contains(sentence), "\(result.errors)")
  }

  @Test func `a fleet for which there are too few descriptors is refused with what to do`() throws {
    let result = try Trucksensor.Running(
      URL(fileURLWithPath: "/bin/sh"),
      ["-c", "ulimit -n 1000; exec \"$0\" run truck --devices 99999", Trucksensor.executable.path],
      in: truck.folder
    ).wait()
    #expect(result.status == 69, "\(result.errors)")
    #expect(result.errors.contains("99999 trucks need 300097 open files"), "\(result.errors)")
    #expect(
      !FileManager.default.fileExists(atPath: truck.path("data")), "nothing is made before all is checked")
  }

  @Test func `start.sh without a name and a terminal says how it is used`() throws {
    let script = Trucksensor.repository.appendingPathComponent("start.sh")
    let result = try Trucksensor.Running(script, [], in: truck.folder).wait()
    #expect(result.status == 64)
    #expect(result.errors.contains("usage: ./start.sh NAME"))
  }

  @Test func `a dataset without the usual columns is noticed before the first message`() throws {
    try truck.write("time,Probe 1\n1,-18.2\n2,-18.1\n", to: "logger.csv")
    try FileManager.default.copyItem(
      at: Trucksensor.repository.appendingPathComponent("rules"),
      to: truck.folder.appendingPathComponent("rules"))
    let result = try truck.run(
      "run", "truckSensor01", "--dataset", "logger.csv", "--loop", "1", "--rate", "50", "--no-dashboard",
      "--no-aws")
    #expect(result.errors.hasPrefix("The messages have none of temp, volts and door"), "\(result.errors)")
    #expect(result.errors.contains("they have time, Probe 1. To rename a column: --map temp=COLUMN"))
  }

  @Test func `publish with nothing to publish is an error`() throws {
    let result = try Trucksensor.Running(
      URL(fileURLWithPath: "/bin/sh"),
      ["-c", "exec \"$0\" publish a </dev/null", Trucksensor.executable.path],
      in: truck.folder
    ).wait()
    #expect(result.status == 64, "\(result.errors)")
    #expect(result.errors.contains("standard input is empty"), "\(result.errors)")
  }

  @Test func `a second run of a folder makes no certificates`() throws {
    let first = try truck.start(
      "run", "truckSensor01", "--interval", "1h", "--quiet", "--no-dashboard", "--no-aws")
    try first.waitUntil { $0.errorText.contains("Publishing") }
    let second = try truck.run("run", "another", "--no-dashboard", "--no-aws")
    #expect(second.errors.contains("another run is using the local broker"), "\(second.errors)")
    #expect(!FileManager.default.fileExists(atPath: truck.path("certs/another.cert.pem")))
    first.interrupt()
    _ = first.wait()
  }

  @Test func `a file that is a link, a pipe or a device stays what it is`() throws {
    try truck.write("old", to: "real.csv")
    try FileManager.default.createSymbolicLink(
      atPath: truck.path("link.csv"), withDestinationPath: "real.csv")
    let script = """
      "$0" dataset generate --scenario healthy -o link.csv && test -L link.csv && test "$(wc -l <real.csv)" = 3601 \\
        && test "$("$0" dataset generate --scenario healthy -o /dev/stdout | wc -l)" = 3601 \\
        && mkfifo pipe && (cat pipe >copy.csv & "$0" dataset generate --scenario healthy -o pipe && wait) \\
        && test -p pipe && cmp copy.csv real.csv
      """
    let result = try Trucksensor.Running(
      URL(fileURLWithPath: "/bin/sh"), ["-c", script, Trucksensor.executable.path], in: truck.folder
    ).wait()
    #expect(result.status == 0, "\(result.output)\(result.errors)")
  }
}
