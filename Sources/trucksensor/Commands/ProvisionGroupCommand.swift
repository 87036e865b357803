import CommandLine
import Identity
import LocalCloud

/// `provision group`.
enum ProvisionGroupCommand: Command {
  static let description = CommandDescription(
    name: "provision group", summary: "Manages thing groups and the things in them.",
    positionals: [
      .init(name: "ACTION", help: "create, list, attach, detach or delete"),
      .init(
        name: "NAME", help: "the group's name; for attach and detach, a thing's name, too", required: false,
        repeatable: true),
    ],
    options: [.flag("json", "the answer as JSON"), ProvisionAnswer.dryRun],
    example: "trucksensor provision group attach santiago truckSensor01", exitCodes: ProvisionAnswer.exitCodes
  )

  static let changesIdentity = true

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let action = arguments.positionals[0]
    let file = LocalCloud.registryFile
    if action == "list" {
      ProvisionAnswer.list(try Registry.read(file).thingGroups, arguments) { group in
        "\(group.thingGroupName): \(group.things.joined(separator: ", "))"
      }
      return .success
    }
    let name = try ProvisionAnswer.word(1, "NAME", arguments)
    switch action {
    case "create":
      try ProvisionAnswer.change(arguments, "The thing group '\(name)' exists") {
        registry throws(IdentityError) in
        try registry.createThingGroup(name)
      }
    case "attach", "detach":
      let thing = try ProvisionAnswer.word(2, "THING", arguments)
      let relation = action == "attach" ? "is in" : "isn't in"
      try ProvisionAnswer.change(arguments, "'\(thing)' \(relation) the thing group '\(name)'") {
        registry throws(IdentityError) in try registry.setMember(thing, of: name, action == "attach")
      }
    case "delete":
      try ProvisionAnswer.change(arguments, "The thing group '\(name)' is deleted") {
        registry throws(IdentityError) in
        try registry.deleteThingGroup(name)
      }
    default:
      throw arguments.error("unknown action '\(action)'; use one of create, list, attach, detach, delete")
    }
    return .success
  }
}
