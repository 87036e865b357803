import CommandLine
import Identity
import LocalCloud

/// `provision type`.
enum ProvisionTypeCommand: Command {
  static let description = CommandDescription(
    name: "provision type",
    summary: "Manages thing types.",
    positionals: [
      .init(
        name: "ACTION",
        help: "create, list, show, revoke (deprecate), restore (undo the deprecation) or delete"),
      .init(name: "NAME", help: "the type's name", required: false),
    ],
    options: [
      .value("description", "TEXT", "the type's description"),
      .value("searchable", "NAME", "a searchable attribute; three at most", repeatable: true),
      .flag("json", "the answer as JSON"), ProvisionAnswer.dryRun,
    ],
    example: "trucksensor provision type create sensor_DoorAndTemp --searchable deviceID",
    exitCodes: ProvisionAnswer.exitCodes)

  static let changesIdentity = true

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let action = arguments.positionals[0]
    let file = LocalCloud.registryFile
    if action == "list" {
      ProvisionAnswer.list(try Registry.read(file).thingTypes, arguments) { type in
        type.thingTypeName + (type.thingTypeMetadata.deprecated ? " deprecated" : "")
      }
      return .success
    }
    let name = try ProvisionAnswer.word(1, "NAME", arguments)
    let text = arguments.string("description")
    let searchable = arguments.strings("searchable")
    switch action {
    case "create":
      try ProvisionAnswer.change(arguments, "The thing type '\(name)' exists") {
        registry throws(IdentityError) in
        try registry.createThingType(name, description: text, searchableAttributes: searchable)
      }
    case "revoke", "restore":
      let isDeprecated = action == "revoke" ? "is" : "isn't"
      try ProvisionAnswer.change(arguments, "The thing type '\(name)' \(isDeprecated) deprecated") {
        registry throws(IdentityError) in try registry.deprecateThingType(name, undo: action == "restore")
      }
    case "delete":
      try ProvisionAnswer.change(arguments, "The thing type '\(name)' is deleted") {
        registry throws(IdentityError) in
        try registry.deleteThingType(name)
      }
    case "show":
      guard let type = try Registry.read(file).thingType(name) else {
        throw IdentityError(.notFound, "there is no thing type '\(name)'; see 'provision type list'")
      }
      ProvisionAnswer.json(type)
    default:
      throw arguments.error(
        "unknown action '\(action)'; use one of create, list, show, revoke, restore, delete")
    }
    return .success
  }
}
