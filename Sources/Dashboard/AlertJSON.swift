import ColdChain
import JSON
import Store
import Time

extension AlertEvent {
  /// What goes to `truck/alerts` and to the browsers.
  public var json: String { "{\"change\":\"\(change.rawValue)\",\"alert\":\(alert.json)}" }
}

extension AlertRecord {
  /// The alert as a JSON object, times in ISO 8601.
  public var json: String {
    func time(_ value: Int64?) -> String { value.map { "\"\(Timestamp.iso8601($0))\"" } ?? "null" }
    return "{\"id\":\(id),\"device\":\(JSONText.quoted(device)),\"rule\":\(JSONText.quoted(rule)),"
      + "\"title\":\(JSONText.quoted(title)),\"began\":\(time(began)),\"raised\":\(time(raised)),\"ended\":\(time(ended)),"
      + "\"acknowledged\":\(time(acknowledged)),\"worst\":\(worst.map { "\($0)" } ?? "null")}"
  }
}
