import Foundation
import Identity
import Testing

/// Each way in which a device's certificate, key or CA is wrong is told by its name, before or after the broker refuses.
@Suite(.serialized, .enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct CredentialTests {
  private static let day = 86_400.0
  let truck: Trucksensor

  init() throws { truck = try Trucksensor() }

  /// Makes the local CA and truckSensor01's kit as a run at `now` would have.
  @discardableResult
  private func makeKit(now: Date = Date(), days: Int = 365) throws -> ConnectionKit {
    let authority = try CertificateAuthority(directory: truck.path("data/ca"))
    let kit = try ConnectionKit(directory: truck.path("certs"), deviceName: "truckSensor01")
    try kit.write(
      authority.issueDevice(commonName: "truckSensor01", days: days, now: now),
      rootPEM: authority.certificatePEM())
    return kit
  }

  private func run(_ options: String...) throws -> Trucksensor.Finished {
    try Trucksensor.Running(
      Trucksensor.executable, ["run", "truckSensor01", "--count", "1"] + options, in: truck.folder
    ).wait()
  }

  @Test func `an expired certificate`() throws {
    try makeKit(now: Date() - 10 * Self.day, days: 2)
    let result = try run()
    #expect(result.status == 77)
    #expect(result.errors.contains("certs/truckSensor01.cert.pem expired on"))
  }

  @Test func `a certificate that is not valid yet`() throws {
    try makeKit(now: Date() + 10 * Self.day)
    let result = try run()
    #expect(result.status == 77)
    #expect(result.errors.contains("clock"))
  }

  @Test func `a key of another certificate`() throws {
    let kit = try makeKit()
    let other = try CertificateAuthority(directory: truck.path("data/ca")).issueDevice(commonName: "other")
    try Data(other.privateKeyPEM.utf8).write(to: URL(fileURLWithPath: kit.privateKeyPath))
    let result = try run()
    #expect(result.status == 77)
    #expect(result.errors.contains("certs/truckSensor01.private.key"))
  }

  @Test func `a key that others may read is warned of`() throws {
    let kit = try makeKit()
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: kit.privateKeyPath)
    let result = try run()
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("is readable by others (mode 0644); run 'chmod 600"))
  }

  @Test(arguments: [
    "", "not a certificate\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
  ])
  func `a damaged certificate`(text: String) throws {
    let kit = try makeKit()
    try Data(text.utf8).write(to: URL(fileURLWithPath: kit.certificatePath))
    let result = try run()
    #expect(result.status == 77)
    #expect(result.errors.contains("certs/truckSensor01.cert.pem"))
  }

  @Test func `a missing key`() throws {
    try FileManager.default.removeItem(atPath: makeKit().privateKeyPath)
    let result = try run()
    #expect(result.status == 77)
    #expect(result.errors.contains("certs/truckSensor01.private.key"))
  }

  @Test func `a missing kit for another endpoint`() throws {
    let result = try run("--endpoint", "127.0.0.1:1")
    #expect(result.status == 77)
    #expect(result.errors.contains("certs/root-CA.crt"))
  }

  @Test func `a certificate of another CA is not taken for a local run`() throws {
    try makeKit()
    try FileManager.default.removeItem(atPath: truck.path("data/ca"))
    let result = try run()
    #expect(result.status == 77)
    #expect(result.errors.contains("the certificate of truckSensor01 from an earlier local CA"))
    #expect(result.errors.contains("run 'trucksensor reset'"))
  }

  @Test func `a broker that refuses our certificate, and a CA that did not sign the broker`() throws {
    let cloud = try truck.start("run", "truckSensor01", "--interval", "1h", "--quiet")
    try cloud.waitUntil { $0.errorText.contains("mutual TLS") && $0.errorText.contains("Publishing") }
    let port = try #require(cloud.errorText.firstMatch(of: /127\.0\.0\.1:(\d+), mutual/)?.1)
    let foreign = try CertificateAuthority(directory: truck.path("foreign"))
    let kit = try ConnectionKit(directory: truck.path("foreign/kit"), deviceName: "stranger")
    try kit.write(foreign.issueDevice(commonName: "stranger"), rootPEM: foreign.certificatePEM())
    let refused = try truck.run(
      "simulate", "--device", "stranger", "--cert", kit.certificatePath, "--key", kit.privateKeyPath, "--ca",
      "data/ca/root-CA.crt", "--endpoint", "127.0.0.1:\(port)", "--count", "1")
    #expect(refused.status == 77)
    #expect(refused.errors.contains("certificate"))
    let distrusted = try truck.run(
      "simulate", "--device", "truckSensor01", "--ca", foreign.certificatePath, "--endpoint",
      "127.0.0.1:\(port)",
      "--count", "1")
    #expect(distrusted.status == 77)
    #expect(distrusted.errors.contains("was not accepted"))
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test func `a port in use is passed over, and said`() throws {
    // The port is this test's, or for as long as this takes another test's broker's.
    let holder = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(holder) }
    // Connections of an earlier broker that wait for their end don't keep the port.
    var reuses: CInt = 1
    setsockopt(holder, SOL_SOCKET, SO_REUSEADDR, &reuses, socklen_t(MemoryLayout<CInt>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(8883).bigEndian
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    let deadline = Date().addingTimeInterval(60)
    while Date() < deadline {
      let bound = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(holder, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      if bound == 0, listen(holder, 8) == 0 { break }
      poll(nil, 0, 100)
    }
    let result = try truck.run("run", "truckSensor01", "--count", "1")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains(/Port 8883 is in use; the local broker listens on \d+\./))
  }

  @Test func `runs that start in one moment get a broker each`() throws {
    let trucks = try (1...4).map { _ in try Trucksensor() }
    let runs = try trucks.map { try $0.start("run", "truckSensor01", "--count", "3", "--rate", "10") }
    for run in runs {
      let result = run.wait()
      #expect(result.status == 0, "\(result.errors)")
    }
  }

  @Test func `a run follows one that was killed`() throws {
    let first = try truck.start("run", "truckSensor01", "--interval", "1h", "--quiet")
    try first.waitUntil { $0.errorText.contains("mutual TLS") }
    first.interrupt(SIGKILL)
    _ = first.wait()
    let result = try run()
    #expect(result.status == 0, "\(result.errors)")
  }
}
