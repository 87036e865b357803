import ColdChain
import Numbers

/// A diagnosis as text that a manager reads.
package enum DiagnosisText {
  package static func lines(_ result: RecordReader.Result) -> [String] {
    let diagnosis = result.diagnosis
    var lines = [
      "\(result.device): \(diagnosis.verdict.rawValue) (\(Words.percent(diagnosis.confidence)) sure)",
      "  \(diagnosis.headline)",
    ]
    if let verdict = diagnosis.causes.first {
      lines += verdict.evidence.map { "  + \($0.text)" }
      lines += verdict.against.map { "  - \($0.text)" }
    }
    let others = diagnosis.causes.dropFirst().filter { $0.confidence >= 0.05 }
    if !others.isEmpty {
      lines.append("  Less likely:")
      for cause in others {
        lines.append("    \(cause.cause.rawValue), \(Words.percent(cause.confidence)): \(cause.cause.title)")
        lines += cause.evidence.prefix(1).map { "      + \($0.text)" }
        lines += cause.against.prefix(2).map { "      - \($0.text)" }
      }
    }
    lines.append("  Limits (\(diagnosis.profile.name)):")
    for grade in diagnosis.grades { lines.append("    \(limit(grade))") }
    if !diagnosis.phases.isEmpty {
      lines.append("  Phases:")
      for phase in diagnosis.phases.prefix(20) {
        let temperatures = phase.from.flatMap { from in
          phase.to.map { ", \(Words.celsius(from)) to \(Words.celsius($0))" }
        }
        lines.append(
          "    \(phase.kind.rawValue) from \(result.clock.text(phase.span.start)), \(Words.duration(phase.span.seconds))\(temperatures ?? "")"
        )
      }
    }
    lines += statistics(diagnosis)
    lines += (diagnosis.remarks + result.notes).map { "  Note: \($0)" }
    return lines
  }

  private static func limit(_ grade: LimitGrade) -> String {
    let result: String
    switch grade.result {
    case .ok: result = "OK"
    case .notMeasured: result = "not measured well enough to say"
    case .exceeded:
      result =
        "exceeded for \(Words.duration(grade.seconds)) in \(Words.count(grade.count, "event")), \(Words.number(grade.degreeMinutes, 0)) degree-minutes"
    }
    let approach =
      grade.approach.map { "; the initial cooling down, \(Words.duration($0.seconds)), isn't counted" } ?? ""
    return "\(grade.limit.title): \(result)\(approach) (\(grade.limit.source))"
  }

  private static func statistics(_ diagnosis: Diagnosis) -> [String] {
    var lines: [String] = []
    let coverage = Measure.allCases.map { measure in
      "\(measure.title) \(diagnosis.coverage[measure]?.share.map(Words.percent) ?? "not measured")"
    }
    lines.append("  Measured: \(coverage.joined(separator: ", "))")
    let temperature = diagnosis.temperature
    if let mean = temperature.timeWeightedMean, let low = temperature.minimum, let high = temperature.maximum
    {
      lines.append(
        "  Temperature: mean over time \(Words.celsius(mean)), \(Words.celsius(low.value)) to \(Words.celsius(high.value)), mean kinetic \(Words.celsius(temperature.meanKinetic ?? .nan)) (for information)"
      )
    }
    if let mean = diagnosis.voltage.timeWeightedMean, let low = diagnosis.voltage.minimum,
      let high = diagnosis.voltage.maximum
    {
      lines.append(
        "  Voltage: mean over time \(Words.number(mean, 2)) V, \(Words.number(low.value, 2)) to \(Words.number(high.value, 2)) V"
      )
    }
    if let door = diagnosis.door {
      lines.append(
        "  Door: \(Words.count(door.count, "opening")), \(Words.duration(door.seconds)) in all, longest \(Words.duration(door.longest?.seconds ?? 0))"
      )
    }
    if diagnosis.thaws > 0 {
      lines.append(
        "  Thawed above −10 °C \(Words.count(diagnosis.thaws, "time")), frozen again \(Words.count(diagnosis.thawCycles, "time"))"
      )
    }
    return lines
  }

  /// A fleet's comparison, after its trips.
  package static func lines(_ fleet: FleetAnalysis) -> [String] {
    let affected = fleet.trips.count { $0.isAffected }
    var lines = [
      "\(fleet.trips.count) trips, \(affected) affected: "
        + fleet.causes.map { "\($0.cause.rawValue) \($0.count)" }.joined(separator: ", ")
    ]
    for answer in fleet.answers {
      lines.append("\(answer.question) \(answer.value.rawValue): \(answer.reason)")
    }
    let significant = fleet.findings.filter { $0.isSignificant }
    if significant.isEmpty {
      lines.append("The affected trips have nothing in common that chance wouldn't explain.")
    }
    for finding in significant {
      let others = finding.sound > 0 ? ", \(finding.soundWith) of \(finding.sound) others" : ""
      lines.append(
        "In common: \(finding.kind) \(finding.property): \(finding.affectedWith) of \(finding.affected) affected\(others)"
      )
    }
    return lines
  }
}

extension DiagnosisText {
  /// A truck's trends: a line of bars a sign, then the warnings.
  package static func lines(_ trend: TrendAnalysis, device: String) -> [String] {
    var lines = [device.isEmpty ? "Trends over the trips:" : "\(device): trends over its trips"]
    for series in trend.series where series.values.contains(where: { $0 != nil }) {
      let known = series.values.compactMap { $0 }
      guard let low = known.min(), let high = known.max() else { continue }
      let bars = Array("▁▂▃▄▅▆▇█")
      let chart = series.values.map { value -> Character in
        guard let value else { return " " }
        let share = high > low ? (value - low) / (high - low) : 0.5
        return bars[min(7, Int(saturated: share * 8))]
      }
      let name = series.title + String(repeating: " ", count: max(1, 34 - series.title.count))
      lines.append("  \(name)\(String(chart))  \(Words.number(low, 2)) to \(Words.number(high, 2))")
    }
    lines += trend.warnings.map { "  Warning: \($0.text)" }
    if trend.warnings.isEmpty { lines.append("  No trend that chance wouldn't explain.") }
    return lines
  }
}
