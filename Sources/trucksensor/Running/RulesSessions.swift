import CommandLine
import LocalCloud
import MQTT
import RulesEngine
import Store

/// Makes the services of a rules engine's sessions, with what they share.
final class RulesSessions {
  /// Hears of what goes wrong in any session.
  var onProblem: (String) -> Void = { _ in }

  private let plan: ConnectionPlan
  private let loop: EventLoop
  private let device: String
  private let shareGroup: String?
  private let hopLimit: Int?
  private let usesMarks: Bool
  private let storage: RuleStorage
  private let registry = RegistryLookup()
  private let actions: ActionSettings

  init(
    _ arguments: ParsedArguments, plan: ConnectionPlan, loop: EventLoop, device: String, hopLimit: Int?,
    stores: StoreQueues, usesMarks: Bool, actions: ActionSettings
  ) {
    self.plan = plan
    self.loop = loop
    self.device = device
    shareGroup = arguments.string("shared")
    self.hopLimit = hopLimit
    self.usesMarks = usesMarks
    storage = RuleStorage(waker: loop.waker, isStrict: arguments.has("strict-types")) { stores.queue(of: $0) }
    self.actions = actions
  }

  /// A client with the engine's certificate that isn't connected yet.
  func client(_ identifier: String, _ adjust: (inout ConnectionSettings) -> Void) throws -> MQTTClient {
    try plan.client(device: device, clientID: identifier, loop: loop, adjust: adjust)
  }

  /// Makes the service of one of an engine's two sessions: for rules that store, or for the others.
  func service(
    _ rules: [RuleDocument], of engine: String, stores: Bool, _ onFailure: @escaping (MQTTError) -> Void
  ) throws -> RulesService {
    let identifier = stores ? "\(engine)-store" : engine
    let subscriber = try client(identifier) { settings in
      // The broker keeps what comes while the engine is away.
      settings.cleanStart = false
      settings.sessionExpirySeconds = 86_400
      settings.gathersPackets = true
    }
    let publisher = try client("\(identifier)-actions") { $0.gathersPackets = true }
    return try RulesService(
      rules: rules, subscriber: subscriber, publisher: publisher, shareGroup: shareGroup, hopLimit: hopLimit,
      storage: storage, stores: stores, isLocal: plan.isLocal, usesMarks: usesMarks, registry: registry,
      actions: actions,
      onEvent: { [unowned self] event in
        switch event {
        case .processed: StandardError.detail("\(event)")
        case .problem(let text):
          onProblem(text)
          StandardError.print("\(event)", .error)
        case .ready, .output: StandardError.print("\(event)")
        }
      }, onFailure: onFailure)
  }
}
