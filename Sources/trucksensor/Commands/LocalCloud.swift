import Glibc
import Identity
import MQTT
import RulesEngine
import Time

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

  static let defaultPolicy = "truckSensor-policy"
  static let registryFile = "data/registry.json"
  static let policyFolder = "policies"

  let broker: EmbeddedBroker
  let caFile: String
  private let permissions: Permissions
  private var watch: LoopTimer?
  private var stamp = ""

  private init(broker: EmbeddedBroker, caFile: String, permissions: Permissions) {
    self.broker = broker
    self.caFile = caFile
    self.permissions = permissions
    stamp = permissions.stamp
  }

  /// Makes what is missing and starts the broker. Each device is a thing of the registry, its certificate has the policy
  /// `truckSensor-policy`; what this run's trucks publish to is allowed besides.
  static func start(
    devices: [(name: String, topic: TopicName)], rules: [RuleDocument], retains: Bool
  ) throws -> LocalCloud {
    let provisioning = try Self.provisioning()
    let authority = provisioning.authority
    if authority.isNew { StandardError.print("Made a local CA: \(authority.certificatePath)") }
    try writeDefaultPolicy(provisioning)
    var made: [String] = []
    for (name, _) in devices where try ensureCertificate(of: name, authority: authority) { made.append(name) }
    for name in [rulesEngine, testClient] where try ensureCertificate(of: name, authority: authority) {
      made.append(name)
    }
    if !made.isEmpty {
      let names = made.count > 4 ? "\(made.count) devices" : made.joined(separator: ", ")
      StandardError.print("Made certificates in \(certificateFolder)/ for \(names).")
    }
    try provisioning.register(devices.map(\.name), policy: defaultPolicy)
    let server = try ConnectionKit(directory: brokerFolder, deviceName: "server")
    try server.write(
      authority.issueServer(commonName: "localhost", dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"]),
      rootPEM: authority.certificatePEM(), overwrite: true)
    let permissions = Permissions(
      provisioning: provisioning, devices: devices, rules: rules, retains: retains)
    let compiled = try permissions.compile()
    var configuration = BrokerConfiguration(
      directory: brokerFolder, caFile: authority.certificatePath, certificateFile: server.certificatePath,
      privateKeyFile: server.privateKeyPath, accessControlList: compiled.list,
      revocationList: compiled.refused)
    if let file = pluginFile {
      configuration.plugin = (file, compiled.clients)
    } else {
      StandardError.print(
        "The broker's plugin isn't beside this executable: client identifiers aren't enforced.")
    }
    let broker = try EmbeddedBroker(configuration)
    if broker.replacedLeftover { StandardError.print("Ended a broker that an earlier run had left behind.") }
    if broker.port != configuration.preferredPort {
      StandardError.print(
        "Port \(configuration.preferredPort) is in use; the local broker listens on \(broker.port).")
    }
    StandardError.print("Local broker: 127.0.0.1:\(broker.port), mutual TLS; log: \(broker.logFile)")
    return LocalCloud(broker: broker, caFile: authority.certificatePath, permissions: permissions)
  }

  /// Beside the executable, where the build puts both.
  private static var pluginFile: String? {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    guard count > 0 else { return nil }
    let executable = String(decoding: path[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    let folder = executable.lastIndex(of: "/").map { String(executable[...$0]) } ?? ""
    let file = folder + "libBrokerPlugin.so"
    return access(file, R_OK) == 0 ? file : nil
  }

  /// CA, registry and policies of this folder.
  static func provisioning() throws -> Provisioning {
    Provisioning(
      authority: try CertificateAuthority(directory: authorityFolder), registryPath: registryFile,
      policyFolder: policyFolder, kitFolder: certificateFolder)
  }

  /// The policy that the original's wizard makes: connect as the thing, publish to `truck/freezer`.
  static func writeDefaultPolicy(_ provisioning: Provisioning) throws {
    let path = provisioning.path(ofPolicy: defaultPolicy)
    guard access(path, F_OK) != 0 else { return }
    mkdir(policyFolder, 0o755)
    let file = try AtomicFile(path)
    file.append(Array(defaultPolicyText.utf8))
    try file.commit()
    StandardError.print("Made the policy \(path).")
  }

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
  static func runningBroker() -> (port: UInt16, caFile: String)? {
    let caFile = authorityFolder + "/" + ConnectionKit.rootFileName
    guard access(caFile, R_OK) == 0, let port = EmbeddedBroker.runningPort(in: brokerFolder) else {
      return nil
    }
    return (port, caFile)
  }

  /// Starts the broker again if it ends while the truck drives, and lets it enforce what changes in the registry and the
  /// policies, looking twice a second.
  func supervise(_ loop: EventLoop) throws {
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
      StandardError.print("The local broker ended\(reason.isEmpty ? "" : ": " + reason); starting it again.")
      do {
        try broker.restart()
        try supervise(loop)
      } catch {
        StandardError.print("trucksensor: \(error)")
      }
    }
  }

  private func applyChanges(_ loop: EventLoop) {
    let present = permissions.stamp
    guard present != stamp else { return }
    stamp = present
    do {
      let compiled = try permissions.compile()
      let isNew = try broker.apply(
        accessControlList: compiled.list, clients: compiled.clients, revocationList: compiled.refused)
      if isNew { try supervise(loop) }
      StandardError.print("Registry or policies changed: the broker enforces them now.")
    } catch {
      StandardError.print("trucksensor: \(error); the broker goes on as before")
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

/// Who may do what at the local broker: the registry's devices by their policies, this run's trucks on their topics, the
/// rules engine what its rules need, the test client everything.
private struct Permissions {
  let provisioning: Provisioning
  let devices: [(name: String, topic: TopicName)]
  let rules: [RuleDocument]
  /// Whether this run's trucks publish retained messages, as its user has asked.
  let retains: Bool

  /// The ACL file's text, the plugin's, and the revocation list.
  func compile() throws -> (list: String, clients: String, refused: String) {
    let enforcement = try provisioning.enforcement()
    for note in enforcement.notes { StandardError.print("policies: \(note)") }
    var list = enforcement.accessControlList
    for (name, topic) in devices where list.rules[name] != nil {
      list.allow(name, AccessRule(.write, topic.text))
    }
    for rule in rules {
      if let filter = rule.statement.filter {
        list.allow(LocalCloud.rulesEngine, AccessRule(.read, filter.pattern))
      }
      for topic in rule.publishes {
        list.allow(LocalCloud.rulesEngine, AccessRule(.write, topic.isConstant ? topic.source : "#"))
      }
    }
    list.allow(LocalCloud.rulesEngine, AccessRule(.write, AlertPublisher.topic))
    list.allow(LocalCloud.testClient, AccessRule(.readWrite, "#"), AccessRule(.read, "$SYS/#"))
    var clients = ""
    for (user, identifiers, filters, topics) in enforcement.clients {
      for identifier in identifiers { clients += "\(user)\tconnect\t\(identifier)\n" }
      for filter in filters { clients += "\(user)\tsubscribe\t\(filter)\n" }
      for topic in topics { clients += "\(user)\tretain\t\(topic)\n" }
      if retains { for device in devices where device.name == user { clients += "\(user)\tretain\t*\n" } }
    }
    return (
      try list.text(), clients, try provisioning.revocationList(enforcement.refusedSerialNumbers)
    )
  }

  /// What changes when the registry or a policy does.
  var stamp: String {
    var status = stat()
    stat(provisioning.registryPath, &status)
    return "\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec) \(status.st_size)\n"
      + RuleFiles.stamp(of: provisioning.policyFolder)
  }
}
