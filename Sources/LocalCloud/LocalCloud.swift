import Files
import Glibc
import Identity
import MQTT
import RulesEngine
import Time

/// What stands in for AWS IoT Core on this machine: a CA, certificates, who may do what, and a broker.
///
/// The CA and the broker's files are under `data/`, the cloud's side; `certs/` holds what a device has, with the
/// connection kit's file names. A kit of AWS in `certs/` is left as it is.
package final class LocalCloud {
  /// The device name of `subscribe` and `publish`; it may do everything, as AWS's MQTT test client may.
  package static let testClient = "mqttTestClient"
  /// The device name of the rules engine; it may subscribe and publish what its rules say.
  package static let rulesEngine = "rulesEngine"
  /// The policy that each device of a run has.
  package static let defaultPolicy = "truckSensor-policy"
  /// The registry.
  package static let registryFile = "data/registry.json"
  /// The policy documents.
  package static let policyFolder = "policies"
  /// The connection kits of devices.
  package static let certificateFolder = "certs"
  private static let authorityFolder = "data/ca"
  private static let brokerFolder = "data/broker"

  /// Takes a line for a person.
  package typealias Report = (String) -> Void

  /// The broker.
  package let broker: EmbeddedBroker
  /// The certificate of the CA that the broker's certificate comes from.
  package let caFile: String
  private let permissions: Permissions
  private let report: Report
  private var watch: LoopTimer?
  private var stamps: [String: FileStamp]

  private init(broker: EmbeddedBroker, caFile: String, permissions: Permissions, report: @escaping Report) {
    self.broker = broker
    self.caFile = caFile
    self.permissions = permissions
    self.report = report
    stamps = permissions.stamps
  }

  /// Makes what is missing and starts the broker. Each device is a thing of the registry, and its certificate has the
  /// policy `truckSensor-policy`; what this run's trucks publish to is allowed besides.
  /// - Parameters:
  ///   - devices: The trucks and their topics.
  ///   - rules: What the rules engine may read and write follows from them.
  ///   - alertTopic: Where the rules engine publishes alerts.
  ///   - retains: Whether the trucks publish retained messages.
  ///   - report: Hears what was made and what changes.
  package static func start(
    devices: [(name: String, topic: TopicName)], rules: [RuleDocument], alertTopic: String, retains: Bool,
    report: @escaping Report
  ) throws -> LocalCloud {
    let provisioning = try Self.provisioning()
    let authority = provisioning.authority
    if authority.isNew { report("Made a local CA: \(authority.certificatePath)") }
    try writeDefaultPolicy(provisioning, report: report)
    var made: [String] = []
    for (name, _) in devices where try ensureCertificate(of: name, authority: authority) { made.append(name) }
    for name in [rulesEngine, testClient] where try ensureCertificate(of: name, authority: authority) {
      made.append(name)
    }
    if !made.isEmpty {
      let names = made.count > 4 ? "\(made.count) devices" : made.joined(separator: ", ")
      report("Made certificates in \(certificateFolder)/ for \(names).")
    }
    try provisioning.register(devices.map(\.name), policy: defaultPolicy)
    let server = try ConnectionKit(directory: brokerFolder, deviceName: "server")
    try server.write(
      authority.issueServer(commonName: "localhost", dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"]),
      rootPEM: authority.certificatePEM(), overwrite: true)
    let permissions = Permissions(
      provisioning: provisioning, devices: devices, rules: rules, alertTopic: alertTopic, retains: retains)
    let compiled = try permissions.compile(report)
    var configuration = BrokerConfiguration(
      directory: brokerFolder, caFile: authority.certificatePath, certificateFile: server.certificatePath,
      privateKeyFile: server.privateKeyPath, accessControlList: compiled.list,
      revocationList: compiled.refused)
    if let file = pluginFile {
      configuration.plugin = (file, compiled.clients)
    } else {
      report("The broker's plugin isn't beside this executable: client identifiers aren't enforced.")
    }
    let broker = try EmbeddedBroker(configuration)
    if broker.replacedLeftover { report("Ended a broker that an earlier run had left behind.") }
    if broker.port != configuration.preferredPort {
      report("Port \(configuration.preferredPort) is in use; the local broker listens on \(broker.port).")
    }
    report("Local broker: 127.0.0.1:\(broker.port), mutual TLS; log: \(broker.logFile)")
    return LocalCloud(
      broker: broker, caFile: authority.certificatePath, permissions: permissions, report: report)
  }

  /// Beside the executable, where the build puts both.
  private static var pluginFile: String? {
    guard let executable = try? Files.absolute("/proc/self/exe"), let slash = executable.lastIndex(of: "/")
    else { return nil }
    let file = executable[...slash] + "libBrokerPlugin.so"
    return access(String(file), R_OK) == 0 ? String(file) : nil
  }

  /// CA, registry and policies of this folder.
  package static func provisioning() throws -> Provisioning {
    Provisioning(
      authority: try CertificateAuthority(directory: authorityFolder), registryPath: registryFile,
      policyFolder: policyFolder, kitFolder: certificateFolder)
  }

  /// The names of the policies' files; none if there is no such folder.
  package static func policyFiles() throws(FileError) -> [String] {
    Files.exists(policyFolder) ? try Files.list(policyFolder, suffix: ".json") : []
  }

  /// Makes `truckSensor-policy` unless it is there.
  package static func writeDefaultPolicy(_ provisioning: Provisioning, report: Report) throws {
    let path = provisioning.path(ofPolicy: defaultPolicy)
    guard !Files.exists(path) else { return }
    try Files.makeFolder(policyFolder)
    try Files.write(Array(defaultPolicyText.utf8), to: path)
    report("Made the policy \(path).")
  }

  /// The policy that the original's wizard makes: connect as the thing, publish to `truck/freezer`.
  private static let defaultPolicyText = """
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Effect": "Allow",
          "Action": "iot:Connect",
          "Resource": "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}"
        },
        {
          "Effect": "Allow",
          "Action": "iot:Publish",
          "Resource": "arn:aws:iot:*:*:topic/truck/freezer"
        }
      ]
    }

    """

  /// The port and CA of the broker that a `run` in this folder started, if there is one.
  package static func runningBroker() -> (port: UInt16, caFile: String)? {
    let caFile = Files.join(authorityFolder, ConnectionKit.rootFileName)
    guard access(caFile, R_OK) == 0, let port = EmbeddedBroker.runningPort(in: brokerFolder) else {
      return nil
    }
    return (port, caFile)
  }

  /// Starts the broker again if it ends while the truck drives, and lets it enforce what changes in the registry and the
  /// policies, looking twice a second.
  package func supervise(_ loop: EventLoop) throws {
    if watch == nil {
      watch = loop.makeTimer { [weak self] in
        self?.applyChanges(loop)
        self?.watch?.set(MonotonicTime.now().advanced(by: 500_000_000))
      }
      watch?.set(MonotonicTime.now().advanced(by: 500_000_000))
    }
    try broker.onUnexpectedEnd(loop) { [weak self] in
      guard let self else { return }
      let reason = broker.lastErrors().joined(separator: " ")
      report("The local broker ended\(reason.isEmpty ? "" : ": " + reason); starting it again.")
      do {
        try broker.restart()
        try supervise(loop)
      } catch {
        report("trucksensor: \(error)")
      }
    }
  }

  private func applyChanges(_ loop: EventLoop) {
    let present = permissions.stamps
    guard present != stamps else { return }
    stamps = present
    do {
      let compiled = try permissions.compile(report)
      let isNew = try broker.apply(
        accessControlList: compiled.list, clients: compiled.clients, revocationList: compiled.refused)
      if isNew { try supervise(loop) }
      report("Registry or policies changed: the broker enforces them now.")
    } catch {
      report("trucksensor: \(error); the broker goes on as before")
    }
  }

  /// Makes the certificate of `name` unless it is there and usable; true if it made one.
  private static func ensureCertificate(of name: String, authority: CertificateAuthority) throws -> Bool {
    let kit = try ConnectionKit(directory: certificateFolder, deviceName: name)
    switch kit.state {
    case .missing:
      // A connection kit's own root stays; the local broker's CA is taken from data/ca.
      let root =
        Files.exists(kit.rootPath) ? try Files.readText(kit.rootPath) : try authority.certificatePEM()
      try kit.write(authority.issueDevice(commonName: name), rootPEM: root)
      return true
    case .complete, .incomplete:
      _ = try checkCredentials(
        certificate: kit.certificatePath, key: kit.privateKeyPath, issuedBy: authority.certificatePath)
      return false
    }
  }
}
