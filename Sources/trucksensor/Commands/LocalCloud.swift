import Glibc
import Identity
import MQTT
import RulesEngine

/// What stands in for AWS IoT Core on this machine: a CA, certificates, who may do what, and a broker.
///
/// The CA and the broker's files are under `data/`, the cloud's side; `certs/` holds what a device has, with the
/// connection kit's file names. A kit of AWS in `certs/` is left as it is.
final class LocalCloud {
  /// The device name of `subscribe` and `publish`; it may do everything, as AWS's MQTT test client may.
  static let testClient = "mqttTestClient"
  /// The device name of the rules engine; it may subscribe and publish what its rules say.
  static let rulesEngine = "rulesEngine"
  private static let authorityFolder = "data/ca"
  private static let brokerFolder = "data/broker"
  private static let certificateFolder = "certs"

  let broker: EmbeddedBroker
  let caFile: String

  private init(broker: EmbeddedBroker, caFile: String) {
    self.broker = broker
    self.caFile = caFile
  }

  /// Makes what is missing and starts the broker. A device may publish to `truck/freezer` and to its own topic.
  static func start(devices: [(name: String, topic: TopicName)], rules: [RuleDocument]) throws -> LocalCloud {
    let authority = try CertificateAuthority(directory: authorityFolder)
    if authority.isNew { StandardError.print("Made a local CA: \(authority.certificatePath)") }
    var list = AccessControlList()
    var made: [String] = []
    for (name, topic) in devices {
      if try ensureCertificate(of: name, authority: authority) { made.append(name) }
      list.allow(name, AccessRule(.write, "truck/freezer"), AccessRule(.write, topic.text))
    }
    if try ensureCertificate(of: rulesEngine, authority: authority) { made.append(rulesEngine) }
    for rule in rules {
      if let filter = rule.statement.filter { list.allow(rulesEngine, AccessRule(.read, filter.pattern)) }
      for topic in rule.publishes {
        list.allow(rulesEngine, AccessRule(.write, topic.isConstant ? topic.source : "#"))
      }
    }
    if try ensureCertificate(of: testClient, authority: authority) { made.append(testClient) }
    if !made.isEmpty {
      let names = made.count > 4 ? "\(made.count) devices" : made.joined(separator: ", ")
      StandardError.print("Made certificates in \(certificateFolder)/ for \(names).")
    }
    list.allow(testClient, AccessRule(.readWrite, "#"), AccessRule(.read, "$SYS/#"))
    let server = try ConnectionKit(directory: brokerFolder, deviceName: "server")
    try server.write(
      authority.issueServer(commonName: "localhost", dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"]),
      rootPEM: authority.certificatePEM(), overwrite: true)
    let configuration = BrokerConfiguration(
      directory: brokerFolder, caFile: authority.certificatePath, certificateFile: server.certificatePath,
      privateKeyFile: server.privateKeyPath, accessControlList: try list.text())
    let broker = try EmbeddedBroker(configuration)
    if broker.replacedLeftover { StandardError.print("Ended a broker that an earlier run had left behind.") }
    if broker.port != configuration.preferredPort {
      StandardError.print(
        "Port \(configuration.preferredPort) is in use; the local broker listens on \(broker.port).")
    }
    StandardError.print("Local broker: 127.0.0.1:\(broker.port), mutual TLS; log: \(broker.logFile)")
    return LocalCloud(broker: broker, caFile: authority.certificatePath)
  }

  /// The port and CA of the broker that a `run` in this folder started, if there is one.
  static func runningBroker() -> (port: UInt16, caFile: String)? {
    let caFile = authorityFolder + "/" + ConnectionKit.rootFileName
    guard access(caFile, R_OK) == 0, let port = EmbeddedBroker.runningPort(in: brokerFolder) else {
      return nil
    }
    return (port, caFile)
  }

  /// Starts the broker again if it ends while the truck drives.
  func supervise(_ loop: EventLoop) throws {
    try broker.onUnexpectedEnd(loop) { [weak self] in
      guard let self else { return }
      let reason = broker.lastErrors().joined(separator: " ")
      StandardError.print("The local broker ended\(reason.isEmpty ? "" : ": " + reason); starting it again.")
      do {
        try broker.restart()
        try supervise(loop)
      } catch {
        StandardError.print("trucksensor: \(error)")
      }
    }
  }

  /// Makes the certificate of `name` unless it is there and usable; true if it made one.
  private static func ensureCertificate(of name: String, authority: CertificateAuthority) throws -> Bool {
    let kit = try ConnectionKit(directory: certificateFolder, deviceName: name)
    switch kit.state {
    case .missing:
      var root = try authority.certificatePEM()
      // A connection kit's own root stays; the local broker's CA is taken from data/ca.
      if let present = TextFile.read(kit.rootPath), present != root { root = present }
      try kit.write(authority.issueDevice(commonName: name), rootPEM: root)
      return true
    case .complete, .incomplete:
      _ = try checkCredentials(
        certificate: kit.certificatePath, key: kit.privateKeyPath, issuedBy: authority.certificatePath)
      return false
    }
  }
}
