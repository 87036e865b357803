import JSON
import Numbers
import Simulator
import Text

/// What a search for the limit found, for people and machines.
struct LimitReport {
  let steps: [PublishBench.Step]
  let search: LimitSearch
  let window: Int

  /// A core is what gave way from this part of it on: the rest is what the kernel gives to others.
  private static let busyCore = 0.85
  private static let barWidth = 40

  /// The slowest step that didn't hold: what stands in the way of the next faster rate.
  private var failedStep: PublishBench.Step? {
    steps.filter { !$0.reasons.isEmpty }.min { $0.askedRate < $1.askedRate }
  }

  /// What gave way, in a sentence.
  var cause: String? {
    guard let step = failedStep else { return nil }
    let own = Self.percent(step.ownCore)
    let broker = step.brokerCore.map { "the broker \(Self.percent($0))" } ?? "the broker's is unknown"
    let cores = "of a core this process took \(own), \(broker)"
    if let core = step.brokerCore, core >= Self.busyCore, core >= step.ownCore {
      return "the broker's core gave way: \(cores)"
    }
    if step.ownCore >= Self.busyCore { return "our core gave way: \(cores)" }
    if let busy = step.busy, busy >= 0.95 {
      return
        "the machine gave way: \(Self.percent(busy)) of all its cores were taken, most by other work; \(cores)"
    }
    if step.windowFull > 0.5 {
      let median = Self.milliseconds(step.medianAcknowledgement)
      return
        "the window of \(window) unacknowledged messages was full in \(Self.percent(step.windowFull)) of the time, and an "
        + "acknowledgement took \(median) ms (median, with waiting): a larger --window may carry more; \(cores)"
    }
    return "no core was busy and the window was open: the broker or the network took its time; \(cores)"
  }

  /// The steps as a chart, the limit and its cause.
  var text: String {
    var lines = steps.sorted { $0.askedRate < $1.askedRate }.map(line)
    lines.append(result)
    if let cause { lines.append(cause) }
    return lines.joined(separator: "\n")
  }

  /// The limit in a sentence.
  var result: String {
    guard let held = search.held else { return "no rate held" }
    guard let failed = failedStep else { return "\(Self.rate(held))/s held; no faster rate was tried" }
    return "\(Self.rate(held))/s held; \(Self.rate(failed.askedRate))/s did not: "
      + failed.reasons.joined(separator: ", ")
  }

  private var fastest: Double { max(1, steps.map(\.askedRate).max() ?? 1) }

  private func line(_ step: PublishBench.Step) -> String {
    let width = Double(Self.barWidth)
    let asked = Int(saturated: (step.askedRate / fastest * width).rounded())
    let reached = min(asked, Int(saturated: (step.reachedRate / fastest * width).rounded()))
    let bar = String(repeating: "█", count: reached) + String(repeating: "░", count: asked - reached)
    return Self.padded("\(Self.rate(step.askedRate))/s", 10) + " "
      + bar.padding(Self.barWidth) + " late "
      + Self.padded(Self.milliseconds(step.lateness), 8) + " ms, acknowledged "
      + Self.padded(Self.milliseconds(step.acknowledgement), 8) + " ms"
      + (step.reasons.isEmpty ? "" : "  ✗ " + step.reasons.joined(separator: ", "))
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  static func rate(_ value: Double) -> String { "\(Int(saturated: value.rounded()))" }

  static func milliseconds(_ seconds: Double) -> String {
    let hundredths = Int(saturated: (seconds * 100_000).rounded())
    return "\(hundredths / 100).\(String(100 + hundredths % 100).dropFirst())"
  }

  private static func percent(_ share: Double) -> String { "\(Int(saturated: (share * 100).rounded())) %" }

  /// One JSON object.
  var json: [UInt8] {
    var json = JSONWriter()
    json.object {
      $0.member("held", orNull: search.held.map { $0.rounded() })
      $0.member("failed", orNull: failedStep.map { $0.askedRate.rounded() })
      $0.member("cause", orNull: cause)
      $0.array("steps") {
        for step in steps {
          $0.object {
            $0.member("askedRate", step.askedRate.rounded())
            $0.member("reachedRate", step.reachedRate.rounded())
            $0.member("sent", step.sent)
            $0.member("acknowledged", step.acknowledged)
            $0.member("arrived", step.arrived)
            $0.member("latenessP99", step.lateness)
            $0.member("acknowledgementP99", step.acknowledgement)
            $0.member("ownCore", (step.ownCore * 1000).rounded() / 1000)
            $0.member("brokerCore", orNull: step.brokerCore.map { ($0 * 1000).rounded() / 1000 })
            $0.member("windowFull", (step.windowFull * 1000).rounded() / 1000)
            $0.array("reasons") { for reason in step.reasons { $0.value(reason) } }
          }
        }
      }
    }
    return json.bytes
  }

  /// A page with a chart of asked and reached rates, and the steps as a table.
  var html: [UInt8] {
    let sorted = steps.sorted { $0.askedRate < $1.askedRate }
    let (width, height, margin) = (640.0, 360.0, 48.0)
    func x(_ rate: Double) -> String { Self.rate(margin + rate / fastest * (width - 2 * margin)) }
    func y(_ rate: Double) -> String {
      Self.rate(height - margin - min(1, rate / fastest) * (height - 2 * margin))
    }
    let points = sorted.map { "\(x($0.askedRate)),\(y($0.reachedRate))" }.joined(separator: " ")
    let marks = sorted.map {
      let color = $0.reasons.isEmpty ? "#1a7f37" : "#cf222e"
      return "<circle cx=\"\(x($0.askedRate))\" cy=\"\(y($0.reachedRate))\" r=\"4\" fill=\"\(color)\"/>"
    }.joined(separator: "\n")
    let rows = sorted.map { step in
      let cells = [
        Self.rate(step.askedRate), Self.rate(step.reachedRate), Self.milliseconds(step.lateness),
        Self.milliseconds(step.acknowledgement), "\(step.lost)", Self.percent(step.ownCore),
        step.brokerCore.map(Self.percent) ?? "–", step.reasons.joined(separator: ", "),
      ]
      return "<tr>" + cells.map { "<td>\(Markup.escaped($0))</td>" }.joined() + "</tr>"
    }.joined(separator: "\n")
    let page = """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width">
      <title>Publishing limit</title>
      <style>
      body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 52rem; padding: 0 1rem; color: #1f2328; background: #fff }
      svg { max-width: 100% } table { border-collapse: collapse } th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #d0d7de }
      th:last-child, td:last-child { text-align: left }
      </style>
      </head>
      <body>
      <h1>Publishing limit</h1>
      <p>\(Markup.escaped(result))\(cause.map { "; " + Markup.escaped($0) } ?? "").</p>
      <svg viewBox="0 0 640 360" role="img" aria-label="Reached against asked messages per second">
      <line x1="\(x(0))" y1="\(y(0))" x2="\(x(fastest))" y2="\(y(0))" stroke="#57606a"/>
      <line x1="\(x(0))" y1="\(y(0))" x2="\(x(0))" y2="\(y(fastest))" stroke="#57606a"/>
      <line x1="\(x(0))" y1="\(y(0))" x2="\(x(fastest))" y2="\(y(fastest))" stroke="#8c959f" stroke-dasharray="4 4"/>
      <polyline points="\(points)" fill="none" stroke="#0969da" stroke-width="2"/>
      \(marks)
      <text x="\(x(fastest))" y="345" text-anchor="end" font-size="12">asked: \(Self.rate(fastest))/s</text>
      <text x="\(x(0))" y="30" font-size="12">reached</text>
      </svg>
      <table>
      <tr><th>asked /s</th><th>reached /s</th><th>late p99 ms</th><th>acknowledged p99 ms</th><th>lost</th><th>our core</th><th>broker's core</th><th>passed its bound</th></tr>
      \(rows)
      </table>
      </body>
      </html>

      """
    return Array(page.utf8)
  }
}

extension String {
  fileprivate func padding(_ width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
