import CommandLine
import Files
import Identity
import JSON
import LocalCloud
import Time

/// `policy test`: what `aws iot test-authorization` answers.
enum PolicyTestCommand: Command {
  static let description = CommandDescription(
    name: "policy test",
    summary: "Shows whether policies allow an action, and which statement decides.",
    options: [
      .value("principal", "NAME", "a thing's name or a certificate's identifier", required: true),
      .value("action", "ACTION", "the action, such as iot:Publish", required: true),
      .value("resource", "RESOURCE", "topic/T, topicfilter/F, client/ID, or a complete ARN", required: true),
      .value("client-id", "ID", "the MQTT client identifier", default: "the certificate's common name"),
      CommandDescription.Option.value(
        "policy", "FILE", "evaluate this document instead of the principal's policies", repeatable: true,
        file: true
      ).scoped(.command),
      .value(
        "source-ip", "ADDRESS", "the client's address, for conditions on aws:SourceIp", default: "127.0.0.1"),
      .value(
        "time", "TIME", "the time of the request (ISO 8601), for conditions on the time", default: "now"),
      .flag("json", "the answer as JSON"),
    ],
    example:
      "trucksensor policy test --principal truckSensor01 --action iot:Publish --resource topic/truck/freezer",
    exitCodes: [
      (.success, "allowed"), (.refused, "denied"), (.usage, "wrong usage"),
      (.dataError, "no such principal or policy"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let action = arguments.string("action") ?? ""
    if let problem = PolicyDocument.problem(withAction: action) {
      throw arguments.error("--action: \(problem)")
    }
    let time = try arguments.parsed("time") { text throws(UsageError) in
      guard let time = Moment(iso8601: text) else { throw arguments.error("is not an ISO 8601 time") }
      return time.seconds
    }
    let registry = try Registry.read(LocalCloud.registryFile)
    let certificate = try registry.certificate(arguments.string("principal") ?? "")
    var policies: [PolicyDocument] = []
    for path in arguments.strings("policy") {
      policies.append(try PolicyDocument(Files.read(path), file: path))
    }
    let clientID = arguments.string("client-id") ?? certificate.commonName
    if policies.isEmpty {
      for name in registry.policies(of: certificate, clientID: clientID) {
        policies.append(try LocalCloud.policies.policy(name))
      }
    }
    var context = Provisioning.context(of: certificate, clientID: clientID, in: registry)
    context.setRequest(
      sourceIP: arguments.string("source-ip") ?? "127.0.0.1",
      epochSeconds: time ?? WallClock.milliseconds / 1000)
    let decision = PolicyDocument.evaluate(
      action: action, resource: arguments.string("resource") ?? "",
      policies: policies,
      context: context)
    // What isn't active doesn't come in, whatever its policies say.
    let isActive = certificate.status == .active
    let outcome = isActive ? decision.outcome.rawValue : "EXPLICIT_DENY"
    let reasons = isActive ? decision.decidedBy : ["the certificate is \(certificate.status.rawValue)"]
    if arguments.has("json") {
      var json = JSONWriter(indented: true)
      json.object {
        $0.member("authDecision", outcome)
        $0.array("matchedStatements") { for reason in reasons { $0.value(reason) } }
        $0.array("missingContextValues") { _ in }
      }
      StandardOutput.shared.print(json.text)
    } else {
      let why = reasons.isEmpty ? "no statement matches" : reasons.joined(separator: "; ")
      StandardOutput.shared.print("\(outcome): \(why)")
    }
    return isActive && decision.outcome == .allowed ? .success : .refused
  }
}
