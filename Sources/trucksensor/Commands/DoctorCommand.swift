import FoundationEssentials
import Glibc
import Identity
import MQTT
import Time

/// `trucksensor doctor`: why does it not let me in?
enum DoctorCommand: Command {
  static let description = CommandDescription(
    name: "doctor",
    summary: "Why does the broker not let this device in? Checks each step, and says what mends it.",
    discussion:
      "Looks at the files, the certificate, the registry's policies (for the local broker), the name, TCP, TLS, the MQTT "
      + "sign-in and one empty message on --topic, which every rule passes over.",
    positionals: [.init(name: "NAME", help: "the device's name")],
    options: [
      .value("topic", "TOPIC", "the topic to try", default: "truck/freezer"),
      .flag("json", "the steps as JSON"),
    ] + ConnectionOptions.table,
    example:
      "trucksensor doctor truckSensor01\ntrucksensor doctor truckSensor01 --endpoint ID-ats.iot.eu-west-1.amazonaws.com",
    exitCodes: [
      (.success, "all is well"), (.usage, "wrong usage"), (.unavailable, "the broker is out of reach"),
      (.refused, "the device is refused"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    Signals.block([])
    let examination = try Examination(arguments)
    examination.run()
    if arguments.has("json") {
      try ProvisionAnswer.json(examination.steps)
    } else {
      for step in examination.steps { StandardOutput.shared.print(step.text) }
    }
    return examination.exitCode
  }
}

/// The steps of a sign-in, up to the first that fails.
final class Examination {
  /// One step and what came of it.
  struct Step: Encodable {
    enum State: String, Encodable { case ok, warning, failed, skipped }
    let name: String
    var state: State
    /// What was seen, or what is wrong, the likely cause and what mends it.
    var detail: String

    var text: String {
      let mark =
        switch state {
        case .ok: "ok      "
        case .warning: "warning "
        case .failed: "FAILED  "
        case .skipped: "skipped "
        }
      return "\(mark) \(name)\(detail.isEmpty ? "" : ": \(detail)")"
    }
  }

  private(set) var steps: [Step] = []
  private(set) var exitCode = ExitCode.success
  private let arguments: ParsedArguments
  private let device: String
  private let certificateFile: String
  private let keyFile: String
  private let caFile: String
  private let clientID: String
  private let topic: TopicName
  private let host: String
  private let port: UInt16
  private let isLocal: Bool
  /// Whether a broker of this folder runs; another folder's may listen on the same port.
  private let hasBroker: Bool
  private var addresses: [String] = []
  /// Before this there was no program that could ask: the clock is wrong.
  private static let earliestSeconds = 1_767_225_600.0  // 2026-01-01T00:00:00Z

  init(_ arguments: ParsedArguments) throws {
    self.arguments = arguments
    device = arguments.positionals[0]
    let kit = try ConnectionKit(directory: "certs", deviceName: device)
    certificateFile = arguments.string("cert") ?? kit.certificatePath
    keyFile = arguments.string("key") ?? kit.privateKeyPath
    clientID = arguments.string("client-id") ?? device
    topic = try TopicName(arguments.string("topic") ?? "truck/freezer")
    isLocal = !arguments.has("endpoint")
    let local = isLocal ? LocalCloud.runningBroker() : nil
    hasBroker = local != nil
    if let endpoint = arguments.string("endpoint") {
      (host, port) = try ConnectionOptions.parseEndpoint(
        endpoint, defaultPort: arguments.has("alpn") ? 443 : 8883, arguments)
    } else {
      host = "127.0.0.1"
      port = local?.port ?? 8883
    }
    caFile = arguments.string("ca") ?? local?.caFile ?? kit.rootPath
  }

  private struct Problem: Error {
    let code: ExitCode
    let text: String
  }

  func run() {
    let work: [(String, () throws -> String)] = [
      ("clock", clock), ("certificate, key and CA", credentials), ("registry and policies", policies),
      ("host name", resolve), ("TCP", connect), ("TLS", handshake), ("MQTT sign-in and publish", signIn),
    ]
    for (name, step) in work {
      guard exitCode == .success else {
        steps.append(Step(name: name, state: .skipped, detail: ""))
        continue
      }
      do {
        let detail = try step()
        steps.append(Step(name: name, state: .ok, detail: detail))
      } catch let problem as Problem {
        fail(name, problem.text, problem.code)
      } catch {
        fail(name, "\(error)", Trucksensor.exitCode(for: error))
      }
    }
  }

  private func fail(_ name: String, _ text: String, _ code: ExitCode) {
    exitCode = code == .dataError ? .refused : code
    steps.append(Step(name: name, state: .failed, detail: text))
  }

  // MARK: Before connecting

  private func clock() throws -> String {
    let now = Date()
    guard now.timeIntervalSince1970 > Self.earliestSeconds else {
      throw Problem(
        code: .refused,
        text:
          "this machine says that it is \(now.ISO8601Format()), which can't be: set it, by 'timedatectl set-ntp true'"
      )
    }
    return now.ISO8601Format()
  }

  private func credentials() throws -> String {
    let issuer = isLocal && caFile.hasPrefix("data/") ? caFile : nil
    let checked: CheckedCredentials
    do throws(IdentityError) {
      checked = try checkCredentials(certificate: certificateFile, key: keyFile, ca: caFile, issuedBy: issuer)
    } catch {
      guard error.code == .fileMissing, isLocal else { throw error }
      throw Problem(
        code: .refused, text: "\(error); make the device by 'trucksensor provision thing \(device)'")
    }
    for warning in checked.warnings {
      steps.append(Step(name: "certificate, key and CA", state: .warning, detail: warning.message))
    }
    let certificate = checked.certificate
    return "\(certificate.keyType), for \(certificate.commonName ?? "nobody"), until "
      + certificate.notAfter.ISO8601Format()
  }

  private func policies() throws -> String {
    guard isLocal else { return "the endpoint's own, not known here" }
    let provisioning = try LocalCloud.provisioning()
    let registry = try Registry.read(LocalCloud.registryFile)
    let summary = try CertificateSummary(file: certificateFile)
    if [LocalCloud.testClient, LocalCloud.rulesEngine].contains(summary.commonName) {
      return "one of the cloud's own certificates"
    }
    guard let certificate = registry.certificates.first(where: { $0.certificateId == summary.fingerprint })
    else {
      throw Problem(
        code: .refused,
        text:
          "the certificate isn't registered, so it has no policy; run 'trucksensor provision thing \(device)'"
      )
    }
    switch certificate.status {
    case .active: break
    case .inactive:
      throw Problem(
        code: .refused,
        text: "the certificate is INACTIVE; run 'trucksensor provision cert activate \(device)'")
    case .revoked:
      throw Problem(
        code: .refused,
        text: "the certificate is REVOKED for good; run 'trucksensor provision cert rotate \(device)'")
    }
    var documents: [PolicyDocument] = []
    for name in certificate.policies { documents.append(try provisioning.policy(name)) }
    guard !documents.isEmpty else {
      throw Problem(
        code: .refused,
        text:
          "the certificate has no policy; run 'trucksensor provision policy attach \(LocalCloud.defaultPolicy) \(device)'"
      )
    }
    let context = Provisioning.context(of: certificate, clientID: clientID, in: registry)
    for (action, resource) in [("iot:Connect", "client/\(clientID)"), ("iot:Publish", "topic/\(topic.text)")]
    {
      let decision = PolicyDocument.evaluate(
        action: action, resource: resource, policies: documents, context: context)
      guard decision.outcome != .allowed else { continue }
      let names = certificate.policies.map(provisioning.path(ofPolicy:)).joined(separator: ", ")
      let by =
        decision.decidedBy.isEmpty ? "no statement allows it" : decision.decidedBy.joined(separator: "; ")
      var text = "\(action) on \(resource) is \(decision.outcome.rawValue): \(by); edit \(names)"
      if action == "iot:Connect", registry.thing(clientID) == nil {
        text += ", or connect as a thing: there is none of the name '\(clientID)'"
      }
      throw Problem(code: .refused, text: text)
    }
    return certificate.policies.joined(separator: ", ")
  }

  // MARK: On the way

  private func resolve() throws -> String {
    addresses = try ConnectionProbe.addresses(of: host)
    return addresses.joined(separator: ", ")
  }

  private func connect() throws -> String {
    guard hasBroker || !isLocal else {
      throw Problem(
        code: .unavailable,
        text: "no local broker runs in this folder: start it with './start.sh \(device)', or give --endpoint")
    }
    var failure: MQTTError?
    for address in addresses {
      do throws(MQTTError) {
        try ConnectionProbe.connect(to: address, port: port)
        addresses = [address]
        return "\(address):\(port)"
      } catch {
        failure = error
      }
    }
    var text = failure?.message ?? "there is no address"
    if port == 8883, !isLocal {
      let hasOther = addresses.contains { (try? ConnectionProbe.connect(to: $0, port: 443)) != nil }
      text +=
        hasOther
        ? "; port 443 answers: use '--endpoint \(host):443 --alpn x-amzn-mqtt-ca'"
        : "; a firewall, or a wrong endpoint"
    } else {
      text += "; check host and port"
    }
    throw Problem(code: .unavailable, text: text)
  }

  private func handshake() throws -> String {
    guard !arguments.has("no-tls") else { return "not asked for (--no-tls)" }
    let tls = try TLSContext(
      TLSSettings(trust: .file(caFile), applicationProtocol: arguments.string("alpn")))
    let passphrase = arguments.string("passphrase-file").flatMap(TextFile.read).map {
      String($0.prefix { !$0.isNewline })
    }
    let credentials = try DeviceCredentials(
      DeviceCredentialFiles(certificate: certificateFile, privateKey: keyFile, passphrase: passphrase))
    do throws(MQTTError) {
      let report = try ConnectionProbe.handshake(
        address: addresses.first ?? host, port: port, serverName: host, tls: tls, credentials: credentials)
      return "\(report.version), \(report.cipher), server \(report.server)"
    } catch {
      var text = error.message
      if host.contains("amazonaws.com"), port == 443, !arguments.has("alpn") {
        text += "; AWS's port 443 needs --alpn x-amzn-mqtt-ca"
      }
      throw Problem(code: error.kind == .credentials ? .refused : .unavailable, text: text)
    }
  }

  private func signIn() throws -> String {
    let loop = try EventLoop()
    let plan = try ConnectionPlan(arguments, local: (port, caFile))
    let client = try plan.client(device: device, clientID: clientID, loop: loop) { settings in
      settings.connectTimeout = 5_000_000_000
    }
    let trial = SignInTrial(loop)
    client.delegate = trial
    let header = try PublishHeader(topic: topic, qos: .atLeastOnce)
    _ = client.publish(OutgoingMessage(header: header, payload: [], due: .now()))
    let deadline = loop.makeTimer {
      trial.end(MQTTError(.unreachable, "no answer within 8 s; the broker may be overloaded"))
    }
    deadline.set(MonotonicTime.now().advanced(by: 8_000_000_000))
    client.connect()
    loop.run()
    client.disconnect()
    if let failure = trial.failure { throw failure }
    return "as '\(clientID)', and an empty message on '\(topic)' was acknowledged"
  }
}

/// Signs in once and publishes one message.
private final class SignInTrial: MQTTClientDelegate {
  private let loop: EventLoop
  private(set) var failure: MQTTError?

  init(_ loop: EventLoop) { self.loop = loop }

  func end(_ error: MQTTError?) {
    failure = failure ?? error
    loop.stop()
  }

  func client(_ client: MQTTClient, changedTo state: ConnectionState) {
    switch state {
    case .failed(let error), .waiting(let error): end(error)
    default: break
    }
  }

  func client(_ client: MQTTClient, delivered message: OutgoingMessage) { end(nil) }

  func client(_ client: MQTTClient, refused message: OutgoingMessage, with error: MQTTError) { end(error) }
}
