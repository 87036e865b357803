import Foundation
import Testing

/// What a user does, with the executable that users run, a real broker and real certificates.
@Suite(.serialized, .enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct JourneyTests {
  let truck: Trucksensor

  init() throws { truck = try Trucksensor() }

  /// A running `run` whose truck is silent, as the broker for other commands; the port it listens on.
  private func startCloud() throws -> (running: Trucksensor.Running, port: String) {
    let cloud = try truck.start("run", "truckSensor01", "--interval", "1h", "--quiet")
    try cloud.waitUntil { $0.errorText.contains("mutual TLS") && $0.errorText.contains("Publishing") }
    let port = try #require(cloud.errorText.firstMatch(of: /127\.0\.0\.1:(\d+), mutual/)?.1)
    return (cloud, String(port))
  }

  @Test
  func
    `run prints one line a message, and its heading to standard error if nobody watches, and ends its broker`()
    throws
  {
    let started = try truck.start("run", "truckSensor01", "--count", "5", "--rate", "50")
    let result = started.wait()
    #expect(result.status == 0, "\(result.errors)")
    #expect(
      result.errors.contains(
        "Running truck sensor sample application...\nPublishing messages on topic: truck/freezer\n"))
    let pattern =
      /\{"uptime":"\d+","volts":"1\d\.\d\d","temp":"-?\d+\.\d\d","door":"[01]","i":"1","n":"(\d+)","timestamp":\d{10}(?:\.\d{1,6})?\}/
    let numbers = result.lines.dropLast().map { try? pattern.wholeMatch(in: $0)?.1 }
    #expect(numbers == ["1", "2", "3", "4", "5"])
    #expect(result.errors.contains("sent 5, acknowledged 5"))
    #expect(!brokerRuns())
    let key = try FileManager.default.attributesOfItem(atPath: truck.path("certs/truckSensor01.private.key"))
    #expect(key[.posixPermissions] as? Int == 0o600)
  }

  @Test func `a subscriber sees the payloads that were printed`() throws {
    let (cloud, _) = try startCloud()
    try provisionSecond(cloud)
    let subscriber = try truck.start(
      "subscribe", "truck/freezer", "--count", "5", "--timeout", "10s", "--json")
    try subscriber.waitUntil { $0.errorText.contains("subscribed to truck/freezer") }
    let sent = try truck.run(
      "simulate", "--device", "second", "--count", "5", "--rate", "100",
      "--qos", "1")
    #expect(sent.status == 0, "\(sent.errors)")
    let received = subscriber.wait()
    #expect(received.status == 0)
    let payloads = received.output.split(separator: "\n").compactMap { line in
      (try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["payload"] as? String
    }
    #expect(payloads == sent.output.split(separator: "\n").map(String.init))
    cloud.interrupt()
    #expect(cloud.wait().status == 130)
  }

  @Test func `a fleet's trucks begin at other rows, have datasets of their own, and other faults`() throws {
    func messages(_ arguments: String...) throws -> [[String: Any]] {
      let result = try Trucksensor.Running(
        Trucksensor.executable,
        ["run", "truck", "--devices", "3", "--rate", "100", "--no-dashboard", "--loop", "1"] + arguments,
        in: truck.folder
      ).wait()
      #expect(result.status == 0, "\(result.errors)")
      return result.output.split(separator: "\n").compactMap {
        try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
      }
    }
    func firsts(_ messages: [[String: Any]], _ field: String) -> Set<String> {
      Set(messages.filter { $0["n"] as? String == "1" }.compactMap { $0[field] as? String })
    }
    for number in 1...3 {
      let rows = (0..<10).map { "\($0),12.1\(number),-18.00,0\n" }.joined()
      try truck.write("uptime,volts,temp,door\n" + rows, to: "truck-\(number).csv")
    }
    let offset = try messages("--dataset", "truck-1.csv", "--offset", "4", "--count", "3")
    #expect(firsts(offset, "uptime") == ["0", "4", "8"] && firsts(offset, "i") == ["1"])
    // The third truck's file ends after two rows, and it goes on with the first.
    #expect(offset.count == 9)
    let own = try messages("--dataset", "{device}.csv", "--count", "1")
    #expect(firsts(own, "volts") == ["12.11", "12.12", "12.13"])
    let faults = try messages("--dataset", "truck-1.csv", "--inject", "unit-off@0,sag@0", "--seed", "5")
    let last = faults.filter { $0["n"] as? String == "10" }.compactMap { $0["volts"] as? String }
    #expect(last.count == 3 && Set(last).count > 1 && last.allSatisfy { $0 < "11.95" }, "\(last)")
  }

  @Test func `a fixed start makes two runs identical, byte for byte`() throws {
    let arguments = ["--count", "20", "--rate", "max", "--timestamps", "2024-10-23T17:14:03Z"]
    let runs = try (1...2).map { _ in
      try Trucksensor.Running(Trucksensor.executable, ["run", "truckSensor01"] + arguments, in: truck.folder)
        .wait()
    }
    #expect(runs[0].status == 0)
    #expect(runs[0].output == runs[1].output)
    #expect(runs[0].output.contains("\"timestamp\":1729703644}"))
  }

  @Test func `a topic that the policy does not name is refused with exit code 77`() throws {
    let (cloud, _) = try startCloud()
    try provisionSecond(cloud)
    let result = try truck.run(
      "simulate", "--device", "second", "--topic", "truck/secret", "--count",
      "5",
      "--qos", "1")
    #expect(result.status == 77)
    #expect(result.errors.contains("refused the message to 'truck/secret': not authorized"))
    cloud.interrupt(SIGTERM)
    #expect(cloud.wait().status == 143)
    #expect(!brokerRuns())
  }

  @Test func `the broker ends in the middle, and every row arrives in order`() throws {
    let (cloud, _) = try startCloud()
    try provisionSecond(cloud)
    let rows = 20_000
    try truck.write(
      "uptime,volts,temp,door\n" + (1...rows).map { "\($0),12.11,21.90,0\n" }.joined(), to: "rows.csv")
    let subscriber = try truck.start(
      "subscribe", "truck/freezer", "--qos", "1", "--persistent", "--client-id", "watcher", "--json")
    try subscriber.waitUntil { $0.errorText.contains("subscribed") }
    let simulation = try truck.start(
      "simulate", "--device", "second", "--dataset", "rows.csv", "--rate",
      "4000",
      "--qos", "1", "--quiet", "--json")
    try subscriber.waitUntil { $0.outputText.utf8.count > 300_000 }
    let process = try #require(
      Int32(
        String(contentsOfFile: truck.path("data/broker/pid"), encoding: .utf8)
          .trimmingCharacters(in: .whitespacesAndNewlines)))
    // SIGTERM, because mosquitto 2.0 acknowledges a message before it has saved it: what it held for the
    // subscriber at a SIGKILL is lost whoever publishes.
    kill(process, SIGTERM)
    let result = simulation.wait()
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.json["sent"] as? Int == rows)
    #expect(result.json["acknowledged"] as? Int == rows)
    #expect(result.json["reconnects"] as? Int == 1)
    try subscriber.waitUntil { $0.outputText.contains("\\\"n\\\":\\\"\(rows)\\\"") }
    subscriber.interrupt()
    let numbers = subscriber.wait().output.matches(of: /\\"n\\":\\"(\d+)\\"/).compactMap { Int($0.1) }
    var seen: [Int] = []
    for number in numbers where seen.last.map({ number > $0 }) ?? true { seen.append(number) }
    #expect(Set(numbers).count == rows)
    #expect(seen == Array(1...rows))
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test func `a fleet drives at any pace that can be written`() throws {
    let (cloud, _) = try startCloud()
    #expect(try truck.run("provision", "fleet", "--prefix", "truck-", "--count", "2").status == 0)
    try cloud.waitUntil { $0.errorText.contains("Registry or policies changed") }
    let paces = [
      ["--interval", "100000d"], ["--interval", "106751d"], ["--interval", "1ns"], ["--rate", "999999999"],
      ["--rate", "1e-8/h"], ["--speed", "1e-300"], ["--speed", "1e300"], ["--ramp", "1e-300..1e-300/1s"],
      ["--ramp", "0..1e9/106751d"], ["--ramp", "1e9..1e-300/1ns"],
      ["--jitter", "1", "--interval", "106751d"],
      ["--timestamps", "1e300"], ["--timestamps", "-1e300", "--rate", "max"],
    ]
    for pace in paces {
      let result = try Trucksensor.Running(
        Trucksensor.executable,
        ["simulate", "--device", "truck", "--devices", "2", "--duration", "200ms", "--loop", "--json"] + pace,
        in: truck.folder
      ).wait()
      #expect(result.status == 0 || result.status == 64, "\(pace): \(result.errors)")
      #expect(result.status == 64 || result.json["dropped"] as? Int == 0, "\(pace): \(result.errors)")
    }
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test(arguments: [SIGHUP, SIGTERM])
  func `a closed terminal and a kill end run, simulate and subscribe, and the broker`(signal: Int32) throws {
    let (cloud, _) = try startCloud()
    try provisionSecond(cloud)
    let subscriber = try truck.start("subscribe", "truck/freezer")
    try subscriber.waitUntil { $0.errorText.contains("subscribed") }
    let simulation = try truck.start("simulate", "--device", "second", "--count", "2", "--interval", "1h")
    try simulation.waitUntil { !$0.outputText.isEmpty }
    for command in [simulation, subscriber, cloud] {
      command.interrupt(signal)
      #expect(command.wait().status == 128 + signal)
    }
    #expect(!brokerRuns())
  }

  @Test func `under nohup a closed terminal ends nothing`() throws {
    let (cloud, _) = try startCloud()
    let subscriber = try Trucksensor.Running(
      URL(fileURLWithPath: "/bin/sh"),
      ["-c", "trap '' HUP; exec \"$0\" subscribe a b", Trucksensor.executable.path], in: truck.folder)
    try subscriber.waitUntil { $0.errorText.contains("subscribed to b") }
    subscriber.interrupt(SIGHUP)
    #expect(try truck.run("publish", "a", "still there").status == 0)
    try subscriber.waitUntil { $0.outputText.contains("still there") }
    subscriber.interrupt(SIGTERM)
    #expect(subscriber.wait().status == 143)
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test func `the broker of a killed run ends with it`() throws {
    let (cloud, _) = try startCloud()
    #expect(brokerRuns())
    cloud.interrupt(SIGKILL)
    _ = cloud.wait()
    let deadline = Date().addingTimeInterval(20)
    while brokerRuns(), Date() < deadline { poll(nil, 0, 20) }
    #expect(!brokerRuns())
  }

  @Test(arguments: ["0", "1"], ["1", "2", "100000"])
  func `as fast as possible, nothing is lost however small the buffer is`(qos: String, buffer: String) throws
  {
    let result = try truck.run(
      "run", "truckSensor01", "--rate", "max", "--count", "2000", "--qos", qos, "--buffer", buffer, "--quiet",
      "--json")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.json["sent"] as? Int == 2000)
    #expect(result.json["acknowledged"] as? Int == 2000)
  }

  /// A device beside the run's own.
  @Test(arguments: ["0", "1"])
  func `a truck asked for more large messages than anyone can make sends them from the first on`(qos: String)
    throws
  {
    let (cloud, _) = try startCloud()
    try provisionSecond(cloud)
    let row = "-18.5," + String(repeating: "x", count: 100_000) + "\n"
    try truck.write("temp,text\n" + String(repeating: row, count: 3), to: "large.csv")
    let sender = try truck.start(
      "simulate", "--device", "second", "--dataset", "large.csv", "--loop", "--rate", "20000", "--qos", qos,
      "--json",
      "--drain-timeout", "1h")
    // There is no last message, so a truck that makes all that is due before it sends never gets here.
    try sender.waitUntil { $0.outputText.utf8.count > 2_000_000 }
    sender.interrupt()
    let ended = sender.wait()
    #expect(ended.status == 130, "\(ended.errors)")
    let last = try #require(ended.output.split(separator: "\n").last)
    let summary = try JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any]
    #expect(summary?["dropped"] as? Int == 0)
    let sent = try #require(summary?["sent"] as? Int)
    #expect(sent >= 20 && summary?["acknowledged"] as? Int == sent)
    cloud.interrupt()
    #expect(cloud.wait().status == 130)
  }

  private func provisionSecond(_ cloud: Trucksensor.Running) throws {
    #expect(try truck.run("provision", "thing", "second").status == 0)
    try cloud.waitUntil { $0.errorText.contains("Registry or policies changed") }
  }

  private func brokerRuns() -> Bool {
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.contains { process in
      guard Int(process) != nil,
        let command = FileManager.default.contents(atPath: "/proc/\(process)/cmdline")
      else {
        return false
      }
      return String(decoding: command, as: UTF8.self).contains(
        truck.folder.lastPathComponent + "/data/broker")
    }
  }
}
