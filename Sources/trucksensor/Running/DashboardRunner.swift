import ColdChain
import CommandLine
import Dashboard
import Files
import HTTP
import MQTT
import Store
import Time

/// The page of a command.
final class DashboardRunner {
  private let dashboard: Dashboard
  private let publisher: AlertPublisher?
  private var timer: LoopTimer?
  private var metrics: () -> String = { "" }

  /// Begins to serve. With a publisher it looks for alerts, and publishes what changes.
  init(_ arguments: ParsedArguments, store: StoreLocation, publisher: AlertPublisher?, loop: EventLoop) throws
  {
    let given = try DashboardOptions.settings(arguments, store: store)
    var settings = given.0
    settings.rules = try AlertRule.rules(at: AlertFile.path)
    settings.rulesPath = AlertFile.path
    settings.raisesAlerts = publisher != nil
    self.publisher = publisher
    DescriptorLimit.raise()
    let waker = loop.waker
    let receive = publisher?.receiver
    var started: Dashboard?
    // Another run may have the usual port.
    let attempts: UInt16 = given.fixed ? 1 : 20
    for offset in 0..<attempts where started == nil {
      var attempt = settings
      attempt.http.port += offset
      do {
        started = try Dashboard(
          attempt,
          onAlert: { event in
            receive?(
              waker, event.json, "alert \(event.change.rawValue): \(event.alert.title), \(event.alert.device)"
            )
          },
          onVerdict: { payload, sentence in receive?(waker, payload, sentence) },
          onProblem: { StandardError.error("\($0)") })
      } catch {
        if offset + 1 == attempts { throw error }
      }
    }
    guard let started else { throw arguments.error("no port is free for the dashboard") }
    dashboard = started
    publisher?.start()
    if started.port != settings.http.port, settings.http.port != 0 {
      StandardError.print("Port \(settings.http.port) is in use; the dashboard is on \(started.port).")
    }
    let scheme = settings.http.tls == nil ? "http" : "https"
    StandardError.print("Dashboard: \(scheme)://\(settings.http.address):\(started.port)/")
  }

  /// Serves what `metrics` gives, as Prometheus text, whenever the status is shown.
  func showMetrics(_ metrics: @escaping () -> String) { self.metrics = metrics }

  /// Shows what `status` gives, twice a second.
  func showStatus(_ loop: EventLoop, _ status: @escaping () -> String) {
    timer = loop.makeTimer { [unowned self] in
      dashboard.setStatus(status(), metrics: metrics())
      timer?.set(MonotonicTime.now().advanced(by: 500_000_000))
    }
    timer?.set(.now())
  }

  func stop(_ loop: EventLoop) {
    timer?.cancel()
    dashboard.stop()
    publisher?.stop(loop)
  }
}
