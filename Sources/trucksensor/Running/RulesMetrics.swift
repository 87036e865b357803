import CommandLine
import HTTP
import MQTT
import Synchronization
import Time

/// The counters as Prometheus text, a second old at most: the server's thread sees a copy only.
final class RulesMetrics {
  private let text: Text
  private let server: HTTPServer
  private var timer: LoopTimer?

  private final class Text: Sendable { let value = Mutex("") }

  init(_ engine: RulesRunner, port: UInt16, _ loop: EventLoop) throws {
    let text = Text()
    self.text = text
    server = try HTTPServer(port: port) { request in
      guard request.method != "POST" else { return HTTPResponse(405, "only GET and HEAD are answered\n") }
      guard request.path == "/metrics" else {
        return HTTPResponse(404, "not found; the metrics are at /metrics\n")
      }
      return HTTPResponse(
        200, text.value.withLock { $0 }, contentType: "text/plain; version=0.0.4; charset=utf-8")
    }
    StandardError.print("rules: metrics on http://127.0.0.1:\(server.port)/metrics")
    timer = loop.makeTimer { [unowned self] in
      text.value.withLock { $0 = engine.countersPrometheus + engine.metrics.prometheus }
      timer?.set(MonotonicTime.now().advanced(by: 1_000_000_000))
    }
    timer?.set(.now())
  }

  func stop() { timer?.cancel() }
}
