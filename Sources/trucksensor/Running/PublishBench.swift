import CommandLine
import MQTT
import Numbers
import Simulator
import Time

/// A publisher at given rates and a subscriber that counts what arrives, on one loop.
final class PublishBench: MQTTClientDelegate {
  /// What one rate led to.
  struct Step {
    /// Messages per second that were asked for.
    let askedRate: Double
    /// Messages acknowledged per second while they were published; at QoS 0 written.
    var reachedRate = 0.0
    var sent = 0
    var acknowledged = 0
    var arrived = 0
    /// How late messages were handed over, and from their due times to their acknowledgements, seconds.
    var lateness = 0.0
    var acknowledgement = 0.0
    /// Parts of a core.
    var ownCore = 0.0
    var brokerCore: Double?
    /// Which part of all cores something ran on.
    var busy: Double?
    /// In which part of the time the window of unacknowledged messages was full.
    var windowFull = 0.0
    /// What passed its bound; empty if the rate held.
    var reasons: [String] = []
    /// The median acknowledgement, seconds.
    var medianAcknowledgement = 0.0

    var lost: Int { max(sent - acknowledged, sent - arrived) }
  }

  /// Beyond these a rate doesn't hold.
  struct Bounds {
    /// Nanoseconds, of 99 % of the messages.
    var lateness: Int64
    var acknowledgement: Int64
  }

  private(set) var steps: [Step] = []
  let clients: BenchClients
  var search: LimitSearch?
  let window: Int

  private let loop: EventLoop
  private let header: PublishHeader
  private let topic: TopicFilter
  private let qos: QoS
  private let bounds: Bounds
  private let length: Int64
  private let onStep: (Step) -> Void

  // The present step
  private var step = Step(askedRate: 0)
  private var pacer = Pacer(.rate(1))
  private var begin = MonotonicTime.now()
  private var isPublishing = false
  private var number = 0
  private var lateness = LatencyHistogram()
  private var acknowledgement = LatencyHistogram()
  private var samples = (full: 0, all: 0)
  private var ownBefore: Int64 = 0
  private var brokerBefore: Int64?
  private var machineBefore: (all: Int64, idle: Int64)?
  private var timer: LoopTimer?
  private var settleTimer: LoopTimer?
  /// How long a step's messages may take to arrive after it.
  private static let settleNanoseconds: Int64 = 5_000_000_000

  init(
    _ arguments: ParsedArguments, loop: EventLoop, bounds: Bounds, length: Int64,
    onStep: @escaping (Step) -> Void
  ) throws {
    self.loop = loop
    self.bounds = bounds
    self.length = length
    self.onStep = onStep
    let window = try arguments.integer("window", in: 1...60_000) ?? 100
    self.window = window
    qos = try arguments.integer("qos", in: 0...1) == 0 ? .atMostOnce : .atLeastOnce
    let name = try TopicName(arguments.string("topic") ?? "bench/publish")
    topic = try TopicFilter(name.text)
    header = try PublishHeader(topic: name, qos: qos)
    clients = try BenchClients(arguments, loop: loop) {
      $0.sendWindow = window
      // More would only wait.
      $0.backlogLimit = 1_000_000
    }
  }

  func start() {
    timer = loop.makeTimer { [unowned self] in publishDue() }
    settleTimer = loop.makeTimer { [unowned self] in finishStep() }
    clients.start(self, topic, qos) { [unowned self] in beginStep() }
  }

  // MARK: A step

  private func beginStep() {
    guard let rate = search?.next else {
      loop.stop()
      return
    }
    step = Step(askedRate: rate)
    pacer = Pacer(.rate(rate))
    number = 0
    (lateness, acknowledgement, samples) = (LatencyHistogram(), LatencyHistogram(), (0, 0))
    ownBefore = ProcessTime.own
    brokerBefore = clients.broker.flatMap(ProcessTime.of)
    machineBefore = ProcessTime.machine
    begin = .now()
    isPublishing = true
    publishDue()
  }

  /// Messages made in one turn of the loop, so that acknowledgements are read between.
  private static let turnShare = 256

  private func publishDue() {
    guard isPublishing else { return }
    for _ in 0..<Self.turnShare {
      let now = MonotonicTime.now()
      guard now.since(begin) < length else {
        endPublishing(at: now)
        return
      }
      let due = begin.advanced(by: pacer.due(message: number + 1) ?? 0)
      guard due <= now else {
        timer?.set(due)
        return
      }
      samples.all += 1
      if !clients.publisher.isReady { samples.full += 1 }
      guard clients.publisher.hasRoom else { break }
      publish(due: due, now: now)
    }
    timer?.set(.now())
  }

  private func publish(due: MonotonicTime, now: MonotonicTime) {
    number += 1
    lateness.record(now.since(due))
    let payload = RoundTrip.payload(number: number)
    if clients.publisher.publish(OutgoingMessage(header: header, payload: payload, due: due, queued: now)) {
      step.sent += 1
    }
  }

  private func endPublishing(at now: MonotonicTime) {
    isPublishing = false
    let seconds = Double(now.since(begin)) / 1e9
    step.reachedRate = Double(step.acknowledged) / seconds
    step.ownCore = Double(ProcessTime.own - ownBefore) / 1e9 / seconds
    if let brokerBefore, let after = clients.broker.flatMap(ProcessTime.of) {
      step.brokerCore = Double(after - brokerBefore) / 1e9 / seconds
    }
    if let before = machineBefore, let after = ProcessTime.machine, after.all > before.all {
      step.busy = 1 - Double(after.idle - before.idle) / Double(after.all - before.all)
    }
    step.windowFull = Double(samples.full) / Double(max(1, samples.all))
    settleTimer?.set(now.advanced(by: Self.settleNanoseconds))
    finishIfSettled()
  }

  private func finishIfSettled() {
    if !isPublishing, step.acknowledged == step.sent, step.arrived >= step.sent { settleTimer?.set(.now()) }
  }

  private func finishStep() {
    func seconds(_ nanoseconds: Int64) -> Double { Double(nanoseconds) / 1e9 }
    step.lateness = seconds(lateness.quantile(0.99))
    step.acknowledgement = seconds(acknowledgement.quantile(0.99))
    step.medianAcknowledgement = seconds(acknowledgement.quantile(0.5))
    if step.lost > 0 { step.reasons.append("\(step.lost) messages lost") }
    if lateness.quantile(0.99) > bounds.lateness { step.reasons.append("lateness") }
    if acknowledgement.quantile(0.99) > bounds.acknowledgement { step.reasons.append("acknowledgement") }
    if step.reachedRate < step.askedRate * 0.95, step.sent > 20 { step.reasons.append("rate") }
    steps.append(step)
    onStep(step)
    search?.record(holds: step.reasons.isEmpty)
    // What is still in flight would spoil the next step.
    if clients.publisher.undelivered > 0 {
      let error = MQTTError(
        .unreachable, "the broker doesn't acknowledge \(clients.publisher.undelivered) messages any more")
      if steps.count == 1 { clients.fail(error) }
      loop.stop()
      return
    }
    beginStep()
  }

  // MARK: What the clients tell

  func client(_ client: MQTTClient, delivered message: OutgoingMessage) {
    step.acknowledged += 1
    acknowledgement.record(MonotonicTime.now().since(message.due))
    finishIfSettled()
  }

  func client(_ client: MQTTClient, refused message: OutgoingMessage, with error: MQTTError) {
    clients.fail(error)
  }

  func client(_ client: MQTTClient, received message: IncomingMessage) {
    step.arrived += 1
    finishIfSettled()
  }

  func client(_ client: MQTTClient, changedTo state: ConnectionState) { clients.changed(client, to: state) }

  func client(_ client: MQTTClient, subscribed filter: TopicFilter, _ result: Result<QoS, MQTTError>) {
    clients.subscribed(result)
  }
}
