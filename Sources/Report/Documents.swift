import ColdChain
import JSON
import Text
import Time

extension TripReport {
  private static let style = """
    body{font:15px/1.45 system-ui,"DejaVu Sans",sans-serif;color:#22262b;max-width:800px;margin:2rem auto;padding:0 1rem}
    h1{font-size:1.6rem;border-bottom:2px solid #3e9a33;padding-bottom:.3rem}h2{font-size:1.05rem;margin:1.6rem 0 .4rem}
    h1 small{float:right;font-size:1rem;color:#5a6069;padding-top:.5rem}
    table{border-collapse:collapse;width:100%;font-size:.86rem;font-variant-numeric:tabular-nums}
    .scroll{overflow-x:auto}th{text-align:left;color:#5a6069;font-weight:500;border-bottom:1px solid #d5d8de}td,th{padding:.2rem .6rem .2rem 0}
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.2rem;font-size:.9rem}dt{color:#5a6069}dd{margin:0;overflow-wrap:anywhere}
    .verdict{font-size:1.25rem;font-weight:700;margin:.8rem 0 .2rem}p{margin:.2rem 0}
    ul{list-style:none;margin:.3rem 0 1rem;padding:0;font-size:.9rem}
    .alarm{color:#b3122b;font-weight:700}svg{width:100%;height:auto}footer{font-size:.75rem;color:#5a6069;margin-top:3rem;
    overflow-wrap:anywhere}.sign{border-top:1px solid #5a6069;width:18rem;margin-top:4rem;padding-top:.2rem}
    @media screen and (max-width:600px){table{font-size:.8rem}
    dl{grid-template-columns:1fr}dd{margin-bottom:.3rem}.sign{width:auto}}
    @media print{body{margin:0;font-size:11px}@page{size:A4;margin:15mm}tr,svg{break-inside:avoid}}
    @media screen and (max-width:600px){figure{overflow-x:auto}svg{width:600px}}
    """

  private func table(_ title: String, _ heads: [String], _ rows: [[String]], nothing: String = "none")
    -> String
  {
    guard !rows.isEmpty else {
      let text = nothing.prefix(1).uppercased() + nothing.dropFirst()
      return "<h2>\(Markup.escaped(title))</h2>\n<p>\(Markup.escaped(text)).</p>\n"
    }
    let head = heads.map { $0.isEmpty ? "<td></td>" : "<th scope=\"col\">\(Markup.escaped($0))</th>" }
      .joined()
    let body = rows.map { row in
      "<tr>" + row.map { "<td\($0 == "ALARM" ? " class=\"alarm\"" : "")>\(Markup.escaped($0))</td>" }.joined()
        + "</tr>"
    }.joined(separator: "\n")
    return
      """
      <h2>\(Markup.escaped(title))</h2>
      <div class="scroll" role="region" aria-label="\(Markup.escaped(title))" tabindex="0"><table><thead><tr>\(head)</tr></thead><tbody>
      \(body)
      </tbody></table></div>

      """
  }

  /// One file without anything from elsewhere.
  func html() throws(ReportError) -> String {
    var chart = String(decoding: try chart(), as: UTF8.self)
    // Inside HTML an SVG has no XML declaration.
    if let start = chart.firstRange(of: "<svg") { chart = String(chart[start.lowerBound...]) }
    let facts = identity.map { "<dt>\(Markup.escaped($0.name))</dt><dd>\(Markup.escaped($0.value))</dd>" }
      .joined(
        separator: "\n")
    let reasons = evidence.map { "<li>\($0.sign) \(Markup.escaped($0.text))</li>" }.joined(separator: "\n")
    return """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
      <title>Trip report: \(Markup.escaped(device))</title><style>\(Self.style)</style></head><body>
      <h1>Trip report <small>\(Markup.escaped(device))</small></h1>
      <p class="verdict\(diagnosis.verdict.isFault ? " alarm" : "")">\(Markup.escaped(verdict))</p>
      <p>\(Markup.escaped(diagnosis.headline))</p>
      <ul>
      \(reasons)
      </ul>
      <dl>
      \(facts)
      </dl>
      <figure style="margin:1rem 0" tabindex="0" role="img" aria-label="Temperature, voltage and door over time">\(chart)</figure>
      \(table("Statistics", ["", "average", "minimum", "maximum", "standard deviation"], statistics))
      <p>\(Markup.escaped(meanKinetic))</p>
      \(table("Limits", ["", "source", "events", "time above", "longest", "first", ""], limits))
      \(table(excursionsTitle, ["from", "until", "length", "warmest"], excursions, nothing: nothing(.temperature)))
      \(table(doorTitle, ["opened", "closed", "length", "rise of temperature"], door(), nothing: nothing(.door)))
      \(table(voltageTitle, ["from", "until", "length", "lowest"], voltage, nothing: nothing(.voltage)))
      <p class="sign">Checked by, date, signature</p>
      <footer>SHA-256 of the input: \(Markup.escaped(digest))<br>made \(String(Timestamp.text(made).prefix(19))) UTC by trucksensor</footer>
      </body></html>

      """
  }

  /// All events as rows: kind, from, until, seconds, worst.
  var csv: String {
    func quoted(_ text: String) -> String {
      text.contains { ",\"\n\r".contains($0) } ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }
    var lines = ["kind,name,from,until,seconds,value"]
    func add(_ kind: String, _ name: String, _ episode: Episode?, _ value: Double?) {
      let times =
        episode.map { "\(machineTime($0.start)),\(machineTime($0.end)),\($0.seconds)" } ?? ",,"
      lines.append("\(kind),\(quoted(name)),\(times),\(value.map { "\($0)" } ?? "")")
    }
    for (name, summary) in [("temperature", trip.temperature), ("voltage", trip.voltage)] {
      guard let summary else { continue }
      add("statistic", "\(name) average", nil, summary.average)
      add("statistic", "\(name) minimum", nil, summary.minimum.value)
      add("statistic", "\(name) maximum", nil, summary.maximum.value)
      add("statistic", "\(name) deviation", nil, summary.deviation)
    }
    add("verdict", diagnosis.verdict.rawValue, nil, diagnosis.confidence)
    for reason in evidence { add(reason.sign == "+" ? "evidence" : "remark", reason.text, nil, nil) }
    add("statistic", "mean kinetic temperature", nil, trip.meanKineticTemperature)
    add("statistic", "coverage", nil, trip.coverage)
    for measure in Measure.allCases {
      add("statistic", "\(measure.title) coverage", nil, diagnosis.coverage[measure]?.share ?? 0)
    }
    for limit in trip.limits {
      for event in limit.events { add("excursion", "above \(limit.celsius) °C", event, event.worst) }
    }
    for opening in trip.openings { add("door", "open", opening.episode, opening.rise) }
    for episode in trip.lowVoltage { add("voltage", "low", episode, episode.worst) }
    for gap in trip.gaps { add("gap", "no data", gap, nil) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A moment for a program: ISO 8601, or the seconds of a record without a clock.
  private func machineTime(_ time: Int64) -> String {
    hasClock ? Timestamp.iso8601(time) : "\(Double(time) / 1e9)"
  }

  private func write(_ name: String, time: Int64?, to json: inout JSONWriter) {
    json.key(name)
    guard let time else { return json.null() }
    if hasClock { json.value(Timestamp.iso8601(time)) } else { json.value(Double(time) / 1e9) }
  }

  /// The same as one JSON object; times are ISO 8601, or the seconds of a record without a clock; lengths are in seconds.
  var json: [UInt8] {
    var json = JSONWriter()
    json.object {
      $0.member("device", device)
      $0.member("source", source)
      $0.member("sha256", digest)
      write("from", time: trip.readings.first?.time, to: &$0)
      write("to", time: trip.readings.last?.time, to: &$0)
      $0.member("hasClock", hasClock)
      $0.member("readings", trip.readings.count)
      $0.member("step", trip.step)
      $0.member("coverage", trip.coverage)
      $0.member("verdict", diagnosis.verdict.rawValue)
      $0.member("confidence", diagnosis.confidence)
      if let diagnosisJSON { $0.member("diagnosis", json: diagnosisJSON) }
      $0.object("statistics") {
        write("temperature", trip.temperature, to: &$0)
        write("voltage", trip.voltage, to: &$0)
        $0.member("meanKineticTemperature", orNull: trip.meanKineticTemperature)
      }
      write("coldSince", time: trip.coldSince, to: &$0)
      $0.array("limits") {
        for limit in trip.limits {
          $0.object {
            $0.member("limit", limit.celsius)
            $0.member("source", limit.source)
            $0.member("seconds", limit.seconds)
            $0.array("events") {
              for event in limit.events { write(event, "worst", event.worst, to: &$0) }
            }
          }
        }
      }
      $0.array("door") {
        for opening in trip.openings { write(opening.episode, "rise", opening.rise, to: &$0) }
      }
      $0.array("lowVoltage") {
        for episode in trip.lowVoltage { write(episode, "lowest", episode.worst, to: &$0) }
      }
    }
    json.newline()
    return json.bytes
  }

  private func write(_ name: String, _ summary: Trip.Summary?, to json: inout JSONWriter) {
    json.key(name)
    guard let summary else { return json.null() }
    json.object {
      $0.member("count", summary.count)
      $0.member("average", summary.average)
      $0.member("minimum", summary.minimum.value)
      write("minimumTime", time: summary.minimum.time, to: &$0)
      $0.member("maximum", summary.maximum.value)
      write("maximumTime", time: summary.maximum.time, to: &$0)
      $0.member("deviation", summary.deviation)
    }
  }

  private func write(_ episode: Episode, _ name: String, _ value: Double?, to json: inout JSONWriter) {
    json.object {
      write("from", time: episode.start, to: &$0)
      write("until", time: episode.end, to: &$0)
      $0.member("seconds", episode.seconds)
      $0.member(name, orNull: value)
    }
  }
}
