import CommandLine
import Identity
import LocalCloud

/// `provision fleet`: many things at once.
enum ProvisionFleetCommand: Command {
  static let description = CommandDescription(
    name: "provision fleet", summary: "Creates many things with their certificates.",
    discussion:
      "Things that exist stay as they are; with --policy, their certificates get the policies, too.",
    options: [
      .value("count", "N", "how many", required: true),
      .value("prefix", "TEXT", "the things are called TEXT1 … TEXTN", default: "truck"),
      .value("type", "TYPE", "their thing type"),
      .value("policy", "NAME", "a policy in policies/", default: LocalCloud.defaultPolicy, repeatable: true),
      ProvisionAnswer.key("key type"),
      .value("days", "N", "how long the certificates are valid", default: "365"), ProvisionAnswer.dryRun,
    ],
    example: "trucksensor provision fleet --count 1000 --prefix truck", exitCodes: ProvisionAnswer.exitCodes)

  static let changesIdentity = true

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let count = try arguments.integer("count", in: 1...100_000) ?? 1
    let prefix = arguments.string("prefix") ?? "truck"
    let given = arguments.strings("policy")
    let word = given.count == 1 ? "policy" : "policies"
    let policyList = "\(word) \(given.joined(separator: ", "))"
    if arguments.has("dry-run") {
      let registry = try Registry.read(LocalCloud.registryFile)
      let new = (1...count).count { registry.thing("\(prefix)\($0)") == nil }
      let attached = given.isEmpty ? "" : "; their certificates would have the \(policyList)"
      ProvisionAnswer.tellDryRun(
        "\(new) of \(count) things would be created, \(prefix)1 … \(prefix)\(count)\(attached)")
      return .success
    }
    let provisioning = try LocalCloud.provisioning()
    if given.isEmpty {
      try LocalCloud.writeDefaultPolicy(report: { text, _ in StandardError.print(text) })
    }
    let policies = given.isEmpty ? [LocalCloud.defaultPolicy] : given
    let made = try provisioning.provision(
      fleet: (1...count).map { "\(prefix)\($0)" }, type: arguments.string("type"), policies: policies,
      attachesToExisting: !given.isEmpty, keyKind: try ProvisionAnswer.keyKind(arguments),
      days: try arguments.integer("days", in: 1...36_525) ?? 365
    ) { done in
      if done % 50 == 0 { StandardError.show(status: "\(done) of \(count)") }
    }
    StandardError.show(status: nil)
    let attached = given.isEmpty ? "" : "; their certificates have the \(policyList)"
    StandardOutput.shared.print(
      "\(made) of \(count) things are new, \(prefix)1 … \(prefix)\(count)\(attached)")
    return .success
  }
}
