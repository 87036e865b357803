import Files
import Glibc
import Identity
import MQTT
import RulesEngine
import Time

/// The local replacement for AWS IoT Core: a CA, certificates, permissions, and a broker.
///
/// The CA and the broker's files are under `data/`, the cloud's side; `certs/` holds what a device has, with the
/// connection kit's file names. A kit of AWS in `certs/` is left as it is.
package final class LocalCloud {
  /// The device name of `subscribe` and `publish`; it may do everything, as AWS's MQTT test client may.
  package static let testClient = "mqttTestClient"
  /// The device name of the rules engine; it may subscribe and publish what its rules say.
  package static let rulesEngine = "rulesEngine"
  /// The client identifier of the rules engine's session for the rules that store.
  package static let storingEngine = "\(rulesEngine)-store"
  /// The client identifiers of the rules engine's sessions.
  package static let engineSessions = [rulesEngine, storingEngine]
  /// The user properties that the broker adds to each message: who has published it.
  package static let stamps: Set<String> = ["clientId", "principal"]
  /// The policy that each device of a run has.
  package static let defaultPolicy = "truckSensor-policy"
  /// The registry.
  package static var registryFile: String { Workspace.data("registry.json") }
  /// The policy documents.
  package static let policies = PolicyFolder("policies")
  /// The connection kits of devices.
  package static var certificateFolder: String { Workspace.current.certificates }
  package static var authorityFolder: String { Workspace.data("ca") }
  package static var brokerFolder: String { Workspace.data("broker") }

  /// Takes a line for a person.
  package typealias Report = (_ text: String, _ isFailure: Bool) -> Void

  /// The broker.
  package let broker: EmbeddedBroker
  /// The certificate of the CA that the broker's certificate comes from.
  package let caFile: String
  private let provisioning: Provisioning
  private var identity: LiveIdentity
  private var permissions: Permissions
  private var reportedNotes: Set<String>
  private let report: Report
  private var watch: LoopTimer?
  /// Whether the broker doesn't enforce yet what registry, policies and rules say.
  private var isBehind = false
  private var lastFailure: String?
  /// What the file says that the broker enforces.
  private var notedVersion = ""
  /// How often the files are looked at: a change must be enforced within a second.
  private static let watchNanoseconds: Int64 = 250_000_000

  private init(
    broker: EmbeddedBroker, provisioning: Provisioning, identity: LiveIdentity, permissions: Permissions,
    notes: [String], report: @escaping Report
  ) {
    self.broker = broker
    self.provisioning = provisioning
    caFile = provisioning.authority.certificatePath
    self.identity = identity
    self.permissions = permissions
    reportedNotes = Set(notes)
    self.report = report
  }

  /// Makes what is missing and starts the broker. Each device is a thing of the registry, and its certificate has the
  /// policy `truckSensor-policy`; while that is unchanged and the only one, the device may publish to its topic, too.
  /// - Parameters:
  ///   - devices: The trucks and their topics.
  ///   - rules: What the rules engine may read and write follows from them.
  ///   - alertTopic: Where the rules engine publishes alerts.
  ///   - retains: Whether the trucks publish retained messages.
  ///   - preferredPort: The port to listen on, or else the next free one; nil for 8883.
  ///   - secondPort: Another port to listen on, such as 443, where AWS's SDKs connect by default.
  ///   - journal: How messages for the rules engine survive the broker's death.
  ///   - report: Hears what was made and what changes.
  package static func start(
    devices: [(name: String, topic: TopicName)], rules: [RuleDocument], alertTopic: String, retains: Bool,
    preferredPort: UInt16? = nil, secondPort: UInt16?, journal: BrokerConfiguration.Journal = .on,
    report: @escaping Report
  ) throws -> LocalCloud {
    try EmbeddedBroker.requireNone(in: brokerFolder)
    let provisioning = try Self.provisioning()
    let authority = provisioning.authority
    if authority.isNew { report("Made a local CA: \(authority.certificatePath)", false) }
    try writeDefaultPolicy(report: report)
    let made = try ensureCertificates(of: devices.map(\.name) + [rulesEngine, testClient], authority)
    if !made.isEmpty {
      let names = made.count > 4 ? "\(made.count) devices" : made.joined(separator: ", ")
      report("Made certificates in \(certificateFolder)/ for \(names).", false)
    }
    try provisioning.register(devices.map(\.name), policy: defaultPolicy)
    let server = try ConnectionKit(directory: brokerFolder, deviceName: "server")
    try server.write(
      authority.issueServer(commonName: "localhost", dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"]),
      rootPEM: authority.certificatePEM(), overwrite: true)
    let identity = try LiveIdentity(provisioning, devices: devices.map(\.name), report: report)
    let permissions = Permissions(
      devices: devices, rules: rules, alertTopic: alertTopic, retains: retains)
    let compiled = try permissions.compile(identity, kitFolder: certificateFolder)
    for note in compiled.notes { report("policies: \(note)", false) }
    guard let pluginFile = Installation.library("libBrokerPlugin.so") else {
      throw MQTTError(
        .system,
        "libBrokerPlugin.so, which decides who signs in to the local broker, isn't beside this executable; build it "
          + "with scripts/build.sh")
    }
    var configuration = BrokerConfiguration(
      directory: brokerFolder, caFile: authority.certificatePath, certificateFile: server.certificatePath,
      privateKeyFile: server.privateKeyPath, accessControlList: compiled.accessControlList)
    configuration.plugin = (pluginFile, compiled.clients)
    configuration.preferredPort = preferredPort ?? configuration.preferredPort
    configuration.secondPort = secondPort
    configuration.journal = journal
    let broker = try EmbeddedBroker(configuration)
    if broker.replacedLeftover { report("Ended a broker that an earlier run had left behind.", false) }
    if broker.port != configuration.preferredPort {
      report(
        "Port \(configuration.preferredPort) is in use; the local broker listens on \(broker.port).", false)
    }
    report("Local broker: 127.0.0.1:\(broker.port), mutual TLS; log: \(broker.logFile)", false)
    let leftBehind = broker.leftBehind[storingEngine] ?? 0
    if leftBehind > 0 {
      let what = leftBehind == 1 ? "reading from the last run is" : "readings from the last run are"
      report("\(leftBehind) \(what) stored now.", false)
    }
    if let secondPort {
      report("It listens on \(secondPort), too, for devices that connect to port 443.", false)
    }
    let cloud = LocalCloud(
      broker: broker, provisioning: provisioning, identity: identity, permissions: permissions,
      notes: compiled.notes, report: report)
    cloud.noteEnforced()
    return cloud
  }

  /// Ends the broker. How many messages still wait in its journal for the rules that store.
  package func stop() -> Int { broker.stop()[Self.storingEngine] ?? 0 }

  /// The CA of this folder, made if it is missing.
  package static func authority() throws(IdentityError) -> CertificateAuthority {
    try CertificateAuthority(directory: authorityFolder)
  }

  /// CA, registry and policies of this folder.
  package static func provisioning() throws -> Provisioning {
    Provisioning(
      authority: try authority(), registryPath: registryFile,
      policyFolder: policies.path, kitFolder: certificateFolder)
  }

  /// Makes `truckSensor-policy` unless it is there.
  package static func writeDefaultPolicy(report: Report) throws {
    let path = policies.file(of: defaultPolicy)
    guard !Files.exists(path) else { return }
    try Files.makeFolder(policies.path)
    try Files.write(Array(defaultPolicyText.utf8), to: path)
    report("Made the policy \(path).", false)
  }

  /// What `writeDefaultPolicy` writes.
  static var defaultPolicyDocument: PolicyDocument? {
    try? PolicyDocument(Array(defaultPolicyText.utf8), file: policies.file(of: defaultPolicy))
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
  @Sendable package static func runningBroker() -> (port: UInt16, caFile: String)? {
    let caFile = Files.join(authorityFolder, ConnectionKit.rootFileName)
    guard access(caFile, R_OK) == 0, let port = EmbeddedBroker.runningPort(in: brokerFolder) else {
      return nil
    }
    return (port, caFile)
  }

  /// The process number of that broker.
  package static func brokerProcess() -> Int32? {
    guard runningBroker() != nil else { return nil }
    return EmbeddedBroker.runningProcess(in: brokerFolder)
  }

  /// Restarts the broker if it ends during the run, and lets it enforce changes of the registry and the
  /// policies, checking four times per second.
  package func supervise(_ loop: EventLoop) throws {
    if watch == nil {
      watch = loop.makeTimer { [weak self] in
        self?.applyChanges(loop)
        self?.watch?.set(MonotonicTime.now().advanced(by: Self.watchNanoseconds))
      }
      watch?.set(MonotonicTime.now().advanced(by: Self.watchNanoseconds))
    }
    try broker.onUnexpectedEnd(loop) { [weak self] in
      guard let self else { return }
      let reason = broker.lastErrors().joined(separator: " ")
      report("The local broker ended\(reason.isEmpty ? "" : ": " + reason); starting it again.", true)
      do {
        try broker.restart()
        try supervise(loop)
      } catch {
        report("\(error)", true)
      }
    }
  }

  /// Lets the broker permit what other rules need.
  package func replaceRules(_ rules: [RuleDocument], _ loop: EventLoop) {
    permissions.rules = rules
    isBehind = true
    applyChanges(loop, announces: false)
  }

  private func applyChanges(_ loop: EventLoop, announces: Bool = true) {
    if identity.refresh(report) { isBehind = true }
    guard isBehind else { return noteEnforced() }
    do {
      let compiled = try permissions.compile(identity, kitFolder: Self.certificateFolder)
      for note in compiled.notes where reportedNotes.insert(note).inserted {
        report("policies: \(note)", false)
      }
      reportedNotes.formIntersection(compiled.notes)
      try broker.apply(accessControlList: compiled.accessControlList, clients: compiled.clients)
      isBehind = false
      lastFailure = nil
      noteEnforced()
      if announces { report("Registry or policies changed: the broker enforces them now.", false) }
    } catch {
      // It is tried again at the next look.
      let text = "\(error); the broker continues with the previous permissions"
      if text != lastFailure { report(text, true) }
      lastFailure = text
    }
  }

  // MARK: Whether the broker enforces what the files say

  private static var enforcedFile: String { Files.join(brokerFolder, "enforced") }
  /// The longest wait, in nanoseconds; a fleet has many permissions.
  private static let enforcementLimit: Int64 = 5_000_000_000

  /// Writes down which versions of registry and policies the broker enforces. The broker has been
  /// told to read its files and does so before it handles a new client, so they apply to whoever connects from now on.
  private func noteEnforced() {
    let version = identity.version
    guard version != notedVersion,
      (try? Files.write(Array(version.utf8), to: Self.enforcedFile)) != nil
    else { return }
    notedVersion = version
  }

  /// Waits until the broker of this folder, if one runs, enforces what registry and policies say now; false if it doesn't
  /// within five seconds.
  package static func waitUntilEnforced() -> Bool {
    guard runningBroker() != nil, let provisioning = try? provisioning() else { return true }
    let deadline = MonotonicTime.now().advanced(by: enforcementLimit)
    while runningBroker() != nil,
      (try? Files.readText(enforcedFile)) != LiveIdentity.presentVersion(provisioning)
    {
      guard .now() < deadline else { return false }
      // Milliseconds; the broker's process looks four times per second.
      poll(nil, 0, 10)
    }
    return true
  }

  /// Makes the certificates that are missing, and checks the others; the names of those that it made.
  private static func ensureCertificates(
    of names: [String], _ authority: CertificateAuthority
  ) throws -> [String] {
    let kits = try names.map { try ConnectionKit(directory: certificateFolder, deviceName: $0) }
    let missing: [ConnectionKit]
    do {
      let folder = try LockedFolder(certificateFolder)
      missing = kits.filter { $0.state == .missing }
      var rest = missing[...]
      while let first = rest.first {
        let kits = try rest.prefix(ConnectionKit.batchSize).map {
          ($0, try authority.issueDevice(commonName: $0.deviceName))
        }
        rest = rest.dropFirst(kits.count)
        // A connection kit's own root stays; the local broker's CA is taken from data/ca.
        let root =
          Files.exists(first.rootPath) ? try Files.readText(first.rootPath) : try authority.certificatePEM()
        try ConnectionKit.write(kits, rootPEM: root, in: folder)
      }
    }
    // Without the lock, which the check may need itself.
    let made = Set(missing.map(\.deviceName))
    let orphans = LocalFiles.orphans(among: names, authority: authority.summary)
    guard orphans.isEmpty else {
      let workspace = Workspace.current
      let folders =
        (workspace.data == "data" ? "" : " --data \(workspace.data)")
        + (workspace.certificates == "certs" ? "" : " --certs \(workspace.certificates)")
      let what = orphans.count == 1 ? "the certificate of \(orphans[0])" : "\(orphans.count) certificates"
      throw IdentityError(
        .notIssuedByAuthority, path: certificateFolder,
        "\(certificateFolder)/ has \(what) from an earlier local CA, whose files in \(authorityFolder)/ are gone, as "
          + "after 'rm -rf \(Workspace.current.data)'; run 'trucksensor reset\(folders)', which deletes the local certificates, and "
          + "start again"
      )
    }
    for kit in kits where !made.contains(kit.deviceName) {
      _ = try checkCredentials(
        certificate: kit.certificatePath, key: kit.privateKeyPath, issuedBy: authority.certificatePath)
    }
    return missing.map(\.deviceName)
  }
}
