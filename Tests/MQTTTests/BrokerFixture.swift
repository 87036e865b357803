import Foundation
import Testing
import Time

@testable import MQTT

/// A folder with a CA, a server certificate, device certificates and, on demand, a real broker.
final class BrokerFixture {
  let folder: String
  var accessControlList =
    "user truckSensor01\ntopic write truck/freezer\ntopic write truck/bulk\n\nuser reader\ntopic read #\n"

  init() throws {
    folder = FileManager.default.temporaryDirectory.path + "/trucksensor-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try makeAuthority("ca")
    try makeCertificate("server", authority: "ca", subjectAlternativeName: "DNS:localhost,IP:127.0.0.1")
    for name in ["truckSensor01", "reader"] { try makeCertificate(name, authority: "ca") }
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func path(_ name: String) -> String { folder + "/" + name }

  func makeAuthority(_ name: String) throws {
    try openssl(
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
      "-subj",
      "/CN=\(name)", "-keyout", path("\(name).key"), "-out", path("\(name).crt"))
  }

  func makeCertificate(_ name: String, authority: String, subjectAlternativeName: String? = nil) throws {
    try openssl(
      "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=\(name)",
      "-keyout", path("\(name).key"), "-out", path("\(name).csr"))
    try Data((subjectAlternativeName.map { "subjectAltName=\($0)\n" } ?? "").utf8)
      .write(to: URL(fileURLWithPath: path("\(name).ext")))
    try openssl(
      "x509", "-req", "-in", path("\(name).csr"), "-CA", path("\(authority).crt"), "-CAkey",
      path("\(authority).key"), "-CAcreateserial", "-days", "10", "-extfile", path("\(name).ext"), "-out",
      path("\(name).crt"))
  }

  func startBroker(
    port: UInt16 = 20_883, _ adjust: (inout BrokerConfiguration) -> Void = { _ in }
  ) throws -> EmbeddedBroker {
    var configuration = BrokerConfiguration(
      directory: path("broker"), caFile: path("ca.crt"), certificateFile: path("server.crt"),
      privateKeyFile: path("server.key"), accessControlList: accessControlList)
    configuration.preferredPort = port
    adjust(&configuration)
    return try EmbeddedBroker(configuration)
  }

  /// A client named `name` with the certificate of that name, of `certificate`, or none.
  func client(
    _ name: String, port: UInt16, loop: EventLoop, trust: String = "ca", certificate: String? = nil,
    withCertificate: Bool = true, host: String = "127.0.0.1", serverName: String? = nil,
    _ adjust: (inout ConnectionSettings) -> Void = { _ in }
  ) throws -> MQTTClient {
    var settings = ConnectionSettings(host: host, port: port, clientID: name)
    settings.connectTimeout = 5_000_000_000
    adjust(&settings)
    let file = certificate ?? name
    let credentials =
      try withCertificate
      ? DeviceCredentials(
        DeviceCredentialFiles(certificate: path("\(file).crt"), privateKey: path("\(file).key")))
      : nil
    return try MQTTClient(
      settings: settings, tls: TLSContext(TLSSettings(trust: .file(path("\(trust).crt")))),
      serverName: serverName, credentials: credentials, loop: loop)
  }

  private func openssl(_ arguments: String...) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "openssl \(arguments)")
  }
}

/// Writes down what a client reports, and stops the loop when `until` says so.
final class Recorder: MQTTClientDelegate {
  var states: [ConnectionState] = []
  var delivered: [String] = []
  var refused: [MQTTError] = []
  var received: [IncomingMessage] = []
  var subscribed: [Result<QoS, MQTTError>] = []
  var until: (Recorder) -> Bool = { _ in false }
  var onRoom: (MQTTClient) -> Void = { _ in }
  var onEvent: (Recorder, MQTTClient) -> Void = { _, _ in }
  private let loop: EventLoop
  private let watchdog: LoopTimer
  var timedOut = false

  init(_ loop: EventLoop, seconds: Int64 = 20) {
    self.loop = loop
    var fire: () -> Void = {}
    watchdog = loop.makeTimer { fire() }
    fire = { [unowned self] in
      timedOut = true
      loop.stop()
    }
    watchdog.set(MonotonicTime.now().advanced(by: seconds * 1_000_000_000))
  }

  func run(until: @escaping (Recorder) -> Bool) {
    self.until = until
    if !until(self) { loop.run() }
    self.until = { _ in false }
  }

  private func check(_ client: MQTTClient) {
    onEvent(self, client)
    if until(self) { loop.stop() }
  }

  var failure: MQTTError? {
    if case .failed(let error) = states.last { error } else { nil }
  }
  /// How many connections were lost.
  var reconnectsSeen: Int { states.count { if case .waiting = $0 { true } else { false } } }
  var isConnected: Bool {
    if case .connected = states.last { true } else { false }
  }

  func client(_ client: MQTTClient, changedTo state: ConnectionState) {
    states.append(state)
    check(client)
  }
  func client(_ client: MQTTClient, delivered message: OutgoingMessage) {
    delivered.append(String(decoding: message.payload, as: UTF8.self))
    check(client)
  }
  func client(_ client: MQTTClient, refused message: OutgoingMessage, with error: MQTTError) {
    refused.append(error)
    check(client)
  }
  func clientHasRoom(_ client: MQTTClient) { onRoom(client) }
  func client(_ client: MQTTClient, received message: IncomingMessage) {
    received.append(message)
    check(client)
  }
  func client(_ client: MQTTClient, subscribed filter: TopicFilter, _ result: Result<QoS, MQTTError>) {
    subscribed.append(result)
    check(client)
  }
}
