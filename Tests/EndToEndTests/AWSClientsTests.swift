import Foundation
import Testing

/// AWS IoT's API, asked by AWS's command line, boto3 and the device SDK.
@Suite(.enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct AWSClientsTests {
  private static let tools = Trucksensor.repository.appendingPathComponent(".build/aws-tools/bin")
  private static let scripts = Trucksensor.repository.appendingPathComponent("Tests/EndToEndTests")

  private static func hasTool(_ name: String) -> Bool {
    FileManager.default.isExecutableFile(atPath: tools.appendingPathComponent(name).path)
  }

  private static var hasSDK: Bool {
    let folder = Trucksensor.repository.appendingPathComponent(".build/aws-tools/lib").path
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return versions.contains {
      FileManager.default.fileExists(atPath: "\(folder)/\($0)/site-packages/awsiot")
    }
  }

  private let cloud: Trucksensor

  init() throws { cloud = try Trucksensor() }

  /// A local cloud with one truck, at free ports.
  private func start() throws -> (run: Trucksensor.Running, address: String, port: String) {
    let run = try cloud.start(
      "run", "truckSensor01", "--interval", "500ms", "--no-dashboard", "--aws-port", "0")
    try run.waitUntil { $0.errorText.contains("Publishing messages") }
    let address = try #require(run.errorText.firstMatch(of: /AWS_ENDPOINT_URL=(\S+)/)?.1)
    let port = try #require(run.errorText.firstMatch(of: /Local broker: 127.0.0.1:(\d+)/)?.1)
    return (run, String(address), String(port))
  }

  /// What `iot.py` finds.
  private func ask(_ what: String) throws -> [String: Any] {
    let (run, address, port) = try start()
    defer {
      run.interrupt()
      _ = run.wait()
    }
    return try ask(what, address, port)
  }

  private func ask(_ what: String, _ address: String, _ port: String) throws -> [String: Any] {
    let finished = try Trucksensor.Running(
      URL(fileURLWithPath: "/usr/bin/env"),
      [
        "TRUCKSENSOR=\(Trucksensor.executable.path)", "PYTHONDONTWRITEBYTECODE=1",
        Self.tools.appendingPathComponent("python").path, Self.scripts.appendingPathComponent("iot.py").path,
        address, what, port,
      ], in: cloud.folder
    ).wait()
    #expect(finished.status == 0, "\(finished.errors.suffix(2000))")
    #expect(finished.json["failures"] as? [String] == [])
    #expect(finished.json["contradictions"] as? [String] == [])
    return finished.json
  }

  @Test(.enabled(if: hasTool("python"), "scripts/test-tools.sh could not install boto3"))
  func `every operation of iot and iot-data answers as botocore's model has it`() throws {
    let seen = try ask("operations")
    #expect(seen["untested"] as? [String] == [])
    #expect(try #require(seen["offered"] as? Int) >= 85)
  }

  @Test(.enabled(if: hasTool("python"), "scripts/test-tools.sh could not install boto3"))
  func `what contradicts the model is refused: a member missing, of another type or beyond its limits`()
    throws
  {
    #expect(try #require(ask("invalid")["cases"] as? Int) > 1000)
  }

  @Test(.enabled(if: hasTool("python"), "scripts/test-tools.sh could not install boto3"))
  func `of several writers at once each gets its way or an error, and nothing is lost`() throws {
    #expect(try ask("writers")["checks"] as? Int == 3)
  }

  @Test(.enabled(if: hasSDK, "scripts/test-tools.sh could not install awsiotsdk"))
  func `a certificate of the API signs in with AWS's SDK, policies and rules count within a second`() throws {
    #expect(try #require(ask("devices")["checks"] as? Int) >= 12)
  }

  @Test(.enabled(if: hasSDK, "scripts/test-tools.sh could not install awsiotsdk"))
  func `the walk-through works with boto3, and its certificate signs in with AWS's SDK`() throws {
    #expect(try ask("walkthrough")["checks"] as? Int == 4)
  }

  @Test(.enabled(if: hasTool("python"), "scripts/test-tools.sh could not install boto3"))
  func `with a credentials file unsigned, outdated and badly signed requests to AWS IoT are refused`() throws
  {
    try FileManager.default.createDirectory(
      at: cloud.folder.appendingPathComponent("data"), withIntermediateDirectories: true)
    try cloud.write(
      "[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n",
      to: "data/aws-credentials")
    let server = try cloud.start("aws", "--aws-port", "0")
    try server.waitUntil { $0.errorText.contains("AWS_ENDPOINT_URL=") }
    let address = try #require(server.errorText.firstMatch(of: /AWS_ENDPOINT_URL=(\S+)/)?.1)
    #expect(try ask("signatures", String(address), "0")["checks"] as? Int == 9)
    server.interrupt()
    _ = server.wait()
  }

  // MARK: The walk-through

  /// The commands of docs/aws-clients.md, as they stand.
  private static func walkThrough() throws -> String {
    let text = try String(
      contentsOf: Trucksensor.repository.appendingPathComponent("docs/aws-clients.md"), encoding: .utf8)
    let blocks = text.components(separatedBy: "```sh\n").dropFirst().map {
      $0.components(separatedBy: "```")[0]
    }
    return try #require(blocks.first { $0.contains("create-thing-type") })
  }

  @Test(.enabled(if: hasTool("aws"), "scripts/test-tools.sh could not install awscli"))
  func `the walk-through of the documentation works with AWS's command line as it stands`() throws {
    let (run, address, _) = try start()
    let folder = Trucksensor.repository
    for name in ["rules", "policies"] {
      try FileManager.default.createDirectory(
        at: cloud.folder.appendingPathComponent("my-\(name)"), withIntermediateDirectories: true)
    }
    try FileManager.default.copyItem(
      at: folder.appendingPathComponent("rules/truckAnalyze.json"),
      to: cloud.folder.appendingPathComponent("my-rules/truckAnalyze.json"))
    try FileManager.default.copyItem(
      at: folder.appendingPathComponent("policies/truckSensor-policy.json"),
      to: cloud.folder.appendingPathComponent("my-policies/truckSensor-policy.json"))
    try cloud.write("set -e\n" + Self.walkThrough(), to: "walk-through.sh")
    let finished = try Trucksensor.Running(
      URL(fileURLWithPath: "/usr/bin/env"),
      [
        "AWS_ENDPOINT_URL=\(address)", "PATH=\(Self.tools.path):/usr/bin:/bin",
        "AWS_EC2_METADATA_DISABLED=true", "bash", "walk-through.sh",
      ], in: cloud.folder
    ).wait()
    #expect(finished.status == 0, "\(finished.errors.suffix(2000))")
    #expect(finished.output.hasSuffix("-18.5\n"), "\(finished.output.suffix(500))")
    #expect(finished.output.contains("ALLOWED"))
    run.interrupt()
    _ = run.wait()
  }

  // MARK: Signatures

  /// Requests that no SDK sends: curl's options and path, and the status.
  private static let broken: [(options: String, status: Int)] = [
    ("-X POST /things/a", 403), ("-X POST -H 'Authorization: AWS4-HMAC-SHA256 x' /things/a", 403),
    ("-X POST AUTH -H 'Host: evil.example' /things/a", 421), ("-X POST AUTH -d '{' /things/a", 400),
    ("-X POST AUTH --data-binary @large /things/a", 413),
    ("-X POST AUTH -H 'Transfer-Encoding: chunked' --data-binary @large /things/a", 413),
    ("AUTH /nothing", 400), ("-X PUT AUTH /things/a", 400), ("AUTH /things/%ff", 400),
    ("AUTH /things/a%2Fb", 400),
    ("AUTH /things/a%", 400), ("AUTH '/things?maxResults=0'", 400), ("AUTH '/things?maxResults=1e9'", 400),
    ("AUTH '/things?nextToken=%00'", 400), ("AUTH /policies/..%2F..%2Fx", 400), ("AUTH /policies/..", 404),
    ("AUTH /things/a/shadow?name=..%2Fx", 400), ("AUTH /rules/..%2Fx", 400), ("AUTH /things", 200),
  ]

  @Test func `broken, unsigned and oversized requests to AWS IoT are refused with a status`() throws {
    let server = try cloud.start("aws", "--aws-port", "0")
    try server.waitUntil { $0.errorText.contains("AWS_ENDPOINT_URL=") }
    let address = try #require(server.errorText.firstMatch(of: /AWS_ENDPOINT_URL=(\S+)/)?.1)
    try Data(repeating: UInt8(ascii: "a"), count: 10_000_000).write(
      to: URL(fileURLWithPath: cloud.path("large")))
    let authorization =
      "-H 'Authorization: AWS4-HMAC-SHA256 Credential=K/20241023/eu-central-1/iot/aws4_request, SignedHeaders=host, Signature=0'"
    for (options, status) in Self.broken {
      let words = options.replacingOccurrences(of: "AUTH", with: authorization)
        .replacingOccurrences(of: " /", with: " \(address)/").replacingOccurrences(
          of: " '/", with: " '\(address)/")
      let finished = try Trucksensor.Running(
        URL(fileURLWithPath: "/bin/sh"),
        ["-c", "curl -s --path-as-is -o /dev/null -w '%{http_code}' --max-time 10 \(words)"], in: cloud.folder
      ).wait()
      #expect(finished.output == "\(status)", "\(options)")
    }
    server.interrupt()
    #expect(server.wait().status == 130)
  }

  // MARK: Moto's tests

  private static var motoSuite: String? {
    let folder = Trucksensor.repository.appendingPathComponent(".build/moto")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.first {
      FileManager.default.fileExists(atPath: folder.appendingPathComponent("\($0)/tests/test_iot").path)
    }
  }

  @Test(.enabled(if: motoSuite != nil, "scripts/moto.sh --fetch gets moto's tests"))
  func `moto's own tests of the services pass, but for those that contradict AWS`() throws {
    let finished = try Trucksensor.Running(
      Trucksensor.repository.appendingPathComponent("scripts/moto.sh"), [], in: cloud.folder
    ).wait()
    #expect(finished.status == 0, "\(finished.output.suffix(3000))")
  }
}
