import Files
import Glibc
import Identity
import MQTT
import RulesEngine

/// Who may do what at the local broker: the registry's devices by their policies, this run's trucks on their topics, the
/// rules engine what its rules need, the test client everything.
struct Permissions {
  let provisioning: Provisioning
  let devices: [(name: String, topic: TopicName)]
  let rules: [RuleDocument]
  let alertTopic: String
  /// Whether this run's trucks publish retained messages, as its user has asked.
  let retains: Bool

  /// The ACL file's text, the plugin's, and the revocation list.
  func compile(_ report: LocalCloud.Report) throws -> (list: String, clients: String, refused: String) {
    let enforcement = try provisioning.enforcement()
    for note in enforcement.notes { report("policies: \(note)") }
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
    for (user, identifiers, filters, topics) in enforcement.clients {
      for identifier in identifiers { clients += "\(user)\tconnect\t\(identifier)\n" }
      for filter in filters { clients += "\(user)\tsubscribe\t\(filter)\n" }
      for topic in topics { clients += "\(user)\tretain\t\(topic)\n" }
      if retains { for device in devices where device.name == user { clients += "\(user)\tretain\t*\n" } }
    }
    return (
      try list.text(), clients, try provisioning.revocationList(enforcement.refusedSerialNumbers)
    )
  }

  /// What changes when the registry or a policy does.
  var stamps: [String: FileStamp] {
    var stamps: [String: FileStamp] = [:]
    stamps[provisioning.registryPath] = Files.stamp(of: provisioning.registryPath)
    for name in (try? LocalCloud.policyFiles()) ?? [] {
      let path = Files.join(provisioning.policyFolder, name)
      stamps[path] = Files.stamp(of: path)
    }
    return stamps
  }
}
