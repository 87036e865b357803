import CommandLine
import Identity
import LocalCloud

/// `provision cert`.
enum ProvisionCertCommand: Command {
  static let description = CommandDescription(
    name: "provision cert",
    summary: "Lists, shows, revokes, rotates and deletes certificates.",
    discussion:
      "CERTIFICATE is an identifier, or its first 12 digits, or a thing's name. A running broker disconnects a "
      + "device within a second after its certificate is revoked or deactivated, and refuses it from then on.",
    positionals: [
      .init(name: "ACTION", help: "list, show, revoke, deactivate, activate, rotate or delete"),
      .init(name: "CERTIFICATE", help: "which", required: false),
    ],
    options: [
      ProvisionAnswer.key("key type of a rotated certificate"),
      .value("days", "N", "how long a rotated certificate is valid", default: "365"),
      .flag("json", "the answer as JSON"), ProvisionAnswer.dryRun,
    ],
    example: "trucksensor provision cert revoke truckSensor02", exitCodes: ProvisionAnswer.exitCodes)

  static let changesIdentity = true

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let action = arguments.positionals[0]
    let file = LocalCloud.registryFile
    if action == "list" {
      ProvisionAnswer.list(try Registry.read(file).certificates, arguments) { certificate in
        "\(certificate.certificateId.prefix(12)) \(certificate.status.rawValue) \(certificate.commonName) "
          + certificate.policies.joined(separator: ",")
      }
      return .success
    }
    let name = try ProvisionAnswer.word(1, "CERTIFICATE", arguments)
    let statuses: [String: RegisteredCertificate.Status] = [
      "revoke": .revoked, "deactivate": .inactive, "activate": .active,
    ]
    switch action {
    case "show": ProvisionAnswer.json(try Registry.read(file).certificate(name))
    case "rotate" where arguments.has("dry-run"):
      let certificate = try Registry.read(file).certificate(name)
      ProvisionAnswer.tellDryRun("'\(certificate.commonName)' would get a new certificate and key")
    case "rotate":
      let made = try LocalCloud.provisioning().rotate(
        name, keyKind: try ProvisionAnswer.keyKind(arguments),
        days: try arguments.integer("days", in: 1...36_525) ?? 365)
      StandardOutput.shared.print(
        "certificate  \(made.certificateId ?? "")\n" + made.files.map { "file         \($0)\n" }.joined())
    case "delete":
      try ProvisionAnswer.change(arguments, "The certificate of '\(name)' is deleted") {
        registry throws(IdentityError) in try registry.deleteCertificate(name)
      }
    default:
      guard let status = statuses[action] else {
        throw arguments.error(
          "unknown action '\(action)'; use one of list, show, revoke, deactivate, activate, rotate, delete")
      }
      try ProvisionAnswer.change(arguments, "The certificate of '\(name)' is \(status.rawValue)") {
        registry throws(IdentityError) in try registry.setStatus(status, of: name)
      }
    }
    return .success
  }
}
