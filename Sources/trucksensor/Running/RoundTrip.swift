import CommandLine
import JSON
import MQTT
import Numbers
import Simulator
import Time

/// Publishes, and takes the time until the answers arrive.
final class RoundTrip: MQTTClientDelegate {
  let count: Int
  private(set) var received = 0
  let clients: BenchClients

  private let loop: EventLoop
  private let header: PublishHeader
  private let answers: TopicFilter
  private let qos: QoS
  private var pacer: Pacer
  private let window: Int
  private var departures: [MonotonicTime] = []
  private var latency = LatencyHistogram()
  private var begin: MonotonicTime?
  private var end = MonotonicTime.now()
  private var timer: LoopTimer?
  private var silence: LoopTimer?
  private static let silenceNanoseconds: Int64 = 10_000_000_000

  init(_ arguments: ParsedArguments, loop: EventLoop) throws {
    self.loop = loop
    count = try arguments.integer("count", in: 1...10_000_000) ?? 10_000
    window = try arguments.integer("window", in: 1...100_000) ?? 200
    pacer = Pacer(try arguments.pacing("rate", Pacer.Mode.rate(text:)) ?? .rate(1000))
    qos = try arguments.integer("qos", in: 0...1) == 0 ? .atMostOnce : .atLeastOnce
    answers = try TopicFilter(arguments.string("out") ?? "truck/analyze")
    header = try PublishHeader(topic: TopicName(arguments.string("in") ?? "truck/freezer"), qos: qos)
    clients = try BenchClients(arguments, loop: loop)
    departures.reserveCapacity(count)
  }

  func start() {
    timer = loop.makeTimer { [unowned self] in publishDue() }
    silence = loop.makeTimer { [unowned self] in loop.stop() }
    clients.start(self, answers, qos) { [unowned self] in beginPublishing() }
  }

  private func beginPublishing() {
    begin = .now()
    silence?.set(MonotonicTime.now().advanced(by: Self.silenceNanoseconds))
    publishDue()
  }

  private func publishDue() {
    guard let begin else { return }
    while departures.count < count {
      if let offset = pacer.due(message: departures.count + 1) {
        let due = begin.advanced(by: offset)
        guard due <= .now() else {
          timer?.set(due)
          return
        }
      } else if departures.count - received >= window {
        return
      }
      publish()
    }
  }

  private func publish() {
    let payload = Self.payload(number: departures.count + 1)
    let now = MonotonicTime.now()
    departures.append(now)
    _ = clients.publisher.publish(OutgoingMessage(header: header, payload: payload, due: now))
  }

  /// A truck's message.
  static func payload(number: Int) -> [UInt8] {
    var payload = JSONWriter()
    payload.object {
      $0.member("uptime", "1")
      $0.member("volts", "12.11")
      $0.member("temp", "21.90")
      $0.member("door", "0")
      $0.member("i", "1")
      $0.member("n", "\(number)")
      $0.member("timestamp", WallClock.seconds)
    }
    return payload.bytes
  }

  func client(_ client: MQTTClient, received message: IncomingMessage) {
    guard received < departures.count else { return }
    end = .now()
    latency.record(end.since(departures[received]))
    received += 1
    if received == count {
      loop.stop()
    } else if received % 64 == 0 {
      silence?.set(end.advanced(by: Self.silenceNanoseconds))
    }
  }

  func clientFinishedReading(_ client: MQTTClient) {
    if case .maximum = pacer.mode, client === clients.subscriber { publishDue() }
  }

  func client(_ client: MQTTClient, changedTo state: ConnectionState) { clients.changed(client, to: state) }

  func client(_ client: MQTTClient, subscribed filter: TopicFilter, _ result: Result<QoS, MQTTError>) {
    clients.subscribed(result)
  }

  // MARK: The result

  private var seconds: Double { Double(end.since(begin ?? end)) / 1e9 }

  private var reachedRate: Double { Double(received) / max(seconds, 1e-9) }

  private func milliseconds(_ fraction: Double) -> String {
    let microseconds = latency.quantile(fraction) / 1000
    return "\(microseconds / 1000).\(String(1000 + microseconds % 1000).dropFirst())"
  }

  var text: String {
    "\(received) of \(departures.count) messages came back, \(Int(saturated: reachedRate))/s; "
      + "milliseconds p50 \(milliseconds(0.5)), p95 \(milliseconds(0.95)), p99 \(milliseconds(0.99)), "
      + "max \(milliseconds(1))"
  }

  var json: [UInt8] {
    var json = JSONWriter()
    json.object {
      $0.member("sent", departures.count)
      $0.member("received", received)
      $0.member("rate", reachedRate)
      $0.object("seconds") {
        for (name, fraction) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
          $0.member(name, Double(latency.quantile(fraction)) / 1e9)
        }
        $0.member("max", Double(latency.max) / 1e9)
      }
    }
    return json.bytes
  }
}
