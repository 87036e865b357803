import FoundationEssentials
import Identity
import JSON
import LocalCloud
import MQTT
import Time

/// The steps of a sign-in, up to the first that fails: why does the broker not let this device in?
package final class Examination {
  /// What is examined.
  package struct Subject {
    /// The device's name.
    package var device: String
    /// The device's certificate (PEM file).
    package var certificateFile: String
    /// Its private key (PEM file).
    package var keyFile: String
    /// The key's passphrase.
    package var passphrase: String?
    /// The CA of the broker's certificate (PEM file).
    package var caFile: String
    /// The MQTT client identifier.
    package var clientID: String
    /// The topic to try.
    package var topic: TopicName
    /// The broker's host name or address.
    package var host: String
    /// The broker's port.
    package var port: UInt16
    /// Whether it is this folder's local broker.
    package var isLocal: Bool
    /// Whether a broker of this folder runs; another folder's may listen on the same port.
    package var hasLocalBroker: Bool
    /// Whether to connect by TLS.
    package var usesTLS: Bool
    /// The protocol to ask for in the TLS handshake (ALPN).
    package var applicationProtocol: String?

    /// A subject with all its parts.
    package init(
      device: String, certificateFile: String, keyFile: String, passphrase: String?, caFile: String,
      clientID: String, topic: TopicName, host: String, port: UInt16, isLocal: Bool, hasLocalBroker: Bool,
      usesTLS: Bool, applicationProtocol: String?
    ) {
      self.device = device
      self.certificateFile = certificateFile
      self.keyFile = keyFile
      self.passphrase = passphrase
      self.caFile = caFile
      self.clientID = clientID
      self.topic = topic
      self.host = host
      self.port = port
      self.isLocal = isLocal
      self.hasLocalBroker = hasLocalBroker
      self.usesTLS = usesTLS
      self.applicationProtocol = applicationProtocol
    }
  }

  /// The result of all steps together.
  package enum Outcome: Sendable { case admitted, unreachable, refused }

  /// One step and what came of it.
  package struct Step: Sendable {
    package enum State: String, Sendable { case ok, warning, failed, skipped }

    /// What was checked.
    package let name: String
    /// What came of it.
    package var state: State
    /// What was seen, or what is wrong, the likely cause and how to fix it.
    package var detail: String

    /// The state as a word of 8 columns.
    package var mark: String {
      switch state {
      case .ok: "ok      "
      case .warning: "warning "
      case .failed: "FAILED  "
      case .skipped: "skipped "
      }
    }

    /// The step as a line.
    package var text: String { "\(mark) \(description)" }

    /// What was checked and seen.
    package var description: String { "\(name)\(detail.isEmpty ? "" : ": \(detail)")" }
  }

  /// The steps in order; the one after a failed step are skipped.
  package private(set) var steps: [Step] = []
  /// The results so far.
  package private(set) var outcome = Outcome.admitted
  private let subject: Subject
  private let makeClient: (EventLoop, _ adjust: (inout ConnectionSettings) -> Void) throws -> MQTTClient
  private var addresses: [String] = []
  /// Before this there was no program that could ask: the clock is wrong.
  private static let earliestSeconds = 1_767_225_600.0  // 2026-01-01T00:00:00Z

  /// Prepares the examination; `makeClient` makes the client that signs in, with settings that are adjusted by its second
  /// argument.
  package init(
    _ subject: Subject,
    makeClient: @escaping (EventLoop, _ adjust: (inout ConnectionSettings) -> Void) throws -> MQTTClient
  ) {
    self.subject = subject
    self.makeClient = makeClient
  }

  /// The steps as a JSON array.
  package var json: String {
    var json = JSONWriter()
    json.array {
      for step in steps {
        $0.object {
          $0.member("name", step.name)
          $0.member("state", step.state.rawValue)
          $0.member("detail", step.detail)
        }
      }
    }
    return json.text
  }

  private struct Problem: Error {
    let outcome: Outcome
    let text: String
  }

  /// Takes the steps.
  package func run() {
    let work: [(String, () throws -> String)] = [
      ("clock", clock), ("certificate, key and CA", credentials), ("registry and policies", policies),
      ("host name", resolve), ("TCP", connect), ("TLS", handshake), ("MQTT sign-in and publish", signIn),
    ]
    for (name, step) in work {
      guard outcome == .admitted else {
        steps.append(Step(name: name, state: .skipped, detail: ""))
        continue
      }
      do {
        let detail = try step()
        steps.append(Step(name: name, state: .ok, detail: detail))
      } catch let problem as Problem {
        fail(name, problem.text, problem.outcome)
      } catch {
        fail(name, "\(error)", Self.outcome(of: error))
      }
    }
  }

  private func fail(_ name: String, _ text: String, _ outcome: Outcome) {
    self.outcome = outcome
    steps.append(Step(name: name, state: .failed, detail: text))
  }

  private static func outcome(of error: any Error) -> Outcome {
    guard let error = error as? MQTTError, [.unreachable, .system].contains(error.kind) else {
      return .refused
    }
    return .unreachable
  }

  // MARK: Before connecting

  private func clock() throws -> String {
    let now = Moment.text(seconds: WallClock.milliseconds / 1000)
    guard WallClock.seconds > Self.earliestSeconds else {
      throw Problem(
        outcome: .refused,
        text:
          "this machine's clock says \(now), which is wrong; set it, for example with 'timedatectl set-ntp true'"
      )
    }
    return now
  }

  private func credentials() throws -> String {
    let issuer =
      subject.isLocal && subject.caFile.hasPrefix(LocalCloud.authorityFolder) ? subject.caFile : nil
    let checked: CheckedCredentials
    do throws(IdentityError) {
      checked = try checkCredentials(
        certificate: subject.certificateFile, key: subject.keyFile, ca: subject.caFile,
        passphrase: subject.passphrase,
        issuedBy: issuer)
    } catch {
      guard error.code == .fileMissing, subject.isLocal else { throw error }
      throw Problem(
        outcome: .refused,
        text: "\(error); create the device with 'trucksensor provision thing \(subject.device)'")
    }
    for warning in checked.warnings {
      steps.append(Step(name: "certificate, key and CA", state: .warning, detail: warning.message))
    }
    let certificate = checked.certificate
    return "\(certificate.keyType), for \(certificate.commonName ?? "nobody"), until "
      + certificate.notAfter.iso8601
  }

  private func policies() throws -> String {
    guard subject.isLocal else { return "the endpoint's own, not known here" }
    let summary = try CertificateSummary(file: subject.certificateFile)
    let admission = try Admission(
      device: subject.device, certificate: summary, clientID: subject.clientID, topic: subject.topic)
    if let reason = admission.refusal { throw Problem(outcome: .refused, text: reason) }
    return admission.policies.joined(separator: ", ")
  }

  // MARK: On the way

  private func resolve() throws -> String {
    addresses = try ConnectionProbe.addresses(of: subject.host)
    return addresses.joined(separator: ", ")
  }

  private func connect() throws -> String {
    guard subject.hasLocalBroker || !subject.isLocal else {
      throw Problem(
        outcome: .unreachable,
        text:
          "no local broker runs in this folder: start it with './start.sh \(subject.device)', or give --endpoint"
      )
    }
    var failure: MQTTError?
    for address in addresses {
      do throws(MQTTError) {
        try ConnectionProbe.connect(to: address, port: subject.port)
        addresses = [address]
        return "\(address):\(subject.port)"
      } catch {
        failure = error
      }
    }
    var text = failure?.message ?? "the name has no address"
    if subject.port == 8883, !subject.isLocal {
      let hasOther = addresses.contains { (try? ConnectionProbe.connect(to: $0, port: 443)) != nil }
      text +=
        hasOther
        ? "; port 443 answers: use '--endpoint \(subject.host):443 --alpn x-amzn-mqtt-ca'"
        : "; a firewall, or a wrong endpoint"
    } else {
      text += "; check host and port"
    }
    throw Problem(outcome: .unreachable, text: text)
  }

  private func handshake() throws -> String {
    guard subject.usesTLS else { return "not asked for (--no-tls)" }
    let tls = try TLSContext(
      TLSSettings(trust: .file(subject.caFile), applicationProtocol: subject.applicationProtocol))
    let credentials = try DeviceCredentials(
      DeviceCredentialFiles(
        certificate: subject.certificateFile, privateKey: subject.keyFile, passphrase: subject.passphrase))
    do throws(MQTTError) {
      let report = try ConnectionProbe.handshake(
        address: addresses.first ?? subject.host, port: subject.port, serverName: subject.host, tls: tls,
        credentials: credentials)
      return "\(report.version), \(report.cipher), server \(report.server)"
    } catch {
      var text = error.message
      if subject.host.contains("amazonaws.com"), subject.port == 443, subject.applicationProtocol == nil {
        text += "; AWS's port 443 needs --alpn x-amzn-mqtt-ca"
      }
      throw Problem(outcome: error.kind == .credentials ? .refused : .unreachable, text: text)
    }
  }

  /// Signs in and publishes. The local broker is only asked whether it would take a message, so that rules have nothing to do,
  /// and isn't asked to admit a client that is connected: a second one with its identifier would disconnect it.
  private func signIn() throws -> String {
    let isOwn = subject.isLocal && subject.hasLocalBroker
    if isOwn, try MessageGateway(LocalCloud.runningBroker).isConnected(subject.clientID) == true {
      return
        "not tried, because a client is connected as '\(subject.clientID)', and another would disconnect it"
    }
    let loop = try EventLoop()
    let client = try makeClient(loop) { $0.connectTimeout = 5_000_000_000 }
    let trial = SignInTrial(loop)
    client.delegate = trial
    let topic = isOwn ? try TopicName(BrokerQuestion.mayPublish(subject.topic)) : subject.topic
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
    return isOwn
      ? "as '\(subject.clientID)', which may publish to '\(subject.topic)'"
      : "as '\(subject.clientID)', and an empty message on '\(subject.topic)' was acknowledged"
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
