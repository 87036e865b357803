import CommandLine
import Files
import Identity
import LocalCloud
import Text

/// `provision thing`: what the console's wizard does, in one step.
enum ProvisionThingCommand: Command {
  static let description = CommandDescription(
    name: "provision thing",
    summary: "Creates a thing with its certificate and policy; manages things.",
    discussion:
      "'provision thing NAME' does what AWS's connection wizard does, and keeps what already exists. Other actions: "
      + "list, show NAME, attach NAME CERTIFICATE, detach NAME CERTIFICATE, delete NAME. If a broker runs in this folder, "
      + "the command ends when the broker enforces the change.",
    positionals: [
      .init(
        name: "ACTION",
        help: "create, list, show, attach, detach or delete; or just the NAME of a thing to create"),
      .init(
        name: "NAME", help: "the thing's name, and a certificate's identifier", required: false,
        repeatable: true),
    ],
    options: [
      .value("type", "TYPE", "its thing type"),
      .value("attribute", "NAME=VALUE", "an attribute", repeatable: true),
      .value("policy", "NAME", "a policy in policies/", default: LocalCloud.defaultPolicy, repeatable: true),
      ProvisionAnswer.key("key type"),
      .value("csr", "FILE", "sign this request instead: the key stays with the device", file: true),
      .value("certificate", "FILE", "register this certificate instead", file: true),
      .value("days", "N", "how long the certificate is valid", default: "365"),
      .flag("json", "the answer as JSON"), ProvisionAnswer.dryRun,
    ],
    example:
      "trucksensor provision thing truckSensor02 --type sensor_DoorAndTemp --attribute deviceID=T002",
    exitCodes: ProvisionAnswer.exitCodes)

  private static let actions = ["create", "list", "show", "attach", "detach", "delete"]

  static let changesIdentity = true

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let words = arguments.positionals
    let registry = LocalCloud.registryFile
    switch words[0] {
    case "list":
      ProvisionAnswer.list(try Registry.read(registry).things, arguments) { thing in
        ([thing.thingName, thing.thingTypeName ?? "-"]
          + thing.attributes.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }).joined(
            separator: " ")
      }
    case "show":
      let name = try ProvisionAnswer.word(1, "NAME", arguments)
      guard let thing = try Registry.read(registry).thing(name) else {
        throw IdentityError(.notFound, "there is no thing '\(name)'; see 'provision thing list'")
      }
      ProvisionAnswer.json(thing)
    case "attach", "detach":
      let name = try ProvisionAnswer.word(1, "NAME", arguments)
      let certificate = try ProvisionAnswer.word(2, "CERTIFICATE", arguments)
      let isAttached = words[0] == "attach" ? "is attached" : "isn't attached"
      try ProvisionAnswer.change(
        arguments, "The certificate of '\(certificate)' \(isAttached) to the thing '\(name)'"
      ) {
        registry throws(IdentityError) in
        try registry.setThing(name, ofCertificate: certificate, words[0] == "attach")
      }
    case "delete":
      let name = try ProvisionAnswer.word(1, "NAME", arguments)
      try ProvisionAnswer.change(arguments, "The thing '\(name)' is deleted") {
        registry throws(IdentityError) in
        try registry.deleteThing(name)
      }
    default:
      // One word is a thing's name; one that is nearly an action is more likely that, and would make a key.
      if words.count == 1, words[0] != "create", let action = NearestName.of(words[0], among: actions) {
        throw arguments.error(
          "'\(words[0])' is not an action; did you mean '\(action)'? "
            + "To make a thing of that name, run 'provision thing create \(words[0])'")
      }
      try create(words[0] == "create" ? try ProvisionAnswer.word(1, "NAME", arguments) : words[0], arguments)
    }
    return .success
  }

  /// Says what `create` would make.
  private static func tellCreation(of name: String, _ arguments: ParsedArguments) throws {
    let kit = try ConnectionKit(directory: LocalCloud.certificateFolder, deviceName: name)
    let thing = try Registry.read(LocalCloud.registryFile).thing(name)
    let policies =
      arguments.strings("policy").isEmpty ? [LocalCloud.defaultPolicy] : arguments.strings("policy")
    var files: [String] = []
    if arguments.string("certificate") == nil, !Files.exists(kit.certificatePath) {
      files.append(kit.certificatePath)
      if arguments.string("csr") == nil { files.append(kit.privateKeyPath) }
    }
    StandardOutput.shared.print(
      "thing        \(name)\(thing == nil ? "" : " (already exists)")\n"
        + "policies     \(policies.joined(separator: ", "))\n" + files.map { "file         \($0)\n" }.joined()
    )
    ProvisionAnswer.tellDryRun(thing == nil ? "would be created" : "would be completed")
  }

  private static func create(_ name: String, _ arguments: ParsedArguments) throws {
    if arguments.has("dry-run") { return try tellCreation(of: name, arguments) }
    let provisioning = try LocalCloud.provisioning()
    var policies = arguments.strings("policy")
    if policies.isEmpty {
      try LocalCloud.writeDefaultPolicy(report: { text, _ in StandardError.print(text) })
      policies = [LocalCloud.defaultPolicy]
    }
    let source: Provisioning.Source
    switch (arguments.string("csr"), arguments.string("certificate")) {
    case (let file?, nil): source = .request(file)
    case (nil, let file?): source = .certificate(file)
    case (nil, nil): source = .newKey(try ProvisionAnswer.keyKind(arguments))
    default: throw arguments.error("give one of --csr and --certificate")
    }
    let made = try provisioning.provision(
      name, type: arguments.string("type"), attributes: try ProvisionAnswer.attributes(arguments),
      policies: policies, source: source, days: try arguments.integer("days", in: 1...36_525) ?? 365)
    let certificate = try Registry.read(LocalCloud.registryFile).certificate(name)
    if arguments.has("json") {
      ProvisionAnswer.json(certificate)
      return
    }
    StandardOutput.shared.print(
      "thing        \(name)\(made.thing == nil ? " (already existed)" : "")\n"
        + "certificate  \(certificate.certificateId) \(certificate.status.rawValue)"
        + "\(made.certificateId == nil ? " (already existed)" : "")\n"
        + "policies     \(certificate.policies.joined(separator: ", "))\n"
        + made.files.map { "file         \($0)\n" }.joined())
    switch certificate.status {
    case .active: break
    case .inactive:
      StandardError.print(
        "the certificate is INACTIVE, so brokers refuse it; activate it with 'trucksensor provision cert activate \(name)'"
      )
    case .revoked:
      StandardError.print(
        "the certificate is REVOKED, so brokers refuse it; replace it with 'trucksensor provision cert rotate \(name)'"
      )
    }
  }
}
