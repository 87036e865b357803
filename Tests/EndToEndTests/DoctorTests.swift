import Foundation
import Identity
import Testing

/// The doctor names the cause of each broken set-up.
@Suite(.serialized, .enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct DoctorTests {
  let truck: Trucksensor

  init() throws { truck = try Trucksensor() }

  private func startCloud() throws -> Trucksensor.Running {
    let cloud = try truck.start("run", "truckSensor01", "--interval", "1h", "--quiet")
    try cloud.waitUntil { $0.errorText.contains("mutual TLS") && $0.errorText.contains("Publishing") }
    return cloud
  }

  private func doctor(_ options: [String]) throws -> Trucksensor.Finished {
    try Trucksensor.Running(Trucksensor.executable, ["doctor"] + options, in: truck.folder).wait()
  }

  /// The failed step and its text.
  private func expect(
    _ options: [String], _ status: Int32, _ step: String, _ text: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let result = try doctor(options)
    #expect(result.status == status, "\(result.output)\(result.errors)", sourceLocation: sourceLocation)
    let failed = result.lines.first { $0.hasPrefix("FAILED") } ?? ""
    #expect(failed.contains(step + ":"), "\(result.output)", sourceLocation: sourceLocation)
    #expect(failed.contains(text), "\(result.output)", sourceLocation: sourceLocation)
  }

  @Test func `each broken file is named`() throws {
    let authority = try CertificateAuthority(directory: truck.path("data/ca"))
    let foreign = try CertificateAuthority(directory: truck.path("foreign"))
    let step = "certificate, key and CA"
    func kit(_ name: String, _ issued: IssuedCertificate) throws -> ConnectionKit {
      let kit = try ConnectionKit(directory: truck.path("certs"), deviceName: name)
      try kit.write(issued, rootPEM: authority.certificatePEM(), overwrite: true)
      return kit
    }
    func write(_ text: String, _ path: String) throws {
      try text.write(toFile: path, atomically: false, encoding: .utf8)
    }
    try expect(["nobody"], 77, step, "provision thing nobody")
    var made = try kit("noKey", authority.issueDevice(commonName: "noKey"))
    try FileManager.default.removeItem(atPath: made.privateKeyPath)
    try expect(["noKey"], 77, step, "certs/noKey.private.key")
    made = try kit("garbage", authority.issueDevice(commonName: "garbage"))
    try write("garbage\n", made.certificatePath)
    try expect(["garbage"], 77, step, "certs/garbage.cert.pem")
    made = try kit("mismatch", authority.issueDevice(commonName: "mismatch"))
    try write(authority.issueDevice(commonName: "mismatch").privateKeyPEM, made.privateKeyPath)
    try expect(["mismatch"], 77, step, "certs/mismatch.private.key")
    _ = try kit("old", authority.issueDevice(commonName: "old", days: 1, now: Date() - 864_000))
    try expect(["old"], 77, step, "expired on")
    _ = try kit("early", authority.issueDevice(commonName: "early", now: Date() + 864_000))
    try expect(["early"], 77, step, "clock")
    _ = try kit("server", authority.issueServer(commonName: "server", dnsNames: ["localhost"]))
    try expect(["server"], 77, step, "clientAuth")
    _ = try kit("alien", foreign.issueDevice(commonName: "alien"))
    try expect(["alien", "--ca", "data/ca/root-CA.crt"], 77, step, "certs/alien.cert.pem")
    try expect(["mismatch", "--ca", "missing.crt"], 77, step, "missing.crt")
    _ = try kit("stranger", authority.issueDevice(commonName: "stranger"))
    try expect(["stranger", "--ca", "data/ca/root-CA.crt"], 77, "registry and policies", "isn't registered")
    try expect(["stranger", "--endpoint", "no-such-host.invalid"], 69, "host name", "has no address")
    try expect(["stranger", "--endpoint", "127.0.0.1:1"], 69, "TCP", "Connection refused")
  }

  @Test func `a folder that can't be written and a missing CA are named`() throws {
    let missing = try truck.run("subscribe", "a", "--endpoint", "127.0.0.1:1")
    #expect(missing.status == 77)
    #expect(
      missing.errors.contains(
        "can't read the CA's certificate certs/root-CA.crt: no such file or folder; give its file with --ca"),
      "\(missing.errors)")
    // Root may write anywhere but into a file.
    try truck.write("", to: "data")
    let blocked = try truck.run("run", "truckSensor01", "--count", "1")
    #expect(blocked.status == 1, "\(blocked.errors)")
    #expect(blocked.errors.contains("can't make the folder data: "), "\(blocked.errors)")
    #expect(!blocked.errors.contains("No such file"), "\(blocked.errors)")
  }

  @Test
  func `output that can't be written, and input that can't be read, have their own words and exit codes`()
    throws
  {
    let shell = URL(fileURLWithPath: "/bin/sh")
    let full = try Trucksensor.Running(
      shell, ["-c", "exec \"$0\" --help > /dev/full", Trucksensor.executable.path], in: truck.folder
    ).wait()
    #expect(full.status == 1)
    #expect(full.errors == "trucksensor: can't write standard output: No space left on device\n")
    for (words, text) in [
      (["rules", "check", "."], "can't read ./: it is a folder"),
      (["policy", "check", "missing.json"], "can't read missing.json: no such file or folder"),
      (["rules", "test", "missing.json"], "can't read missing.json: no such file or folder"),
    ] {
      let result = try Trucksensor.Running(Trucksensor.executable, words, in: truck.folder).wait()
      #expect(result.status == 65, "\(result.errors)")
      if words[1] != "check" || words[0] == "policy" {
        #expect(result.errors.contains(text), "\(result.errors)")
      }
    }
    let folder = try Trucksensor.Running(
      shell, ["-c", "exec \"$0\" rules eval --sql \"SELECT * FROM 'a'\" < .", Trucksensor.executable.path],
      in: truck.folder
    ).wait()
    #expect(folder.status == 65)
    #expect(folder.errors.contains("can't read standard input: Is a directory"), "\(folder.errors)")
  }

  @Test func `each refusal of a running broker is named`() throws {
    let cloud = try startCloud()
    let well = try doctor(["truckSensor01", "--client-id", "truckSensor01"])
    #expect(well.status == 0, "\(well.output)\(well.errors)")
    #expect(well.output.contains("TLSv1.3"))
    #expect(
      well.output.contains("not tried, because a client is connected as 'truckSensor01'"), "\(well.output)")
    let policy = "registry and policies"
    try expect(
      ["truckSensor01", "--client-id", "other"], 77, policy, "iot:Connect on client/other is IMPLICIT_DENY")
    try expect(["truckSensor01", "--topic", "truck/secret"], 77, policy, "iot:Publish on topic/truck/secret")
    for name in ["well", "inactive", "revoked", "bare"] {
      #expect(try truck.run("provision", "thing", name).status == 0)
    }
    #expect(try truck.run("provision", "cert", "deactivate", "inactive").status == 0)
    #expect(try truck.run("provision", "cert", "revoke", "revoked").status == 0)
    #expect(try truck.run("provision", "policy", "detach", "truckSensor-policy", "bare").status == 0)
    let signedIn = try doctor(["well"])
    #expect(
      signedIn.output.contains("as 'well', which may publish to 'truck/freezer'"), "\(signedIn.output)")
    try expect(["inactive"], 77, policy, "provision cert activate inactive")
    try expect(["revoked"], 77, policy, "provision cert rotate revoked")
    try expect(["bare"], 77, policy, "provision policy attach truckSensor-policy bare")
    let port = String(try #require(cloud.errorText.firstMatch(of: /127\.0\.0\.1:(\d+), mutual/)?.1))
    // The broker's own words, where the registry isn't asked.
    try cloud.waitUntil {
      $0.errorText.components(separatedBy: "bare may not connect").last?.contains("enforces them now")
        ?? false
        && $0.errorText.contains("bare may not connect")
    }
    // By now, the truck would have reported that it was disconnected.
    #expect(!cloud.errorText.contains("lost"), "\(cloud.errorText)")
    let remote = ["--endpoint", "127.0.0.1:\(port)", "--ca", "data/ca/root-CA.crt"]
    try expect(["revoked"] + remote, 77, "MQTT sign-in and publish", "not authorized")
    try expect(["truckSensor01", "--topic", "x"] + remote, 77, "MQTT sign-in and publish", "not authorized")
    _ = try CertificateAuthority(directory: truck.path("foreign"))
    try expect(
      ["truckSensor01", "--endpoint", "127.0.0.1:\(port)", "--ca", "foreign/root-CA.crt"], 77, "TLS",
      "was not accepted")
    try expect(
      ["truckSensor01", "--endpoint", "127.0.0.2:\(port)", "--ca", "data/ca/root-CA.crt"], 69, "TCP",
      "refused")
    let json = try doctor(["truckSensor01", "--json"])
    let steps = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: String]]
    #expect(steps?.map { $0["state"] } == Array(repeating: "ok", count: 7))
    cloud.interrupt()
    let ended = cloud.wait()
    #expect(ended.status == 130, "\(ended.errors)")
    // No rule got a message of the doctor's.
    #expect(!ended.errors.contains("problem"), "\(ended.errors)")
    try expect(["truckSensor01", "--ca", "data/ca/root-CA.crt"], 69, "TCP", "./start.sh truckSensor01")
  }
}
