import Foundation
import Testing

/// The test client, and a fleet, against the broker of a run.
@Suite(.serialized, .enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct TestClientTests {
  let truck: Trucksensor

  init() throws { truck = try Trucksensor() }

  @Test(arguments: ["0", "1", "2"])
  func `what publish sends, subscribe prints with its topic`(qos: String) throws {
    let cloud = try truck.start("run", "truckSensor01", "--interval", "1h", "--quiet")
    try cloud.waitUntil { $0.errorText.contains("Publishing") }
    let subscriber = try truck.start(
      "subscribe", "test/+", "--count", "2", "--timeout", "20s", "--qos", qos, "--json")
    try subscriber.waitUntil { $0.errorText.contains("subscribed to") }
    for text in ["one", "two"] {
      let published = try truck.run("publish", "test/\(text)", text, "--qos", qos)
      #expect(published.status == 0, "\(published.errors)")
    }
    let result = subscriber.wait()
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.lines.count == 3)
    #expect(result.lines[0].contains("\"topic\":\"test/one\""))
    #expect(result.lines[1].contains("\"two\""))
    cloud.interrupt()
    #expect(cloud.wait().status == 130)
  }

  @Test func `subscribe prints what a template says, leaves topics out, and listens as long as it is told`()
    throws
  {
    let broker = try truck.start("broker")
    try broker.waitUntil { !$0.outputText.isEmpty }
    let subscriber = try truck.start(
      "subscribe", "test/#", "-T", "test/secret/+", "-F", #"%t|%p|%x|%l|%q%%\n"#, "--timeout", "3s")
    try subscriber.waitUntil { $0.errorText.contains("subscribed to") }
    for topic in ["test/secret/a", "test/b"] {
      let published = try truck.run("publish", topic, "hé")
      #expect(published.status == 0, "\(published.errors)")
    }
    let result = subscriber.wait()
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output == "test/b|hé|68c3a9|3|1%\n\n")
    let wrong = try truck.run("subscribe", "a", "-F", "%y")
    #expect(wrong.status == 64 && wrong.errors.contains("--format has '%y', which means nothing"))
  }

  @Test func `a device that sends is not disturbed by a second process that would send as it`() throws {
    let run = try truck.start(
      "run", "truckSensor01", "--interval", "1h", "--quiet", "--no-dashboard", "--no-aws")
    try run.waitUntil { $0.errorText.contains("Publishing") }
    try run.waitUntil { _ in
      (try? FileManager.default.contentsOfDirectory(atPath: truck.path("data/engines")))?.count ?? 0 >= 2
    }
    let second = try truck.run("simulate", "--count", "1")
    #expect(second.status == 64, "\(second.errors)")
    #expect(second.errors.contains("another process of this folder sends as 'truckSensor01'"))
    run.interrupt()
    #expect(run.wait().status == 130)
  }

  @Test func `a subscription that hears nothing in time fails and says so`() throws {
    let cloud = try truck.start("run", "truckSensor01", "--interval", "1h", "--quiet")
    try cloud.waitUntil { $0.errorText.contains("Publishing") }
    let result = try truck.run("subscribe", "nothing/here", "--count", "1", "--timeout", "300ms")
    #expect(result.status == 1)
    #expect(result.errors.contains("0 of 1 messages within the --timeout"))
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test func `a fleet's trucks have their own names, certificates and numbering`() throws {
    let result = try truck.run(
      "run", "truck", "--devices", "20", "--topic", "trucks/{device}", "--count", "3", "--rate", "50",
      "--json", "--quiet")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.json["acknowledged"] as? Int == 60)
    for name in ["truck-1", "truck-20"] {
      #expect(FileManager.default.fileExists(atPath: truck.path("certs/\(name).cert.pem")))
    }
  }

  @Test func `a missing broker is said with what to install`() throws {
    let process = Process()
    process.executableURL = Trucksensor.executable
    process.arguments = ["run", "truckSensor01", "--count", "1"]
    process.currentDirectoryURL = truck.folder
    process.environment = ["TRUCKSENSOR_MOSQUITTO": truck.path("nowhere"), "PATH": "/usr/bin"]
    let errors = Pipe()
    process.standardError = errors
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 69)
    #expect(text.contains("mosquitto"))
    #expect(text.contains("scripts/setup.sh"))
  }
}
