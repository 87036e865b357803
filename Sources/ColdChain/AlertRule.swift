internal import CAlertDefaults

/// A rule that says when a truck's readings raise an alert; `docs/dashboard.md` describes the file.
public struct AlertRule: Sendable, Equatable {
  /// What the rule checks.
  public enum Condition: String, Sendable {
    /// At the threshold or above it.
    case above
    /// At the threshold or below it.
    case below
    /// No reading arrived for the delay; the threshold isn't used.
    case noData
  }

  /// Identifies the rule in the store and in events; unique.
  public let name: String
  /// The title that a person reads.
  public let title: String
  /// The measure, for example `temp`; empty for `noData`.
  public let measure: String
  /// Above, below, or no data.
  public let condition: Condition
  /// The limit, inclusive, in the measure's unit.
  public let threshold: Double
  /// The seconds for which the condition must hold, without a break or, for a cumulative rule, in total.
  public let delay: Double
  /// Whether all times in which the condition holds are added up, as in loggers' cumulative alarms. Such an alert stays
  /// until a person acknowledges it or the trip is over; the count then restarts from 0.
  public let isCumulative: Bool
  /// The value at which an active alert may end: below the threshold for `above`, above it for `below` (hysteresis).
  public let reset: Double
  /// The seconds for which the value must stay beyond `reset`.
  public let resetDelay: Double
  /// Whether the alert stays on until a person acknowledges it.
  public let latching: Bool
  /// The value that arms the rule, because cooling down from warm isn't an excursion; nil arms it at once.
  public let armedAt: Double?

  /// A rule.
  public init(
    name: String, title: String, measure: String, condition: Condition, threshold: Double, delay: Double,
    reset: Double? = nil, resetDelay: Double = 0, latching: Bool = false, armedAt: Double? = nil,
    isCumulative: Bool = false
  ) {
    self.name = name
    self.title = title
    self.measure = measure
    self.condition = condition
    self.threshold = threshold
    self.delay = delay
    self.isCumulative = isCumulative
    self.reset = reset ?? threshold
    self.resetDelay = resetDelay
    self.latching = latching
    self.armedAt = armedAt
  }

  /// The rules of `rules/alerts.json` as they were when the program was built; they apply if that file is missing.
  public static let defaults: [AlertRule] = {
    let text = UnsafeRawBufferPointer(start: ts_alert_defaults(), count: ts_alert_defaults_count())
    do {
      return try rules(in: Array(text), file: "rules/alerts.json")
    } catch {
      // A test proves that they can be read.
      fatalError("\(error)")
    }
  }()

  /// Reads a document: `{"alerts": [{"name", "title", "measure", "condition", "threshold", "delay", …}]}`.
  ///
  /// Throws an error with file, line and column; unknown and repeated fields are errors, too.
  public static func rules(in text: [UInt8], file: String) throws(AlertDocumentError) -> [AlertRule] {
    let document = try AlertDocument(text, file: file)
    let root = try document.members(of: 0, "the document", known: ["alerts"])
    guard let list = root["alerts"] else { throw document.error("'alerts' is missing", at: 0) }
    var rules: [AlertRule] = []
    for element in try document.elements(of: list, "'alerts'") {
      for rule in try Self.rules(document, element) {
        guard !rules.contains(where: { $0.name == rule.name }) else {
          throw document.error("the alert '\(rule.name)' appears twice", at: element)
        }
        rules.append(rule)
      }
      guard rules.count <= countLimit else {
        throw document.error("there are more than \(countLimit) alerts", at: element)
      }
    }
    return rules
  }

  private static let countLimit = 1000
  private static let values = -1e9...1e9
  /// Up to a year.
  private static let seconds = 0.0...31_536_000

  /// The rules of an element: one, or one for each limit of a profile.
  private static func rules(_ document: AlertDocument, _ element: Int) throws(AlertDocumentError)
    -> [AlertRule]
  {
    let members = try document.members(
      of: element, "an alert",
      known: [
        "name", "title", "measure", "type", "condition", "threshold", "profile", "delay", "reset",
        "resetDelay", "latching", "armedAt",
      ])
    guard let node = members["profile"] else { return [try AlertRule(document, element, members)] }
    for name in ["type", "condition", "threshold", "delay", "reset", "title"] {
      guard let node = members[name] else { continue }
      throw document.error("'\(name)' can't be combined with 'profile', which sets it", at: node)
    }
    let word = try document.string(node, "'profile'")
    guard let profile = CargoProfile.known.first(where: { $0.name == word }) else {
      let known = CargoProfile.known.map(\.name).joined(separator: ", ")
      throw document.error("the profile '\(word)' is unknown; use \(known)", at: node)
    }
    guard let nameNode = members["name"] else { throw document.error("'name' is missing", at: element) }
    let name = try document.string(nameNode, "'name'")
    var measure = "temp"
    if let node = members["measure"] { measure = try document.string(node, "'measure'") }
    var resetDelay = 30.0
    if let node = members["resetDelay"] {
      resetDelay = try document.number(node, "'resetDelay'", in: Self.seconds)
    }
    var isLatching = false
    if let node = members["latching"] { isLatching = try document.flag(node, "'latching'") }
    var armedAt: Double?
    if let node = members["armedAt"] { armedAt = try document.number(node, "'armedAt'", in: Self.values) }
    return profile.limits.map { limit in
      // The limit itself is allowed; it is exceeded half a kelvin above, as in the diagnosis.
      AlertRule(
        name: "\(name) \(Words.number(limit.celsius, 0))", title: "Above the limit: \(limit.title)",
        measure: measure, condition: .above, threshold: limit.celsius + 0.5,
        delay: max(limit.allowance, 120), reset: limit.celsius, resetDelay: resetDelay,
        latching: isLatching, armedAt: armedAt ?? limit.celsius)
    }
  }

  private init(
    _ document: AlertDocument, _ element: Int, _ members: [String: Int]
  ) throws(AlertDocumentError) {
    func required(_ name: String) throws(AlertDocumentError) -> Int {
      guard let node = members[name] else { throw document.error("'\(name)' is missing", at: element) }
      return node
    }
    func number(_ name: String, in range: ClosedRange<Double>) throws(AlertDocumentError) -> Double? {
      guard let node = members[name] else { return nil }
      return try document.number(node, "'\(name)'", in: range)
    }
    let name = try document.string(required("name"), "'name'")
    let conditionNode = try required("condition")
    let word = try document.string(conditionNode, "'condition'")
    guard let condition = Condition(rawValue: word) else {
      throw document.error(
        "the condition '\(word)' is unknown; use above, below or noData", at: conditionNode)
    }
    var title = name
    if let node = members["title"] { title = try document.string(node, "'title'") }
    var isLatching = false
    if let node = members["latching"] { isLatching = try document.flag(node, "'latching'") }
    var isCumulative = false
    if let node = members["type"] {
      let type = try document.string(node, "'type'")
      guard ["single", "cumulative"].contains(type) else {
        throw document.error("the type '\(type)' is unknown; use single or cumulative", at: node)
      }
      isCumulative = type == "cumulative"
    }
    if condition == .noData {
      for name in ["measure", "type", "threshold", "reset", "resetDelay", "armedAt"] {
        guard let node = members[name] else { continue }
        throw document.error("'\(name)' doesn't apply to the condition noData", at: node)
      }
      let delay = try document.number(required("delay"), "'delay'", in: Self.seconds)
      guard delay > 0 else { throw document.error("'delay' must be above 0", at: try required("delay")) }
      self.init(
        name: name, title: title, measure: "", condition: .noData, threshold: 0, delay: delay,
        latching: isLatching)
      return
    }
    let threshold = try document.number(required("threshold"), "'threshold'", in: Self.values)
    let reset = try number("reset", in: Self.values)
    if let reset, let node = members["reset"],
      condition == .above ? reset > threshold : reset < threshold
    {
      throw document.error("'reset' is on the wrong side of the threshold", at: node)
    }
    if isCumulative {
      for name in ["reset", "resetDelay", "latching"] {
        guard let node = members[name] else { continue }
        throw document.error("'\(name)' doesn't apply to the type cumulative", at: node)
      }
      _ = try required("delay")
    }
    self.init(
      name: name, title: title, measure: try document.string(required("measure"), "'measure'"),
      condition: condition, threshold: threshold, delay: try number("delay", in: Self.seconds) ?? 0,
      reset: reset, resetDelay: try number("resetDelay", in: Self.seconds) ?? 0, latching: isLatching,
      armedAt: try number("armedAt", in: Self.values), isCumulative: isCumulative)
  }
}
