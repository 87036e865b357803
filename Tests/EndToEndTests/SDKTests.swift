import Foundation
import Testing

/// AWS's own device SDKs for Python, unmodified, as devices of a run.
@Suite(.serialized, .enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct SDKTests {
  private static let python = Trucksensor.repository.appendingPathComponent(".build/aws-tools/bin/python")

  private static func hasPackage(_ name: String) -> Bool {
    let folder = Trucksensor.repository.appendingPathComponent(".build/aws-tools/lib").path
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return versions.contains {
      FileManager.default.fileExists(atPath: "\(folder)/\($0)/site-packages/\(name)")
    }
  }

  @Test(
    .enabled(
      if: hasPackage("AWSIoTPythonSDK") && hasPackage("awsiot"),
      "scripts/test-tools.sh could not install AWSIoTPythonSDK and awsiotsdk"),
    arguments: ["v1", "v2", "v2-mqtt5"])
  func `a device with AWS's SDK is let in as itself, and its readings are stored`(kind: String) throws {
    let truck = try Trucksensor()
    for folder in ["policies", "rules"] {
      try FileManager.default.createDirectory(atPath: truck.path(folder), withIntermediateDirectories: true)
    }
    try FileManager.default.copyItem(
      at: Trucksensor.repository.appendingPathComponent("rules/truckAnalyze.json"),
      to: URL(fileURLWithPath: truck.path("rules/truckAnalyze.json")))
    try truck.write(
      #"""
      {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect",
         "Resource": "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}"},
        {"Effect": "Allow", "Action": "iot:Publish",
         "Resource": ["arn:aws:iot:*:*:topic/truck/freezer", "arn:aws:iot:*:*:topic/truck/orders"]},
        {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "arn:aws:iot:*:*:topicfilter/truck/orders"},
        {"Effect": "Allow", "Action": "iot:Receive", "Resource": "arn:aws:iot:*:*:topic/truck/orders"}]}
      """#, to: "policies/sdk.json")
    for thing in ["sdkThing", "otherThing"] {
      let made = try truck.run("provision", "thing", thing, "--policy", "sdk")
      #expect(made.status == 0, "\(made.errors)")
    }
    let second = Int.random(in: 23_000...23_999)
    let cloud = try truck.start(
      "run", "truckSensor01", "--interval", "1h", "--quiet", "--no-dashboard", "--port-443", "\(second)")
    try cloud.waitUntil { $0.errorText.contains("Publishing") }
    let script = Trucksensor.repository.appendingPathComponent("Tests/EndToEndTests/sdk.py").path
    let device = try Trucksensor.Running(
      Self.python, [script, kind, "\(second)", "sdkThing", "otherThing"], in: truck.folder
    ).wait()
    let result = device.json
    let told = "\(result) \(device.errors) \(cloud.errorText)"
    #expect(result["connects"] as? Bool == true, "\(told)")
    #expect(result["publishes"] as? [Bool] == [true, true, true], "\(told)")
    #expect(result["subscribes"] as? Bool == true, "\(told)")
    #expect(result["subscribes to the denied topic"] as? Bool == false, "\(told)")
    #expect(result["receives"] as? Bool == true, "\(told)")
    if kind == "v2-mqtt5" { #expect(result["publishes to the denied topic"] as? Bool == false, "\(told)") }
    #expect(result["is disconnected"] as? Bool == (kind != "v2-mqtt5"), "\(told)")
    #expect(result["publishes as another"] as? Bool == false, "\(told)")
    cloud.interrupt()
    _ = cloud.wait()
    let stored = try truck.run(
      "store", "query",
      "SELECT device, count(*) AS n FROM sensorDB.truck01_sensors WHERE measure_name = 'temp' GROUP BY device"
    )
    #expect(stored.output.contains("sdkThing"), "\(stored.output)\(stored.errors)\(told)")
    #expect(!stored.output.contains("otherThing"), "\(stored.output)")
  }
}
