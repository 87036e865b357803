import CommandLine
import Doctor
import Files
import Identity
import LocalCloud
import MQTT

/// `trucksensor doctor`: finds out why a broker refuses a device.
enum DoctorCommand: Command {
  static let description = CommandDescription(
    name: "doctor",
    summary: "Finds out why a broker refuses a device, and how to fix it.",
    discussion:
      "Checks the files, the certificate, the registry's policies (for the local broker), the host name, TCP, TLS, the MQTT "
      + "connection, and publishing to --topic. The local broker says whether it would accept a message, and a device "
      + "that is connected isn't disturbed. With --endpoint, an empty message is published, which rules on "
      + "that topic receive, and a client that is connected with the same identifier is disconnected.",
    positionals: [.init(name: "NAME", help: "the device's name")],
    options: [
      .value("topic", "TOPIC", "the topic to try", default: "truck/freezer"),
      .flag("json", "the steps as JSON"),
    ] + ConnectionOptions.table,
    example:
      "trucksensor doctor truckSensor01\ntrucksensor doctor truckSensor01 --endpoint ID-ats.iot.eu-west-1.amazonaws.com",
    exitCodes: [
      (.success, "every check passed"), (.usage, "wrong usage"),
      (.unavailable, "the broker can't be reached"),
      (.refused, "the device is refused"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    Signals.block([])
    let subject = try subject(arguments)
    let examination = Examination(subject) { loop, adjust in
      let plan = try ConnectionPlan(arguments, local: (subject.port, subject.caFile))
      return try plan.client(
        device: subject.device, clientID: subject.clientID, loop: loop, adjust: adjust)
    }
    examination.run()
    if arguments.has("json") {
      StandardOutput.shared.print(examination.json)
    } else {
      for step in examination.steps {
        let style: Terminal.Style =
          switch step.state {
          case .ok: .green
          case .warning: .yellow
          case .failed: .red
          case .skipped: .dim
          }
        StandardOutput.shared.print("\(Terminal.output.styled(step.mark, style)) \(step.description)")
      }
    }
    return switch examination.outcome {
    case .admitted: .success
    case .unreachable: .unavailable
    case .refused: .refused
    }
  }

  private static func subject(_ arguments: ParsedArguments) throws -> Examination.Subject {
    let device = arguments.positionals[0]
    let kit = try ConnectionKit(directory: LocalCloud.certificateFolder, deviceName: device)
    let isLocal = !arguments.has("endpoint")
    let local = isLocal ? LocalCloud.runningBroker() : nil
    var (host, port) = ("127.0.0.1", local?.port ?? 8883)
    if let endpoint = arguments.string("endpoint") {
      (host, port) = try ConnectionOptions.parseEndpoint(
        endpoint, defaultPort: arguments.has("alpn") ? 443 : 8883, arguments)
    }
    return Examination.Subject(
      device: device, certificateFile: arguments.string("cert") ?? kit.certificatePath,
      keyFile: arguments.string("key") ?? kit.privateKeyPath,
      passphrase: try arguments.string("passphrase-file").map {
        String(try Files.readText($0).prefix { !$0.isNewline })
      },
      caFile: arguments.string("ca") ?? local?.caFile ?? kit.rootPath,
      clientID: arguments.string("client-id") ?? device,
      topic: try TopicName(arguments.string("topic") ?? "truck/freezer"), host: host, port: port,
      isLocal: isLocal, hasLocalBroker: local != nil, usesTLS: !arguments.has("no-tls"),
      applicationProtocol: arguments.string("alpn"))
  }
}
