import CommandLine
import Files
import Identity
import LocalCloud

/// `provision policy`.
enum ProvisionPolicyCommand: Command {
  static let description = CommandDescription(
    name: "provision policy",
    summary: "Manages policies, and attaches them to certificates.",
    discussion:
      "The documents are policies/NAME.json, in AWS IoT's format. CERTIFICATE is an identifier or a thing's name.",
    positionals: [
      .init(name: "ACTION", help: "create, list, show, attach, detach or delete"),
      .init(
        name: "NAME", help: "the policy's name, and a FILE or a CERTIFICATE", required: false,
        repeatable: true),
    ],
    options: [.flag("json", "the answer as JSON"), ProvisionAnswer.dryRun],
    example: "trucksensor provision policy attach truckSensor-policy truckSensor02",
    exitCodes: ProvisionAnswer.exitCodes)

  static let changesIdentity = true

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let action = arguments.positionals[0]
    let policies = LocalCloud.policies
    if action == "list" {
      let registry = try Registry.read(LocalCloud.registryFile)
      for name in try policies.names() {
        let targets = registry.targets(ofPolicy: name).map(\.commonName)
        StandardOutput.shared.print(
          "\(name): \(targets.isEmpty ? "not attached" : targets.joined(separator: ", "))")
      }
      return .success
    }
    let name = try ProvisionAnswer.word(1, "NAME", arguments)
    let path = policies.file(of: name)
    switch action {
    case "create":
      let source = try ProvisionAnswer.word(2, "FILE", arguments)
      let bytes = try Files.read(source)
      try Registry.check(policyName: name)
      _ = try PolicyDocument(bytes, file: source)
      guard try !Files.exists(path) || Files.read(path) == bytes else {
        throw IdentityError(
          .conflict, path: path, "\(path) exists with other content; edit it, or choose another name")
      }
      guard !arguments.has("dry-run") else {
        ProvisionAnswer.tellDryRun("\(path) would be written")
        break
      }
      try Files.makeFolder(LocalCloud.policies.path)
      try Files.write(bytes, to: path)
      StandardError.print("The policy is \(path).")
    case "show":
      _ = try policies.policy(name)
      StandardOutput.shared.print(try Files.readText(path))
    case "attach", "detach":
      let certificate = try ProvisionAnswer.word(2, "CERTIFICATE", arguments)
      if action == "attach" { _ = try policies.policy(name) }
      let has = action == "attach" ? "has" : "doesn't have"
      try ProvisionAnswer.change(arguments, "The certificate of '\(certificate)' \(has) the policy '\(name)'")
      {
        registry throws(IdentityError) in
        try registry.setPolicy(name, ofCertificate: certificate, action == "attach")
      }
    case "delete":
      if let user = try Registry.read(LocalCloud.registryFile).targets(ofPolicy: name).first {
        throw IdentityError(
          .inUse, "the certificate of '\(user.commonName)' has the policy '\(name)'; detach it first")
      }
      guard Files.exists(path) else {
        throw IdentityError(.notFound, "there is no policy '\(name)'; see 'provision policy list'")
      }
      guard !arguments.has("dry-run") else {
        ProvisionAnswer.tellDryRun("\(path) would be deleted")
        break
      }
      try Files.remove(path)
      StandardError.print("\(path) is deleted.")
    default:
      throw arguments.error(
        "unknown action '\(action)'; use one of create, list, show, attach, detach, delete")
    }
    return .success
  }
}
