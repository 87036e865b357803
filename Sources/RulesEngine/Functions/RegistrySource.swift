/// The registry that `get_registry_data` reads; used on the engine's thread only.
public protocol RegistrySource: AnyObject {
  /// What AWS's API returns for a thing, as JSON; nil if the registry doesn't have the thing.
  func answer(_ request: RegistryRequest, thing: String) -> [UInt8]?
}

/// The APIs that `get_registry_data` supports (AWS IoT SQL reference, "Functions").
public enum RegistryRequest: String, Sendable, CaseIterable {
  /// Name, type, attributes and version of a thing.
  case describeThing = "DescribeThing"
  /// The groups that a thing is in.
  case listThingGroupsForThing = "ListThingGroupsForThing"
}

extension Functions {
  /// `get_registry_data("DescribeThing", thingName, roleArn)`. The role, which lets AWS's engine read the registry, is not
  /// needed here.
  static let registry: [Function] = {
    var function = Function("get_registry_data", 3...3) { _, _ in .undefined }
    function.problem = { arguments in
      if arguments.count == 3, request(in: arguments) != nil { return nil }
      let names = RegistryRequest.allCases.map { "'\($0.rawValue)'" }.joined(separator: " or ")
      return "get_registry_data() takes \(names) as a constant, a thing's name, and a role's ARN"
    }
    function.specialized = { arguments in
      guard let request = request(in: arguments) else { return nil }
      return { values, evaluator in
        guard values.count == 3, let name = values[1].asString,
          let answer = evaluator.message.registry?.answer(request, thing: name)
        else { return .undefined }
        return (try? JSONDocument.value(of: answer)) ?? .undefined
      }
    }
    return [function]
  }()

  private static func request(in arguments: [Expression]) -> RegistryRequest? {
    guard case .literal(.string(let name))? = arguments.first else { return nil }
    return RegistryRequest(rawValue: name)
  }
}
