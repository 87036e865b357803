import Foundation
import Testing

@Suite(.enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct ConfigurationTests {
  private let truck: Trucksensor

  init() throws { truck = try Trucksensor() }

  private func run(_ environment: [String], _ words: String...) throws -> Trucksensor.Finished {
    try Trucksensor.Running(
      URL(fileURLWithPath: "/usr/bin/env"), environment + [Trucksensor.executable.path] + words,
      in: truck.folder
    ).wait()
  }

  @Test
  func
    `simulate needs no other process: it runs a broker, takes its options from everywhere, and ends the broker`()
    throws
  {
    try truck.write(
      #"{"rate": "max", "simulate": {"qos": 1, "count": 7, "quiet": true}}"#, to: "trucksensor.json")
    let result = try run(
      ["TRUCKSENSOR_COUNT=5", "TRUCKSENSOR_DATA=cloud/data", "TRUCKSENSOR_JSON=1"], "simulate")
    #expect(result.status == 0, "\(result.errors)")
    // Standard output has the summary only.
    #expect(result.output.split(separator: "\n").count == 1)
    #expect(result.json["acknowledged"] as? Int == 5)
    #expect(FileManager.default.fileExists(atPath: truck.path("cloud/data/registry.json")))
    #expect(!FileManager.default.fileExists(atPath: truck.path("data")))
    // Only if no broker is left.
    let reset = try truck.run("reset", "--data", "cloud/data", "--yes")
    #expect(reset.status == 0, "\(reset.errors)")
  }

  @Test func `config shows each value with its source, and warns of variables that set nothing`() throws {
    try truck.write(#"{"rate": 5, "simulate": {"count": 7}}"#, to: "trucksensor.json")
    let result = try run(["TRUCKSENSOR_CERTS=kits", "TRUCKSENSOR_ENDPONT=x"], "config", "--json")
    #expect(result.status == 0, "\(result.errors)")
    let rows = try #require(
      JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]])
    let texts = rows.map { row in
      ["command", "option", "value", "source"].map { row[$0] as? String ?? "-" }.joined(separator: " ")
    }
    #expect(
      texts == [
        "- config trucksensor.json file", "- data data default", "- certs kits TRUCKSENSOR_CERTS",
        "- rate 5 trucksensor.json:1:2", "simulate count 7 trucksensor.json:1:26",
      ])
    #expect(
      result.errors == "warning: TRUCKSENSOR_ENDPONT sets no option; did you mean 'TRUCKSENSOR_ENDPOINT'?\n")
  }

  @Test func `an unknown setting ends every command before it does anything`() throws {
    try truck.write("{\n  \"endpiont\": \"x\"\n}", to: "trucksensor.json")
    let result = try truck.run("simulate")
    #expect(result.status == 65)
    #expect(
      result.errors
        == "trucksensor: trucksensor.json:2:3: unknown setting 'endpiont'; did you mean 'endpoint'?\n")
  }

  @Test func `the broker alone prints its port, serves simulate, and ends with 0 on SIGTERM`() throws {
    let broker = try truck.start("broker", "truckA", "truckB", "--json")
    try broker.waitUntil { !$0.outputText.isEmpty }
    #expect(broker.outputText.hasPrefix("{\"port\":"))
    let sent = try truck.run("simulate", "--device", "truckB", "--count", "3", "--rate", "max", "--qos", "1")
    #expect(sent.status == 0, "\(sent.errors)")
    let busy = try truck.run("reset", "--yes")
    #expect(busy.status == 69 && busy.errors.contains("a local broker runs in this folder on port"))
    broker.interrupt(SIGTERM)
    #expect(broker.wait().status == 0)
  }

  @Test func `reset deletes what a local CA has made, and keeps the keys of a connection kit`() throws {
    #expect(try truck.run("simulate", "--count", "1", "--rate", "max").status == 0)
    for name in ["kit.cert.pem", "kit.private.key"] { try truck.write("of AWS", to: "certs/\(name)") }
    let dry = try truck.run("reset", "--dry-run")
    #expect(dry.status == 0 && dry.output.contains("certs/truckSensor01.private.key\n"))
    #expect(dry.output.contains("data/ca/\n") && !dry.output.contains("kit"))
    #expect(dry.errors.contains("certs/kit.private.key stays"))
    let unasked = try truck.run("reset")
    #expect(unasked.status == 64 && unasked.errors.contains("--yes"))
    #expect(FileManager.default.fileExists(atPath: truck.path("certs/truckSensor01.private.key")))
    #expect(try truck.run("reset", "--yes").status == 0)
    let left = try FileManager.default.contentsOfDirectory(atPath: truck.path("certs")).sorted()
    #expect(left == ["kit.cert.pem", "kit.private.key"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: truck.path("data")) == [])
  }

  @Test func `a removed data folder explains itself in one sentence, and reset fixes it`() throws {
    #expect(try truck.run("simulate", "--count", "1", "--rate", "max").status == 0)
    try FileManager.default.removeItem(atPath: truck.path("data"))
    let refused = try truck.run("simulate", "--count", "1", "--rate", "max")
    #expect(refused.status == 77)
    let lines = refused.errors.split(separator: "\n").filter { $0.hasPrefix("trucksensor: ") }
    #expect(lines.count == 1)
    #expect(lines.first?.contains("3 certificates from an earlier local CA") == true)
    #expect(lines.first?.contains("run 'trucksensor reset'") == true)
    #expect(try truck.run("reset", "--yes").status == 0)
    #expect(try truck.run("simulate", "--count", "1", "--rate", "max").status == 0)
  }

  @Test func `prune says how much it deletes and asks, and a retention can be unlimited again`() throws {
    try truck.write("time,temp\n2024-10-01T00:00:00Z,1\n2024-10-02T00:00:00Z,2\n", to: "a.csv")
    #expect(try truck.run("store", "import", "a.csv").status == 0)
    let set = try truck.run("store", "tables", "truck01_sensors", "--magnetic-days", "30")
    #expect(set.errors.contains("2 readings of it are older than that"))
    let dry = try truck.run("store", "prune", "--dry-run")
    #expect(dry.status == 0 && dry.errors.contains("truck01_sensors: 2 readings to delete"))
    #expect(try truck.run("store", "prune").status == 64)
    let kept = try truck.run("store", "tables", "truck01_sensors", "--memory-hours", "5")
    #expect(
      kept.output.contains("2 readings") && kept.output.contains("memory store 5 h, magnetic store 30 days"))
    let back = try truck.run("store", "tables", "truck01_sensors", "--magnetic-days", "unlimited")
    #expect(back.output.contains("memory store 5 h, magnetic store unlimited"))
    #expect(try truck.run("store", "prune").status == 0)
    let pruned = try truck.run("store", "prune", "--before", "2024-10-02", "--yes")
    #expect(pruned.status == 0 && pruned.errors.contains("1 reading deleted"))
  }

  @Test func `provision with --dry-run makes nothing, and a mistyped action makes nothing either`() throws {
    #expect(
      try truck.run("provision", "thing", "truckA", "--dry-run").output.contains("certs/truckA.private.key"))
    #expect(try truck.run("provision", "fleet", "--count", "3", "--dry-run").errors.contains("3 of 3 things"))
    #expect(try truck.run("provision", "thing", "lst").errors.contains("did you mean 'list'?"))
    #expect(!FileManager.default.fileExists(atPath: truck.path("certs")))
    #expect(!FileManager.default.fileExists(atPath: truck.path("data/registry.json")))
  }

  @Test func `the log as JSON has a time, a level and a message on each line`() throws {
    let result = try truck.run("simulate", "--count", "1", "--rate", "max", "--log-format", "json")
    let lines = result.errors.split(separator: "\n").map(String.init)
    #expect(lines.count > 3)
    for line in lines {
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
      #expect(object.map { Set($0.keys) } == ["time", "level", "message"], "\(line)")
      #expect(object?["level"] == "info", "\(line)")
    }
    let refused = try truck.run("simulate", "--dataset", "none.csv", "--log-format", "json").errors
    #expect(
      refused.contains("\"level\":\"error\",\"message\":\"none.csv: can't open the dataset"), "\(refused)")
    let details = try truck.run("simulate", "--count", "1", "-v", "--log-format", "json").errors
    #expect(
      details.contains(/"level":"debug","message":"truckSensor01: connected to [^"]* with MQTT 5, TLSv1\.3/),
      "\(details)")
  }

  @Test func `a group of commands has help, and run refuses an invalid store before anything starts`()
    throws
  {
    let help = try truck.run("rules", "--help")
    #expect(help.status == 0 && help.output.contains("rules eval"))
    try truck.write("no store", to: "text.sqlite")
    let refused = try truck.run("run", "truckA", "--store", "text.sqlite", "--count", "1")
    #expect(refused.status == 65 && !refused.errors.contains("Local broker"), "\(refused.errors)")
    let folder = try truck.run("store", "query", "--store", truck.folder.path, "SELECT 1")
    #expect(folder.status == 65 && folder.errors.contains("is a folder, not a store"))
    let failed = try truck.run("store", "import", "missing.csv", "--store", "new.sqlite")
    #expect(failed.status == 65)
  }

  @Test func `alerts reach a webhook and a mail server, at the second attempt if need be`() throws {
    let server = try truck.start(
      Trucksensor.repository.appendingPathComponent("Tests/EndToEndTests/alerts.py").path,
      program: URL(fileURLWithPath: "/usr/bin/python3"))
    try server.waitUntil { $0.outputText.contains("ports") }
    let first = Data((server.outputText.split(separator: "\n").first ?? "").utf8)
    let ports = try #require((JSONSerialization.jsonObject(with: first) as? [String: [Int]])?["ports"])
    try FileManager.default.copyItem(
      at: Trucksensor.repository.appendingPathComponent("rules"),
      to: truck.folder.appendingPathComponent("rules"))
    try truck.write(
      #"{"alerts": [{"name": "warm", "title": "Wärme", "measure": "temp", "condition": "above", "threshold": 0, "delay": 0}]}"#,
      to: "rules/alerts.json")
    let run = try truck.start(
      "run", "truckA", "--quiet", "--rate", "20", "--alert-webhook", "http://127.0.0.1:\(ports[0])/hook",
      "--alert-mail", "driver@example.org", "--smtp", "smtp://127.0.0.1:\(ports[1])", "--no-aws",
      "--dashboard-port", "0")
    try run.waitUntil { _ in
      let lines = server.outputText.split(separator: "\n")
      return lines.contains { $0.contains("\"200\"") } && lines.contains { $0.contains("\"refused\": false") }
    }
    run.interrupt()
    #expect(run.wait().status == 130)
    let objects = server.outputText.split(separator: "\n").compactMap {
      try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
    let hooks = objects.filter { $0["kind"] as? String == "webhook" }
    #expect(hooks.first?["status"] as? String == "503" && hooks.first?["type"] as? Bool == true)
    let body = try #require(hooks.first?["body"] as? String)
    #expect(hooks.contains { $0["status"] as? String == "200" && $0["body"] as? String == body })
    #expect(body.contains("\"truckA\""))
    let mail = try #require(
      objects.first { $0["kind"] as? String == "mail" && $0["refused"] as? Bool == false })
    #expect(mail["recipients"] as? [String] == ["driver@example.org"])
    let message = try #require(mail["message"] as? String)
    #expect(message.hasPrefix("From: trucksensor@localhost\r\nTo: driver@example.org\r\nSubject: =?UTF-8?B?"))
    let text = message.components(separatedBy: "\r\n\r\n").last ?? ""
    let decoded = Data(base64Encoded: text, options: .ignoreUnknownCharacters) ?? Data()
    #expect(String(decoding: decoded, as: UTF8.self).contains("Wärme, truckA"))
  }
}
