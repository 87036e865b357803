import FoundationEssentials

/// When a truck's reading is an alert; `docs/dashboard.md` describes the file.
public struct AlertRule: Sendable, Equatable, Codable {
  /// What is looked at.
  public enum Condition: String, Sendable, Codable {
    /// At the threshold or above it.
    case above
    /// At the threshold or below it.
    case below
    /// No reading came for the delay; the threshold doesn't matter.
    case noData
  }

  /// Known to the store and to whoever listens; unique.
  public let name: String
  /// What a person reads.
  public let title: String
  /// The measure, `temp`; empty for `noData`.
  public let measure: String
  /// Above, below, or no data.
  public let condition: Condition
  /// The limit, inclusive, in the measure's unit.
  public let threshold: Double
  /// Seconds that the condition must hold without a break.
  public let delay: Double
  /// The value at which an active alert may end: below the threshold for `above`, above it for `below` (hysteresis).
  public let reset: Double
  /// Seconds that the value must stay beyond `reset`.
  public let resetDelay: Double
  /// Whether it stays on until a person acknowledges it.
  public let latching: Bool
  /// The rule watches once this value was reached: cooling down from warm is no excursion. Nil watches at once.
  public let armedAt: Double?

  /// A rule.
  public init(
    name: String, title: String, measure: String, condition: Condition, threshold: Double, delay: Double,
    reset: Double? = nil, resetDelay: Double = 0, latching: Bool = false, armedAt: Double? = nil
  ) {
    self.name = name
    self.title = title
    self.measure = measure
    self.condition = condition
    self.threshold = threshold
    self.delay = delay
    self.reset = reset ?? threshold
    self.resetDelay = resetDelay
    self.latching = latching
    self.armedAt = armedAt
  }

  /// What the truck has where `rules/alerts.json` is missing.
  public static let defaults = [
    AlertRule(
      name: "temperature", title: "Temperature above −15 °C", measure: "temp", condition: .above,
      threshold: -15,
      delay: 120, reset: -16, resetDelay: 30, latching: true, armedAt: -18),
    AlertRule(
      name: "voltage", title: "Voltage below 11.95 V", measure: "volts", condition: .below, threshold: 11.95,
      delay: 60,
      reset: 12, resetDelay: 30),
    AlertRule(
      name: "door", title: "Door open for 5 minutes", measure: "door", condition: .above, threshold: 1,
      delay: 300, reset: 0),
    AlertRule(
      name: "no-data", title: "No data for 30 s", measure: "", condition: .noData, threshold: 0, delay: 30),
  ]

  /// Why a document isn't a list of rules.
  public struct DocumentError: Error, CustomStringConvertible {
    /// A sentence that names the file and the rule.
    public let description: String
  }

  private struct Document: Decodable { let alerts: [Draft] }

  private struct Draft: Decodable {
    let name: String
    let title: String?
    let measure: String?
    let condition: String
    let threshold: Double?
    let delay: Double?
    let reset: Double?
    let resetDelay: Double?
    let latching: Bool?
    let armedAt: Double?
  }

  /// Reads a document: `{"alerts": [{"name", "title", "measure", "condition", "threshold", "delay", …}]}`.
  public static func rules(in text: [UInt8], file: String) throws(DocumentError) -> [AlertRule] {
    let document: Document
    do {
      document = try JSONDecoder().decode(Document.self, from: Data(text))
    } catch let error as DecodingError {
      throw DocumentError(description: "\(file): \(Self.sentence(error))")
    } catch {
      throw DocumentError(description: "\(file): \(error)")
    }
    var rules: [AlertRule] = []
    for draft in document.alerts {
      func wrong(_ reason: String) -> DocumentError {
        DocumentError(description: "\(file): the alert '\(draft.name)' \(reason)")
      }
      guard let condition = Condition(rawValue: draft.condition) else {
        throw wrong("has the condition '\(draft.condition)'; there are above, below and noData")
      }
      if rules.contains(where: { $0.name == draft.name }) { throw wrong("comes twice") }
      guard (draft.delay ?? 0) >= 0, (draft.resetDelay ?? 0) >= 0 else { throw wrong("has a negative delay") }
      if condition != .noData {
        guard let measure = draft.measure, !measure.isEmpty else { throw wrong("has no measure") }
        guard let threshold = draft.threshold else { throw wrong("has no threshold") }
        if let reset = draft.reset, condition == .above ? reset > threshold : reset < threshold {
          throw wrong("has a reset on the wrong side of its threshold")
        }
        rules.append(
          AlertRule(
            name: draft.name, title: draft.title ?? draft.name, measure: measure, condition: condition,
            threshold: threshold, delay: draft.delay ?? 0, reset: draft.reset,
            resetDelay: draft.resetDelay ?? 0,
            latching: draft.latching ?? false, armedAt: draft.armedAt))
      } else {
        guard let delay = draft.delay, delay > 0 else { throw wrong("needs a delay above 0") }
        rules.append(
          AlertRule(
            name: draft.name, title: draft.title ?? draft.name, measure: "", condition: .noData, threshold: 0,
            delay: delay, latching: draft.latching ?? false))
      }
    }
    return rules
  }

  private static func sentence(_ error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, let context): "\(path(context))\(key.stringValue) is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      "\(path(context)) has another type than it must"
    case .dataCorrupted(let context): context.debugDescription
    @unknown default: "it can't be read"
    }
  }

  private static func path(_ context: DecodingError.Context) -> String {
    context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue + "." }.joined()
  }
}
