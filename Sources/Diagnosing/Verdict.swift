import ColdChain
import JSON
import Time

/// A change of a truck's verdict while readings arrive, as `truck/alerts` has it.
package struct VerdictChange: Sendable {
  /// The truck.
  package let device: String
  /// What the trip is diagnosed as now.
  package let diagnosis: Diagnosis
  /// The verdict before.
  package let previous: Cause

  package init(device: String, diagnosis: Diagnosis, previous: Cause) {
    self.device = device
    self.diagnosis = diagnosis
    self.previous = previous
  }

  /// When what the verdict is about began, or the last reading, nanoseconds since 1970.
  private var time: Int64 { diagnosis.departures.first?.span.start ?? diagnosis.span?.end ?? 0 }

  /// What a person reads of the change.
  package var sentence: String {
    "verdict \(diagnosis.verdict.rawValue) (\(Words.percent(diagnosis.confidence)) sure), before \(previous.rawValue): \(device): \(diagnosis.headline)"
  }

  /// `{"change": "verdict", "device", "rule": "verdict", "time", "text", "verdict": {…}}`; `time` in milliseconds since 1970,
  /// other times in ISO 8601.
  package var json: [UInt8] {
    var json = JSONWriter()
    json.object {
      $0.member("change", "verdict")
      $0.member("device", device)
      $0.member("rule", "verdict")
      $0.member("time", time / 1_000_000)
      $0.member("text", "\(diagnosis.verdict.rawValue): \(diagnosis.headline)")
      $0.object("verdict") {
        $0.member("device", device)
        $0.member("verdict", diagnosis.verdict.rawValue)
        $0.member("previous", previous.rawValue)
        $0.member("confidence", (diagnosis.confidence * 1000).rounded() / 1000)
        $0.member("headline", diagnosis.headline)
        $0.member("from", orNull: diagnosis.span.map { Timestamp.iso8601($0.start) })
        $0.member("to", orNull: diagnosis.span.map { Timestamp.iso8601($0.end) })
        $0.array("evidence") { for item in diagnosis.causes.first?.evidence ?? [] { $0.value(item.text) } }
        $0.array("against") { for item in diagnosis.causes.first?.against ?? [] { $0.value(item.text) } }
      }
    }
    return json.bytes
  }
}
