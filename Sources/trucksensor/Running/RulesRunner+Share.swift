import CommandLine
import MQTT
import RulesEngine

/// The part in a share group: while another engine of the group is away, its sessions are processed here.
extension RulesRunner {
  func join(_ group: String, as identifier: String) throws {
    let will = try ShareGroupMember.will(of: identifier, group: group)
    let client = try sessions.client("\(identifier)-member") { $0.will = will }
    member = try ShareGroupMember(
      client, identifier: identifier, group: group, takeOver: { [unowned self] in takeOver($0) },
      onFailure: { [unowned self] in fail($0) })
  }

  private func takeOver(_ engine: String) {
    do {
      takenOver[engine] = try services.map { own in
        let taken = try sessions.service([], of: engine, stores: own.stores) { [unowned self] _ in
          giveUp(engine)
        }
        taken.takeRules(of: own)
        taken.start()
        return taken
      }
      StandardError.print("rules: engine '\(engine)' has ended; its share is processed here until it is back")
    } catch {
      StandardError.error("the share of engine '\(engine)' can't be taken over: \(error)")
    }
  }

  /// Stops processing an engine's session: that engine is back, or a third one has taken it over.
  private func giveUp(_ engine: String) {
    guard let services = takenOver.removeValue(forKey: engine) else { return }
    for service in services { service.stop() }
    member?.lost(engine)
    StandardError.print("rules: the share of engine '\(engine)' is no longer processed here")
  }
}
