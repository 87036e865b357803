import Identity
import MQTT
import RulesEngine

/// Who may do what at the local broker: the registry's devices by their policies, this run's trucks on their topics, the
/// rules engine what its rules need, the test client everything.
struct Permissions {
  /// What the broker is given.
  struct Compiled: Equatable {
    /// The ACL file's text.
    var accessControlList: String
    /// The plugin's file.
    var clients: String
    /// Serial numbers of the certificates that may not sign in.
    var refusedSerialNumbers: [String]
    /// What could not be said exactly to the broker.
    var notes: [String]
  }

  let devices: [(name: String, topic: TopicName)]
  var rules: [RuleDocument]
  let alertTopic: String
  /// Whether this run's trucks publish retained messages, as its user has asked.
  let retains: Bool

  /// Compiles registry and policies for the broker.
  func compile(_ identity: LiveIdentity) throws(IdentityError) -> Compiled {
    let enforcement = Provisioning.enforcement(of: identity.registry, policy: identity.policy)
    var list = enforcement.accessControlList
    for (name, topic) in devices where list.rules[name] != nil {
      list.allow(name, AccessRule(.write, topic.text))
    }
    for rule in rules {
      if let filter = rule.statement.filter {
        list.allow(LocalCloud.rulesEngine, AccessRule(.read, filter.pattern))
      }
      for topic in rule.publishes {
        list.allow(LocalCloud.rulesEngine, AccessRule(.write, topic.isConstant ? topic.source : "#"))
      }
    }
    list.allow(LocalCloud.rulesEngine, AccessRule(.write, alertTopic))
    list.allow(LocalCloud.testClient, AccessRule(.readWrite, "#"), AccessRule(.read, "$SYS/#"))
    var clients = ""
    let retainers = retains ? Set(devices.map(\.name)) : []
    for (user, identifiers, filters, topics) in enforcement.clients {
      for identifier in identifiers { clients += "\(user)\tconnect\t\(identifier)\n" }
      for filter in filters { clients += "\(user)\tsubscribe\t\(filter)\n" }
      for topic in topics { clients += "\(user)\tretain\t\(topic)\n" }
      if retainers.contains(user) { clients += "\(user)\tretain\t*\n" }
    }
    return Compiled(
      accessControlList: try list.text(), clients: clients,
      refusedSerialNumbers: enforcement.refusedSerialNumbers, notes: enforcement.notes)
  }
}
