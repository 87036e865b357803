import Foundation
import Identity

/// `provision thing`: what the console's wizard does, in one step.
enum ProvisionThingCommand: Command {
  static let description = CommandDescription(
    name: "provision thing",
    summary: "Makes a thing with its certificate and policy; shows, attaches, deletes things.",
    discussion:
      "'provision thing NAME' does all of the wizard's work; what is there already and alike stays. With an ACTION first: "
      + "list, show NAME, attach NAME CERTIFICATE, detach NAME CERTIFICATE, delete NAME. A running broker enforces changes "
      + "within a second.",
    positionals: [
      .init(name: "ACTION", help: "create, list, show, attach, detach or delete; or a NAME at once"),
      .init(
        name: "NAME", help: "the thing's name, and a certificate's identifier", required: false,
        repeatable: true),
    ],
    options: [
      .value("type", "TYPE", "its thing type"),
      .value("attribute", "NAME=VALUE", "an attribute", repeatable: true),
      .value("policy", "NAME", "a policy of policies/", default: LocalCloud.defaultPolicy, repeatable: true),
      .value("key", "ecP256|rsa2048", "kind of key", default: "ecP256"),
      .value("csr", "FILE", "sign this request instead: the key stays with the device", file: true),
      .value("certificate", "FILE", "register this certificate instead", file: true),
      .value("days", "N", "how long the certificate is valid", default: "365"),
      .flag("json", "the answer as JSON"),
    ],
    example:
      "trucksensor provision thing truckSensor02 --type sensor_DoorAndTemp --attribute deviceID=T002",
    exitCodes: ProvisionAnswer.exitCodes)

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let words = arguments.positionals
    let registry = LocalCloud.registryFile
    switch words[0] {
    case "list":
      try ProvisionAnswer.list(try Registry.read(registry).things, arguments) { thing in
        ([thing.thingName, thing.thingTypeName ?? "-"]
          + thing.attributes.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }).joined(
            separator: " ")
      }
    case "show":
      let name = try ProvisionAnswer.word(1, "NAME", arguments)
      guard let thing = try Registry.read(registry).thing(name) else {
        throw IdentityError(.notFound, "there is no thing '\(name)'; see 'provision thing list'")
      }
      try ProvisionAnswer.json(thing)
    case "attach", "detach":
      let name = try ProvisionAnswer.word(1, "NAME", arguments)
      let certificate = try ProvisionAnswer.word(2, "CERTIFICATE", arguments)
      try Registry.update(registry) { registry throws(IdentityError) in
        try registry.setThing(name, ofCertificate: certificate, words[0] == "attach")
      }
    case "delete":
      let name = try ProvisionAnswer.word(1, "NAME", arguments)
      try Registry.update(registry) { registry throws(IdentityError) in try registry.deleteThing(name) }
    default:
      try create(words[0] == "create" ? try ProvisionAnswer.word(1, "NAME", arguments) : words[0], arguments)
    }
    return .success
  }

  private static func create(_ name: String, _ arguments: ParsedArguments) throws {
    let provisioning = try LocalCloud.provisioning()
    var policies = arguments.strings("policy")
    if policies.isEmpty {
      try LocalCloud.writeDefaultPolicy(provisioning)
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
      try ProvisionAnswer.json(certificate)
      return
    }
    StandardOutput.shared.print(
      "thing        \(name)\(made.thing == nil ? " (was there)" : "")\n"
        + "certificate  \(certificate.certificateId) \(certificate.status.rawValue)"
        + "\(made.certificateId == nil ? " (was there)" : "")\n"
        + "policies     \(certificate.policies.joined(separator: ", "))\n"
        + made.files.map { "file         \($0)\n" }.joined())
  }
}

/// `provision fleet`: many things at once.
enum ProvisionFleetCommand: Command {
  static let description = CommandDescription(
    name: "provision fleet", summary: "Makes many things with their certificates.",
    options: [
      .value("count", "N", "how many", required: true),
      .value("prefix", "TEXT", "their names are TEXT1 … TEXTN", default: "truck"),
      .value("type", "TYPE", "their thing type"),
      .value("policy", "NAME", "a policy of policies/", default: LocalCloud.defaultPolicy, repeatable: true),
      .value("key", "ecP256|rsa2048", "kind of key", default: "ecP256"),
      .value("days", "N", "how long the certificates are valid", default: "365"),
    ],
    example: "trucksensor provision fleet --count 1000 --prefix truck", exitCodes: ProvisionAnswer.exitCodes)

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let provisioning = try LocalCloud.provisioning()
    if arguments.strings("policy").isEmpty { try LocalCloud.writeDefaultPolicy(provisioning) }
    let policies =
      arguments.strings("policy").isEmpty ? [LocalCloud.defaultPolicy] : arguments.strings("policy")
    let count = try arguments.integer("count", in: 1...100_000) ?? 1
    let prefix = arguments.string("prefix") ?? "truck"
    let showsProgress = StandardError.isTerminal
    let made = try provisioning.provision(
      fleet: (1...count).map { "\(prefix)\($0)" }, type: arguments.string("type"), policies: policies,
      keyKind: try ProvisionAnswer.keyKind(arguments),
      days: try arguments.integer("days", in: 1...36_525) ?? 365
    ) { done in
      if showsProgress, done % 50 == 0 { StandardError.write("\r\u{1B}[K\(done) of \(count)") }
    }
    if showsProgress { StandardError.write("\r\u{1B}[K") }
    StandardOutput.shared.print("\(made) of \(count) things are new: \(prefix)1 … \(prefix)\(count)")
    return .success
  }
}

/// `provision type`.
enum ProvisionTypeCommand: Command {
  static let description = CommandDescription(
    name: "provision type", summary: "Thing types: create, list, show, revoke (deprecate), restore, delete.",
    positionals: [
      .init(name: "ACTION", help: "create, list, show, revoke, restore or delete"),
      .init(name: "NAME", help: "the type's name", required: false),
    ],
    options: [
      .value("description", "TEXT", "what it is for"),
      .value("searchable", "NAME", "a searchable attribute; three at most", repeatable: true),
      .flag("json", "the answer as JSON"),
    ],
    example: "trucksensor provision type create sensor_DoorAndTemp --searchable deviceID",
    exitCodes: ProvisionAnswer.exitCodes)

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let action = arguments.positionals[0]
    let file = LocalCloud.registryFile
    if action == "list" {
      try ProvisionAnswer.list(try Registry.read(file).thingTypes, arguments) { type in
        type.thingTypeName + (type.thingTypeMetadata.deprecated ? " deprecated" : "")
      }
      return .success
    }
    let name = try ProvisionAnswer.word(1, "NAME", arguments)
    let text = arguments.string("description")
    let searchable = arguments.strings("searchable")
    switch action {
    case "create":
      try Registry.update(file) { registry throws(IdentityError) in
        try registry.createThingType(name, description: text, searchableAttributes: searchable)
      }
    case "revoke", "restore":
      try Registry.update(file) { registry throws(IdentityError) in
        try registry.deprecateThingType(name, undo: action == "restore")
      }
    case "delete":
      try Registry.update(file) { registry throws(IdentityError) in try registry.deleteThingType(name) }
    case "show":
      guard let type = try Registry.read(file).thingTypes.first(where: { $0.thingTypeName == name }) else {
        throw IdentityError(.notFound, "there is no thing type '\(name)'; see 'provision type list'")
      }
      try ProvisionAnswer.json(type)
    default:
      throw arguments.error("'\(action)' is no action; there are create, list, show, revoke, restore, delete")
    }
    return .success
  }
}

/// `provision group`.
enum ProvisionGroupCommand: Command {
  static let description = CommandDescription(
    name: "provision group", summary: "Groups of things: create, list, attach, detach, delete.",
    positionals: [
      .init(name: "ACTION", help: "create, list, attach, detach or delete"),
      .init(name: "NAME", help: "the group's name, and a thing's", required: false, repeatable: true),
    ],
    options: [.flag("json", "the answer as JSON")],
    example: "trucksensor provision group attach santiago truckSensor01", exitCodes: ProvisionAnswer.exitCodes
  )

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let action = arguments.positionals[0]
    let file = LocalCloud.registryFile
    if action == "list" {
      try ProvisionAnswer.list(try Registry.read(file).thingGroups, arguments) { group in
        "\(group.thingGroupName): \(group.things.joined(separator: ", "))"
      }
      return .success
    }
    let name = try ProvisionAnswer.word(1, "NAME", arguments)
    switch action {
    case "create":
      try Registry.update(file) { registry throws(IdentityError) in try registry.createThingGroup(name) }
    case "attach", "detach":
      let thing = try ProvisionAnswer.word(2, "THING", arguments)
      try Registry.update(file) { registry throws(IdentityError) in
        try registry.setMember(thing, of: name, action == "attach")
      }
    case "delete":
      try Registry.update(file) { registry throws(IdentityError) in try registry.deleteThingGroup(name) }
    default: throw arguments.error("'\(action)' is no action; there are create, list, attach, detach, delete")
    }
    return .success
  }
}

/// `provision policy`.
enum ProvisionPolicyCommand: Command {
  static let description = CommandDescription(
    name: "provision policy",
    summary: "Policies: create from a file, list, show, attach to and detach from certificates.",
    discussion:
      "The documents are policies/NAME.json, as AWS IoT takes them. CERTIFICATE is an identifier or a thing's name.",
    positionals: [
      .init(name: "ACTION", help: "create, list, show, attach, detach or delete"),
      .init(
        name: "NAME", help: "the policy's name, and a FILE or a CERTIFICATE", required: false,
        repeatable: true),
    ],
    options: [.flag("json", "the answer as JSON")],
    example: "trucksensor provision policy attach truckSensor-policy truckSensor02",
    exitCodes: ProvisionAnswer.exitCodes)

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let action = arguments.positionals[0]
    let provisioning = try LocalCloud.provisioning()
    if action == "list" {
      let registry = try Registry.read(LocalCloud.registryFile)
      for path in RuleFiles.paths(in: LocalCloud.policyFolder) {
        let name = String(path.dropFirst(LocalCloud.policyFolder.count + 1).dropLast(5))
        let targets = registry.targets(ofPolicy: name).map(\.commonName)
        StandardOutput.shared.print(
          "\(name): \(targets.isEmpty ? "not attached" : targets.joined(separator: ", "))")
      }
      return .success
    }
    let name = try ProvisionAnswer.word(1, "NAME", arguments)
    let path = provisioning.path(ofPolicy: name)
    switch action {
    case "create":
      let source = try ProvisionAnswer.word(2, "FILE", arguments)
      guard let bytes = TextFile.bytes(of: source) else {
        throw OutputError(description: "\(source) can't be read: \(String(cString: strerror(errno)))")
      }
      _ = try PolicyDocument(bytes, file: source)
      guard access(path, F_OK) != 0 || TextFile.bytes(of: path) == bytes else {
        throw IdentityError(
          .conflict, path: path, "\(path) exists with other content; edit it, or choose another name")
      }
      mkdir(LocalCloud.policyFolder, 0o755)
      let file = try AtomicFile(path)
      file.append(bytes)
      try file.commit()
    case "show":
      _ = try provisioning.policy(name)
      StandardOutput.shared.print(TextFile.read(path) ?? "")
    case "attach", "detach":
      let certificate = try ProvisionAnswer.word(2, "CERTIFICATE", arguments)
      if action == "attach" { _ = try provisioning.policy(name) }
      try Registry.update(LocalCloud.registryFile) { registry throws(IdentityError) in
        try registry.setPolicy(name, ofCertificate: certificate, action == "attach")
      }
    case "delete":
      if let user = try Registry.read(LocalCloud.registryFile).targets(ofPolicy: name).first {
        throw IdentityError(
          .inUse, "the certificate of '\(user.commonName)' has the policy '\(name)'; detach it first")
      }
      guard unlink(path) == 0 else {
        throw IdentityError(.notFound, "there is no policy '\(name)'; see 'provision policy list'")
      }
    default:
      throw arguments.error("'\(action)' is no action; there are create, list, show, attach, detach, delete")
    }
    return .success
  }
}

/// `provision cert`.
enum ProvisionCertCommand: Command {
  static let description = CommandDescription(
    name: "provision cert",
    summary: "Certificates: list, show, revoke, deactivate, activate, rotate, delete.",
    discussion:
      "CERTIFICATE is an identifier, of which twelve digits are enough, or a thing's name. A device whose certificate is "
      + "revoked or inactive is put out by a running broker within a second, and refused when it comes back.",
    positionals: [
      .init(name: "ACTION", help: "list, show, revoke, deactivate, activate, rotate or delete"),
      .init(name: "CERTIFICATE", help: "which", required: false),
    ],
    options: [
      .value("key", "ecP256|rsa2048", "kind of key of a rotated certificate", default: "ecP256"),
      .value("days", "N", "how long a rotated certificate is valid", default: "365"),
      .flag("json", "the answer as JSON"),
    ],
    example: "trucksensor provision cert revoke truckSensor02", exitCodes: ProvisionAnswer.exitCodes)

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let action = arguments.positionals[0]
    let file = LocalCloud.registryFile
    if action == "list" {
      try ProvisionAnswer.list(try Registry.read(file).certificates, arguments) { certificate in
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
    case "show": try ProvisionAnswer.json(try Registry.read(file).certificate(name))
    case "rotate":
      let made = try LocalCloud.provisioning().rotate(
        name, keyKind: try ProvisionAnswer.keyKind(arguments),
        days: try arguments.integer("days", in: 1...36_525) ?? 365)
      StandardOutput.shared.print(
        "certificate  \(made.certificateId ?? "")\n" + made.files.map { "file         \($0)\n" }.joined())
    case "delete":
      try Registry.update(file) { registry throws(IdentityError) in try registry.deleteCertificate(name) }
    default:
      guard let status = statuses[action] else {
        throw arguments.error(
          "'\(action)' is no action; there are list, show, revoke, deactivate, activate, rotate, delete")
      }
      try Registry.update(file) { registry throws(IdentityError) in try registry.setStatus(status, of: name) }
    }
    return .success
  }
}

/// What the provisioning commands share.
enum ProvisionAnswer {
  static let exitCodes: [(ExitCode, String)] = [
    (.success, "done"), (.usage, "wrong usage"), (.dataError, "refused: a name, a limit, what isn't there"),
  ]

  static func word(_ index: Int, _ name: String, _ arguments: ParsedArguments) throws -> String {
    guard arguments.positionals.count > index else {
      throw arguments.error("'\(arguments.positionals[0])' needs \(name)")
    }
    return arguments.positionals[index]
  }

  static func keyKind(_ arguments: ParsedArguments) throws -> KeyKind {
    switch arguments.string("key") {
    case nil, "ecP256": return .ecP256
    case "rsa2048": return .rsa2048
    case let text?: throw arguments.error("--key takes ecP256 or rsa2048, not '\(text)'")
    }
  }

  static func attributes(_ arguments: ParsedArguments) throws -> [String: String] {
    var attributes: [String: String] = [:]
    for text in arguments.strings("attribute") {
      guard let sign = text.firstIndex(of: "=") else {
        throw arguments.error("--attribute takes NAME=VALUE, not '\(text)'")
      }
      attributes[String(text[..<sign])] = String(text[text.index(after: sign)...])
    }
    return attributes
  }

  static func json(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    StandardOutput.shared.print(String(decoding: try encoder.encode(value), as: UTF8.self))
  }

  static func list<Element: Encodable>(
    _ elements: [Element], _ arguments: ParsedArguments, _ text: (Element) -> String
  ) throws {
    if arguments.has("json") { return try json(elements) }
    for element in elements { StandardOutput.shared.print(text(element)) }
  }
}
