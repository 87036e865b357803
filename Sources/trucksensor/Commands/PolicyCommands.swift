import FoundationEssentials
import Glibc
import Identity

/// `policy test`: what `aws iot test-authorization` answers.
enum PolicyTestCommand: Command {
  static let description = CommandDescription(
    name: "policy test",
    summary: "Would this principal be allowed this action on this resource, and by which statement?",
    options: [
      .value("principal", "NAME", "a thing's name or a certificate's identifier", required: true),
      .value("action", "ACTION", "such as iot:Publish", required: true),
      .value("resource", "RESOURCE", "topic/T, topicfilter/F, client/ID, or a whole ARN", required: true),
      .value("client-id", "ID", "the MQTT client identifier", default: "the certificate's common name"),
      .value(
        "policy", "FILE", "try this document instead of the principal's policies", repeatable: true,
        file: true),
      .flag("json", "the answer as JSON"),
    ],
    example:
      "trucksensor policy test --principal truckSensor01 --action iot:Publish --resource topic/truck/freezer",
    exitCodes: [
      (.success, "allowed"), (.refused, "denied"), (.usage, "wrong usage"),
      (.dataError, "no such principal or policy"),
    ])

  private struct Answer: Encodable {
    let authDecision: String
    let matchedStatements: [String]
    let missingContextValues: [String]
  }

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let registry = try Registry.read(LocalCloud.registryFile)
    let certificate = try registry.certificate(arguments.string("principal") ?? "")
    let provisioning = try LocalCloud.provisioning()
    var policies: [PolicyDocument] = []
    for path in arguments.strings("policy") { policies.append(try PolicyFiles.read(path)) }
    if policies.isEmpty {
      for name in certificate.policies { policies.append(try provisioning.policy(name)) }
    }
    let clientID = arguments.string("client-id") ?? certificate.commonName
    let decision = PolicyDocument.evaluate(
      action: arguments.string("action") ?? "", resource: arguments.string("resource") ?? "",
      policies: policies,
      context: Provisioning.context(of: certificate, clientID: clientID, in: registry))
    // What isn't active doesn't come in, whatever its policies say.
    let isActive = certificate.status == .active
    let outcome = isActive ? decision.outcome.rawValue : "EXPLICIT_DENY"
    let reasons = isActive ? decision.decidedBy : ["the certificate is \(certificate.status.rawValue)"]
    if arguments.has("json") {
      try ProvisionAnswer.json(
        Answer(authDecision: outcome, matchedStatements: reasons, missingContextValues: []))
    } else {
      let why = reasons.isEmpty ? "no statement matches" : reasons.joined(separator: "; ")
      StandardOutput.shared.print("\(outcome): \(why)")
    }
    return isActive && decision.outcome == .allowed ? .success : .refused
  }
}

/// `policy check`: validates policies, and warns of what they grant too much.
enum PolicyCheckCommand: Command {
  static let description = CommandDescription(
    name: "policy check",
    summary: "Validates policy documents, and warns of what grants too much or can't work.",
    positionals: [.init(name: "FILE", help: "a policy document", repeatable: true, isFile: true)],
    example: "trucksensor policy check policies/truckSensor-policy.json",
    exitCodes: [(.success, "all valid"), (.dataError, "a document is wrong")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    var isValid = true
    for path in arguments.positionals {
      do {
        let policy = try PolicyFiles.read(path)
        StandardOutput.shared.print("\(path): \(policy.statements.count) statements")
        for warning in policy.warnings { StandardOutput.shared.print("  warning: \(warning)") }
      } catch {
        isValid = false
        StandardError.print("trucksensor: \(error)")
      }
    }
    return isValid ? .success : .dataError
  }
}

/// Policy documents on disk.
enum PolicyFiles {
  static func read(_ path: String) throws -> PolicyDocument {
    guard let bytes = TextFile.bytes(of: path) else {
      throw OutputError(description: "\(path) can't be read: \(String(cString: strerror(errno)))")
    }
    return try PolicyDocument(bytes, file: path)
  }
}
