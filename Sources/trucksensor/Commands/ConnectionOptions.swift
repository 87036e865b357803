import CommandLine
import Files
import Identity
import MQTT
import Simulator

/// The options that say where and as whom to connect, shared by all commands that do.
enum ConnectionOptions {
  static let table: [CommandDescription.Option] = [
    .value(
      "endpoint", "HOST[:PORT]", "the broker, such as AWS IoT Core's endpoint", default: "the local broker"),
    .value("cert", "FILE", "the device's certificate", default: "certs/NAME.cert.pem", file: true),
    .value("key", "FILE", "its private key", default: "certs/NAME.private.key", file: true),
    .value("passphrase-file", "FILE", "a file whose first line is the key's passphrase", file: true),
    .value(
      "ca", "FILE", "the CA that signed the broker's certificate",
      default: "the local CA for the local broker, otherwise certs/root-CA.crt", file: true),
    .value(
      "alpn", "PROTOCOL", "the TLS application protocol; AWS IoT Core on port 443 needs x-amzn-mqtt-ca"),
    .flag("no-tls", "connect without TLS, for a test broker (default port 1883)"),
    .value("client-id", "ID", "the MQTT client identifier", default: "the device's name"),
    .value("keep-alive", "SECONDS", "MQTT keep-alive", default: "60"),
    .value(
      "mqtt", "3.1.1|5", "the protocol's version", default: "5, or 3.1.1 if the broker doesn't support 5"),
    .value("connect-timeout", "TIME", "how long to try for a connection", default: "30s"),
  ]

  /// Host and port of `--endpoint`; an IPv6 address with a port stands in brackets.
  static func parseEndpoint(_ text: String, defaultPort: UInt16, _ arguments: ParsedArguments)
    throws(UsageError) -> (
      host: String, port: UInt16
    )
  {
    func bad() -> UsageError {
      arguments.error("--endpoint takes HOST or HOST:PORT, not '\(text)'")
    }
    var host = text[...]
    var portText: Substring?
    if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
      host = text[text.index(after: text.startIndex)..<end]
      let rest = text[text.index(after: end)...]
      guard rest.isEmpty || rest.hasPrefix(":") else { throw bad() }
      portText = rest.isEmpty ? nil : rest.dropFirst()
    } else if let colon = text.lastIndex(of: ":"), text.filter({ $0 == ":" }).count == 1 {
      host = text[..<colon]
      portText = text[text.index(after: colon)...]
    }
    guard !host.isEmpty, !host.contains("/"), !host.contains(where: \.isWhitespace) else { throw bad() }
    guard let portText else { return (String(host), defaultPort) }
    guard let port = UInt16(portText), port > 0 else { throw bad() }
    return (String(host), port)
  }
}

/// What the connection options say, checked before anything is started.
struct ConnectionChoices {
  let keepAliveSeconds: UInt16
  let version: ProtocolVersion
  let connectTimeout: Int64?

  init(_ arguments: ParsedArguments) throws(UsageError) {
    keepAliveSeconds = UInt16(clamping: try arguments.integer("keep-alive", in: 5...65_535) ?? 60)
    switch arguments.string("mqtt") {
    case nil: version = .automatic
    case "5": version = .version5
    case "3.1.1", "3": version = .version311
    case .some(let text): throw arguments.error("--mqtt takes 3.1.1 or 5, not '\(text)'")
    }
    connectTimeout = try arguments.duration("connect-timeout")
  }
}

/// How to reach one broker, with the TLS context shared by all clients of a command.
struct ConnectionPlan {
  let arguments: ParsedArguments
  let host: String
  let port: UInt16
  let caFile: String
  let usesTLS: Bool
  /// Whether the broker is the one of this folder, which may not run yet.
  let isLocal: Bool
  /// Whether that broker runs, and is connected to over TLS: it answers questions.
  let answersQuestions: Bool
  /// Whether `--cert`, `--key` and their passphrase are for the plan's clients.
  private let takesGivenCredentials: Bool
  private let tls: TLSContext?
  private let choices: ConnectionChoices

  /// Where to connect: `--endpoint`, or `local`, the broker on this machine.
  init(
    _ arguments: ParsedArguments, local: (port: UInt16, caFile: String)?, ownCredentials: Bool = true
  ) throws {
    self.arguments = arguments
    takesGivenCredentials = ownCredentials
    choices = try ConnectionChoices(arguments)
    usesTLS = !arguments.has("no-tls")
    isLocal = !arguments.has("endpoint")
    answersQuestions = isLocal && usesTLS && local != nil
    if let endpoint = arguments.string("endpoint") {
      let standard: UInt16 = !usesTLS ? 1883 : arguments.has("alpn") ? 443 : 8883
      (host, port) =
        try ConnectionOptions.parseEndpoint(endpoint, defaultPort: standard, arguments)
      caFile = arguments.string("ca") ?? Self.standardCA
    } else {
      host = "127.0.0.1"
      port = local?.port ?? (usesTLS ? 8883 : 1883)
      caFile = arguments.string("ca") ?? local?.caFile ?? Self.standardCA
      if local == nil {
        StandardError.print(
          "No local broker is running in this folder; waiting for one at \(host):\(port). Start it with 'trucksensor run NAME' or "
            + "'trucksensor broker' in another shell, or name another broker with --endpoint.")
      }
    }
    tls =
      usesTLS
      ? try TLSContext(TLSSettings(trust: .file(caFile), applicationProtocol: arguments.string("alpn"))) : nil
  }

  /// A client that signs in as `device` with the certificate of its name, checked before.
  func client(
    device: String, clientID: String? = nil, loop: EventLoop, adjust: (inout ConnectionSettings) -> Void
  )
    throws -> MQTTClient
  {
    var settings = ConnectionSettings(
      host: host, port: port, clientID: clientID ?? arguments.string("client-id") ?? device)
    settings.keepAliveSeconds = choices.keepAliveSeconds
    settings.version = choices.version
    if let timeout = choices.connectTimeout { settings.connectTimeout = timeout }
    adjust(&settings)
    let client = try MQTTClient(
      settings: settings, tls: tls, credentials: usesTLS ? try credentials(of: device) : nil, loop: loop)
    if StandardError.isVerbose { client.onDetail = { StandardError.detail($0) } }
    return client
  }

  /// The CA of a connection kit, which signed its broker's certificate.
  private static var standardCA: String {
    Files.join(Workspace.current.certificates, ConnectionKit.rootFileName)
  }

  private func given(_ name: String) -> String? { takesGivenCredentials ? arguments.string(name) : nil }

  private func credentials(of device: String) throws -> DeviceCredentials {
    let kit = try ConnectionKit(directory: Workspace.current.certificates, deviceName: device)
    let certificate = given("cert") ?? kit.certificatePath
    let key = given("key") ?? kit.privateKeyPath
    let passphrase = try given("passphrase-file").map { path in
      String(try Files.readText(path).prefix { !$0.isNewline })
    }
    let checked = try checkCredentials(certificate: certificate, key: key, ca: caFile, passphrase: passphrase)
    for warning in checked.warnings { StandardError.warning("\(warning)") }
    StandardError.detail("\(device): certificate \(certificate), key \(key), CA \(caFile)")
    return try DeviceCredentials(
      DeviceCredentialFiles(certificate: certificate, privateKey: key, passphrase: passphrase))
  }
}
