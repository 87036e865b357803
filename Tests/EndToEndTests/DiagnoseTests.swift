import Foundation
import Testing

@Suite(.enabled(if: Trucksensor.isBuilt, "scripts/build.sh builds the executable"))
struct DiagnoseTests {
  private let truck: Trucksensor

  init() throws { truck = try Trucksensor() }

  private func run(_ arguments: [String]) throws -> Trucksensor.Finished {
    try Trucksensor.Running(Trucksensor.executable, arguments, in: truck.folder).wait()
  }

  @Test(arguments: ["-", "/dev/stdin"])
  func `a pipe is diagnosed and reported as the file is`(source: String) throws {
    let path = "TruckSensorFiles/trucksensordata.csv"
    func piped(_ words: String) throws -> Trucksensor.Finished {
      try Trucksensor.Running(
        URL(fileURLWithPath: "/bin/sh"),
        ["-c", "cat \(path) | '\(Trucksensor.executable.path)' \(words)"], in: truck.folder
      ).wait()
    }
    let file = try run(["diagnose", path]).output.split(separator: "\n")
    let result = try piped("diagnose \(source)")
    #expect(result.status == 0 && result.output.hasPrefix("standard input: electrical"), "\(result.errors)")
    #expect(result.output.split(separator: "\n").dropFirst() == file.dropFirst())
    #expect(try piped("report \(source) -o trip.csv").status == 0)
    #expect(try run(["report", path, "-o", "same.csv"]).status == 0)
    let reports = try ["trip.csv", "same.csv"].map {
      try String(contentsOfFile: truck.path($0), encoding: .utf8)
    }
    #expect(reports[0] == reports[1])
  }

  @Test(arguments: [["diagnose"], ["report", "-o", "trip.csv"]])
  func `a range of dates needs a start for seconds of uptime`(words: [String]) throws {
    let record = words + ["TruckSensorFiles/trucksensordata.csv", "--from", "2024-10-23T14:30:00Z"]
    let refused = try run(record)
    #expect(refused.status == 65 && refused.errors.contains("give the time at uptime 0 with --start"))
    #expect(try run(record + ["--start", "2024-10-23T14:00:00Z"]).status == 0)
  }

  @Test func `the original's trip is explained, from the file and from the store alike`() throws {
    let file = try run(["diagnose", "TruckSensorFiles/trucksensordata.csv"])
    #expect(file.status == 0 && file.output.contains("electrical"), "\(file.errors)")
    #expect(file.output.contains("fell from 12.00 to 11.90 V") && file.output.contains("30 s before"))
    let imported = try run([
      "store", "import", "TruckSensorFiles/trucksensordata.csv", "--start", "2024-10-23T14:00:00Z",
    ])
    #expect(imported.status == 0, "\(imported.errors)")
    let store = try run([
      "diagnose", "data/sensorDB.sqlite", "--device", "truckSensor01", "--json", "--time-zone", "+02:00",
    ])
    #expect(store.status == 0 && store.json["verdict"] as? String == "electrical", "\(store.errors)")
    #expect(store.json["from"] as? String == "2024-10-23T14:00:01Z")
    #expect((store.json["headline"] as? String)?.contains("starting at 16:49:") == true)
    let early = try run(["diagnose", "data/sensorDB.sqlite", "--to", "2024-10-23T14:45:00Z", "--json"])
    #expect(early.json["verdict"] as? String == "none", "\(early.output.prefix(300))")
  }

  @Test func `files are compared as a fleet, and scored against labels`() throws {
    var labels: [String: String] = [:]
    for (scenario, cause) in [("healthy", "none"), ("unit-off", "unit-off"), ("sensor-stuck", "sensor")] {
      let made = try run([
        "dataset", "generate", "--scenario", scenario, "--seed", "5", "--duration", "4h", "--with",
        "ambient,location", "-o", "\(scenario).csv",
      ])
      #expect(made.status == 0, "\(made.errors)")
      labels["\(scenario).csv"] = cause
    }
    try truck.write(String(decoding: JSONEncoder().encode(labels), as: UTF8.self), to: "labels.json")
    let files = labels.keys.sorted()
    let text = try run(["diagnose"] + files + ["--score", "labels.json"])
    #expect(text.status == 0 && text.output.contains("macro recall 1.0000 over 3 trips"), "\(text.output)")
    #expect(text.output.contains("Only on hot days? can't say"))
    let json = try run(["diagnose"] + files + ["--json"])
    #expect((json.json["trips"] as? [Any])?.count == 3 && json.json["fleet"] is [String: Any])
  }

  @Test func `a logger's file is reported and diagnosed alike, with its own names, unit, window and zone`()
    throws
  {
    // Fahrenheit, ISO times, and a door in words; the voltage isn't there.
    var text = "Timestamp,Probe 1 (°F),Rear door\n"
    for minute in 0..<300 {
      let celsius = minute < 150 ? -20 + Double(minute % 10) / 10 : 25 - 45 * exp(-Double(minute - 150) / 120)
      let (hour, rest) = ((8 + minute / 60), minute % 60)
      text +=
        "2024-10-23T\(hour < 10 ? "0" : "")\(hour):\(rest < 10 ? "0" : "")\(rest):00Z,\((celsius * 1.8 + 32).rounded()),closed\n"
    }
    try truck.write(text, to: "logger.csv")
    let options = [
      "logger.csv", "--map", "temp=Probe 1 (°F)", "--profile", "ice-cream", "--time-zone", "+02:00",
    ]
    let diagnosis = try run(["diagnose"] + options + ["--json"])
    #expect(diagnosis.status == 0, "\(diagnosis.errors)")
    let verdict = try #require(diagnosis.json["verdict"] as? String)
    #expect(
      (diagnosis.json["headline"] as? String)?.contains("starting at 12:3") == true,
      "\(diagnosis.output.prefix(400))")
    let report = try run(["report"] + options + ["-o", "logger.html"])
    #expect(report.status == 0, "\(report.errors)")
    let page = try String(contentsOfFile: truck.path("logger.html"), encoding: .utf8)
    #expect(page.contains(verdict) && page.contains("ice cream −20 °C") && page.contains("UTC+02:00"))
    #expect(page.contains("<p>Not measured.</p>") && page.contains("voltage not measured"))
    let early = ["--to", "2024-10-23T10:20:00Z"]
    #expect(try run(["diagnose"] + options + early + ["--json"]).json["verdict"] as? String == "none")
    let cut = try run(["report"] + options + early + ["-o", "early.json"])
    #expect(cut.status == 0 && cut.errors.contains("140 readings"), "\(cut.errors)")
  }

  @Test func `an imported trip has its alerts, once`() throws {
    func imported() throws -> String {
      let result = try run([
        "store", "import", "TruckSensorFiles/trucksensordata.csv", "--start", "2024-10-23T14:00:00Z",
      ])
      #expect(result.status == 0, "\(result.errors)")
      return result.errors
    }
    let first = try imported()
    #expect(
      first.contains("alert: Temperature above −15 °C, truckSensor01, since 2024-10-23T14:52:"), "\(first)")
    #expect(first.contains("alert: Voltage below 11.95 V, truckSensor01, since 2024-10-23T14:49:"))
    #expect(first.contains("alert: Above −15 °C for 30 minutes in total"))
    #expect(try !imported().contains("alert:"))
  }

  @Test func `the same options make the same bytes, and --list names the scenarios`() throws {
    let arguments = [
      "dataset", "generate", "--scenario", "hot-day+door-left-open", "--seed", "3", "--varied", "--rows",
      "50",
    ]
    #expect(try run(arguments).output == run(arguments).output)
    #expect(try run(["dataset", "generate", "--list"]).output.contains("door-left-open"))
    let story = try Data(contentsOf: URL(fileURLWithPath: truck.path("TruckSensorFiles/trucksensordata.csv")))
    #expect(try run(["dataset", "generate"]).output == String(decoding: story, as: UTF8.self))
  }

  @Test(
    arguments: [
      (["diagnose", "none.csv"], 65, "none.csv"), (["diagnose", "none.sqlite"], 69, "none.sqlite"),
      (["diagnose", "TruckSensorFiles/trucksensordata.csv", "--profile", "fish"], 64, "--profile takes"),
      (["diagnose", "TruckSensorFiles/trucksensordata.csv", "--map", "temp"], 64, "--map takes"),
      (
        ["diagnose", "TruckSensorFiles/trucksensordata.csv", "--map", "temp=warmth"], 65,
        "has no column 'warmth'"
      ),
      (["diagnose", "TruckSensorFiles/trucksensordata.csv", "--unit", "K"], 64, "--unit takes"),
      (["diagnose", "TruckSensorFiles/trucksensordata.csv", "--time-zone", "Mars"], 64, "--time-zone"),
      (["dataset", "generate", "--scenario", "flood"], 64, "--scenario takes"),
      (["dataset", "generate", "--with", "humidity"], 64, "--with takes"),
    ] as [([String], Int32, String)])
  func `what can't be done is said`(_ arguments: [String], _ status: Int32, _ message: String) throws {
    let result = try run(arguments)
    #expect(result.status == status && result.errors.contains(message), "\(result.status) \(result.errors)")
  }
}
