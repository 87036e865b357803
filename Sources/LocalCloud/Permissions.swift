import Identity
import MQTT
import RulesEngine

/// Who may do what at the local broker: the registry's devices by their policies, the rules engine what its rules need, the test
/// client everything. Trucks with the default policy as it was made may also publish to the run's own topics.
struct Permissions {
  /// What the broker is given.
  struct Compiled: Equatable {
    /// The ACL file's text.
    var accessControlList: String
    /// The plugin's file.
    var clients: String
    /// What could not be said exactly to the broker.
    var notes: [String]
  }

  let devices: [(name: String, topic: TopicName)]
  var rules: [RuleDocument]
  let alertTopic: String
  /// Whether this run's trucks publish retained messages, as its user has asked.
  let retains: Bool
  /// The names of the cloud's own users, whose connection kits are `kitFolder`'s.
  private static let services = [LocalCloud.rulesEngine, LocalCloud.testClient]

  /// Compiles registry and policies for the broker.
  /// - Parameter kitFolder: Where the certificates of the cloud's own users are.
  func compile(_ identity: LiveIdentity, kitFolder: String) throws(IdentityError) -> Compiled {
    let enforcement = Provisioning.enforcement(of: identity.registry, policy: identity.policy)
    var list = enforcement.accessControlList
    var notes = enforcement.notes
    let isUnchanged = identity.policy(LocalCloud.defaultPolicy) == LocalCloud.defaultPolicyDocument
    var isExtended = false
    for (name, topic) in devices
    where isUnchanged && enforcement.policies[name] == [LocalCloud.defaultPolicy]
      && list.rules[name]?.contains(AccessRule(.write, topic.text)) == false
    {
      list.allow(name, AccessRule(.write, topic.text))
      isExtended = true
    }
    if isExtended {
      notes.append(
        "\(LocalCloud.defaultPolicy) is unchanged, so this command's devices may also publish to their --topic; policies that you "
          + "change or attach are enforced as they are")
    }
    for rule in rules {
      for filter in [rule.statement.filter, rule.basicIngestFilter].compactMap({ $0 }) {
        list.allow(LocalCloud.rulesEngine, AccessRule(.read, filter.pattern))
      }
      for topic in rule.publishes {
        list.allow(LocalCloud.rulesEngine, AccessRule(.write, topic.topicFilter))
      }
    }
    list.allow(
      LocalCloud.rulesEngine, AccessRule(.write, alertTopic), AccessRule(.readWrite, "trucksensor/engines/#"))
    for session in LocalCloud.engineSessions {
      list.allow(LocalCloud.rulesEngine, AccessRule(.readWrite, RulesService.markTopic(of: session)))
    }
    list.allow(
      LocalCloud.testClient, AccessRule(.readWrite, "#"), AccessRule(.read, "$SYS/#"),
      AccessRule(.readWrite, "$aws/rules/#"),
      AccessRule(.readWrite, RulesService.markTopic(of: LocalCloud.testClient)))
    var clients = enforcement.clients
    if retains {
      let names = Set(devices.map(\.name))
      for index in clients.entries.indices where names.contains(clients.entries[index].user) {
        clients.entries[index].retains.append("*")
      }
    }
    // Nobody else may have the name of one of the cloud's own users, whatever the registry says.
    for entry in clients.entries where Self.services.contains(entry.user) && entry.state == .active {
      notes.append(
        "the name \(entry.user) is reserved for the local cloud; policies of certificates with this name have no effect"
      )
    }
    clients.entries.removeAll { Self.services.contains($0.user) }
    for service in Self.services {
      let kit = try ConnectionKit(directory: kitFolder, deviceName: service)
      let identifier = try CertificateSummary(file: kit.certificatePath).fingerprint
      clients.entries.removeAll { $0.certificateId == identifier }
      clients.entries.append(
        ClientTable.Entry(
          certificateId: identifier, user: service, state: .cloud, connects: ["*"], subscribes: ["*"],
          retains: ["*"]))
    }
    clients.reserved = [LocalCloud.rulesEngine, LocalCloud.rulesEngine + "-*"]
    return Compiled(accessControlList: try list.text(), clients: clients.text(list), notes: notes)
  }
}
