import Foundation
import Testing

/// Many trucks of one process, rates that change, and recordings.
@Suite(.serialized, .enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct FleetTests {
  let truck: Trucksensor

  init() throws {
    truck = try Trucksensor()
    try FileManager.default.copyItem(
      at: Trucksensor.repository.appendingPathComponent("rules"),
      to: truck.folder.appendingPathComponent("rules"))
  }

  private func messages(_ result: Trucksensor.Finished) -> [[String: Any]] {
    result.lines.compactMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
      .filter { $0["n"] != nil }
  }

  /// A run whose own truck is silent, so that others have a broker.
  private func startCloud() throws -> Trucksensor.Running {
    let cloud = try truck.start(
      "run", "truckSensor01", "--interval", "1h", "--quiet", "--no-dashboard", "--no-aws")
    try cloud.waitUntil { $0.errorText.contains("Publishing") }
    return cloud
  }

  @Test func `a fleet's trucks differ in their rows and their moments, and one rule stores them all`() throws
  {
    let result = try truck.run(
      "run", "truck", "--devices", "4", "--topic", "truck/{device}/freezer", "--rate", "10", "--count", "5",
      "--qos", "1", "--no-dashboard", "--no-aws")
    #expect(result.status == 0, "\(result.errors)")
    let first = messages(result).filter { $0["n"] as? String == "1" }
    #expect(Set(first.compactMap { $0["uptime"] as? String }).count == 4)
    let moments = first.compactMap { $0["timestamp"] as? Double }.sorted()
    #expect(moments.count == 4)
    for (one, next) in zip(moments, moments.dropFirst()) { #expect(abs(next - one - 0.025) < 0.0001) }
    let stored = try truck.run(
      "store", "query",
      "SELECT device, COUNT(*) FROM truck01_sensors WHERE measure_name = 'temp' GROUP BY device ORDER BY device"
    )
    for number in 1...4 {
      #expect(stored.output.contains("truck-\(number),5"), "\(stored.output)\(stored.errors)")
    }
  }

  @Test func `each truck of a fleet drives the scenario of its share, on a trip of its own`() throws {
    let result = try truck.run(
      "run", "truck", "--devices", "10", "--scenarios", "healthy:0.8,sensor-stuck:0.2", "--rate", "50",
      "--count",
      "20", "--no-dashboard", "--no-aws", "--stagger", "none", "--connect-rate", "1000")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("scenarios: healthy 8 (truck-"))
    #expect(result.errors.contains("sensor-stuck 2 (truck-"))
    let last = messages(result).filter { $0["n"] as? String == "20" }
    #expect(last.count == 10)
    #expect(Set(last.map { "\($0["volts"] ?? "") \($0["temp"] ?? "")" }).count == 10)
  }

  @Test func `a fleet's names come from the registry or a file`() throws {
    let cloud = try startCloud()
    #expect(try truck.run("provision", "fleet", "--prefix", "t", "--count", "3").status == 0)
    try cloud.waitUntil { $0.errorText.contains("Registry or policies changed") }
    try truck.write("t3\n\n t1 \n", to: "names.txt")
    for (source, devices) in [("registry", 4), ("names.txt", 2)] {
      let result = try truck.run(
        "simulate", "--names-from", source, "--count", "2", "--rate", "50", "--quiet", "--json")
      #expect(result.json["trucks"] as? Int == devices, "\(result.errors)")
      #expect(result.json["acknowledged"] as? Int == 2 * devices)
    }
    let tooMany = try truck.run("simulate", "--names-from", "names.txt", "--devices", "3")
    #expect(tooMany.status == 64 && tooMany.errors.contains("only 2 names"))
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test func `a profile's rates are kept one after the other, and each is told`() throws {
    try truck.write("0,40\n500ms,0\n1s,100\n1500ms,0\n", to: "profile.csv")
    let result = try truck.run(
      "run", "truckSensor01", "--profile", "profile.csv", "--quiet", "--json", "--no-dashboard", "--no-aws")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.json["acknowledged"] as? Int == 70)
    let phases = try #require(result.json["phases"] as? [[String: Any]])
    #expect(phases.prefix(3).compactMap { $0["askedRate"] as? Double } == [40, 0, 100])
    #expect(phases.compactMap { $0["acknowledged"] as? Int }.reduce(0, +) == 70)
  }

  @Test func `a message on the control topic sets the rate, and anything else is reported`() throws {
    let run = try truck.start(
      "run", "truckSensor01", "--interval", "1h", "--control-topic", "truck/control", "--no-dashboard",
      "--no-aws")
    try run.waitUntil { $0.errorText.contains("taking rates from truck/control") }
    #expect(try truck.run("publish", "truck/control", "fast").status == 0)
    try run.waitUntil { $0.errorText.contains("control topic: the rate 'fast' is not understood") }
    #expect(try truck.run("publish", "truck/control", "{\"rate\": 50}").status == 0)
    try run.waitUntil { $0.outputText.contains("\"n\":\"10\"") }
    run.interrupt()
    let result = run.wait()
    #expect(result.errors.contains("asked 50.000/s"), "\(result.errors)")
  }

  @Test func `one message has no rate, and a speed says what it asked`() throws {
    let one = try truck.run(
      "run", "truckSensor01", "--count", "1", "--json", "--quiet", "--no-dashboard", "--no-aws")
    #expect(one.json["reachedRate"] is NSNull)
    let fast = try truck.run(
      "run", "truckSensor01", "--count", "10", "--speed", "60", "--quiet", "--no-dashboard", "--no-aws")
    #expect(fast.errors.contains("speed asked 60.000 times the dataset's, reached "), "\(fast.errors)")
  }

  @Test func `a recording replays the same messages, each due when it was recorded`() throws {
    let cloud = try startCloud()
    #expect(try truck.run("provision", "thing", "second").status == 0)
    try cloud.waitUntil { $0.errorText.contains("Registry or policies changed") }
    let recorder = try truck.start("record", "truck/freezer", "--count", "60", "-o", "trip.csv", "--json")
    try recorder.waitUntil { $0.errorText.contains("recording truck/freezer to trip.csv") }
    let live = try truck.run(
      "simulate", "--device", "second", "--count", "60", "--rate", "60", "--jitter", "1", "--qos", "1")
    #expect(live.status == 0, "\(live.errors)")
    let recorded = recorder.wait()
    #expect(recorded.status == 0, "\(recorded.errors)")
    #expect(recorded.json["recorded"] as? Int == 60)
    let replayed = try truck.run(
      "simulate", "--device", "second", "--dataset", "trip.csv", "--speed", "1", "--qos", "1")
    #expect(replayed.status == 0, "\(replayed.errors)")
    let (before, after) = (messages(live), messages(replayed))
    #expect(before.count == 60 && after.count == 60)
    let arrivals = try String(contentsOfFile: truck.path("trip.csv"), encoding: .utf8).split(separator: "\n")
      .dropFirst().map { Double($0.prefix { $0 != "," }) ?? 0 }
    for (index, (one, other)) in zip(before, after).enumerated() {
      for field in ["uptime", "volts", "temp", "door", "n"] {
        #expect(one[field] as? String == other[field] as? String)
      }
      // A message's time stamp is the moment at which it was due.
      let due = (other["timestamp"] as? Double ?? 0) - (after[0]["timestamp"] as? Double ?? 0)
      #expect(abs(due - (arrivals[index] - arrivals[0])) < 0.002)
    }
    let again = try truck.run("record", "truck/freezer", "-o", "trip.csv")
    #expect(again.status == 64 && again.errors.contains("trip.csv already exists"))
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test func `bench publish finds a rate that doesn't hold, says what gave way, and draws it`() throws {
    let cloud = try startCloud()
    // A window of one message carries no more than one message a round trip.
    let result = try truck.run(
      "bench", "publish", "--find-limit", "--rate", "2000", "--step", "100ms", "--window", "1", "--html",
      "limit.html", "--json")
    #expect(result.status == 0 || result.status == 1, "\(result.errors)")
    let steps = try #require(result.json["steps"] as? [[String: Any]])
    #expect(steps.contains { !($0["reasons"] as? [String] ?? []).isEmpty })
    #expect((result.json["cause"] as? String)?.isEmpty == false)
    for step in steps { #expect(step["sent"] as? Int == step["acknowledged"] as? Int) }
    let page = try String(contentsOfFile: truck.path("limit.html"), encoding: .utf8)
    #expect(page.contains("</svg>") && page.contains("</html>"))
    let once = try truck.run("bench", "publish", "--rate", "50", "--step", "200ms")
    #expect(once.output.contains("50/s"), "\(once.output)\(once.errors)")
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test func `a truck that the broker refuses doesn't end the others`() throws {
    let fleet = try truck.start(
      "run", "t", "--devices", "3", "--topic", "truck/{device}/freezer", "--rate", "10", "--count", "60",
      "--qos", "1", "--no-dashboard", "--no-aws")
    try fleet.waitUntil { $0.outputText.contains("\"n\":\"5\"") }
    let answer = try truck.run("provision", "cert", "deactivate", "t-2")
    #expect(answer.errors.contains("The certificate of 't-2' is INACTIVE."), "\(answer.errors)")
    let result = fleet.wait()
    #expect(result.status == 77, "\(result.errors)")
    #expect(result.errors.contains("; 2 other trucks go on"), "\(result.errors)")
    #expect(
      result.errors.contains("The reason is: t-2: the certificate is INACTIVE; run"), "\(result.errors)")
    let complete = messages(result).filter { $0["n"] as? String == "60" }
    #expect(complete.count == 2)
    #expect(messages(result).count < 180)
  }
}
