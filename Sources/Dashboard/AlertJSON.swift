import ColdChain
import JSON
import Time

extension AlertEvent {
  /// The payload of `truck/alerts` and of the browsers' events, JSON.
  public var json: [UInt8] {
    var json = JSONWriter()
    json.object {
      $0.member("change", change.rawValue)
      $0.member("device", alert.device)
      $0.member("rule", alert.rule)
      $0.member("time", time / 1_000_000)
      $0.member("text", "\(change.rawValue): \(alert.title)")
      $0.key("alert")
      alert.write(to: &$0)
    }
    return json.bytes
  }
}

extension AlertRecord {
  /// Writes the alert as an object, times in ISO 8601.
  /// - Parameter measure: The measure of its rule, if there still is one.
  func write(to json: inout JSONWriter, measure: String? = nil) {
    json.object {
      $0.member("id", id)
      $0.member("device", device)
      $0.member("rule", rule)
      $0.member("title", title)
      $0.member("began", Timestamp.iso8601(began))
      $0.member("raised", Timestamp.iso8601(raised))
      $0.member("ended", orNull: ended.map(Timestamp.iso8601))
      $0.member("acknowledged", orNull: acknowledged.map(Timestamp.iso8601))
      $0.member("worst", orNull: worst)
      if let measure { $0.member("measure", measure) }
    }
  }
}
