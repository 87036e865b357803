import Glibc
import MQTT
import Numbers
import Time

/// Why a replay ended before its time.
public enum ReplayFailure: Error {
  /// The dataset can't be read on.
  case data(DatasetError)
  /// The broker refused, or can't be reached.
  case broker(MQTTError)
}

/// How a replay ended.
public struct ReplayOutcome {
  /// What was sent, acknowledged, lost, and when.
  public let summary: ReplaySummary
  /// Why it ended early, if it did.
  public let failure: ReplayFailure?
  /// The client identifier of the truck that the broker refused first, if any.
  public let refused: String?
  /// Whether it was interrupted by a signal.
  public let wasInterrupted: Bool
}

/// What a replay tells while it runs, on the loop's thread.
public protocol ReplayObserver: AnyObject {
  /// A message was acknowledged, or at QoS 0 written.
  func replay(delivered payload: [UInt8])
  /// Something worth a line on standard error.
  func replay(notice: String)
  /// Something is wrong, and the replay goes on.
  func replay(warning: String)
  /// About twice a second.
  func replay(progress: ReplaySummary)
}

/// Replays a dataset as one truck or many on one event loop: connects them, starts the clock when the first is
/// connected, and ends when all data is acknowledged or something says stop.
public final class Replay {
  let settings: ReplaySettings
  let needsTimeAxis: Bool
  var statistics = ReplayStatistics()
  private(set) var start: MonotonicTime?
  private(set) var startTimestamp = 0.0

  private let loop: EventLoop
  private weak var observer: ReplayObserver?
  private var trucks: [Truck] = []
  private var unfinished = 0
  private var nextToConnect = 0
  private var connecting = 0
  /// How many trucks have been connected at least once.
  private var begunConnections = 0
  private var connectStart: MonotonicTime?
  private var connectTimer: LoopTimer?
  private var phases: RatePhases
  private var lastAcknowledgement: Int64 = 0
  private var failure: ReplayFailure?
  /// Which truck was refused first, and why.
  private var refusal: (client: String, error: MQTTError)?
  private var refusals = 0
  private var lostTrucks = 0
  private var interrupted = false
  private var ending = false
  private var ended: MonotonicTime?
  private var drainTimer: LoopTimer?
  private var durationTimer: LoopTimer?
  private var progressTimer: LoopTimer?

  /// How many refusals are reported one by one.
  private static let reportedRefusals = 10
  /// The broker's listen backlog is 100 connections.
  private static let handshakesUnderWay = 50
  /// Nanoseconds.
  private static let progressInterval: Int64 = 500_000_000

  /// A replay without trucks.
  public init(settings: ReplaySettings, hasTimeAxis: Bool, loop: EventLoop, observer: ReplayObserver?) {
    self.settings = settings
    self.loop = loop
    self.observer = observer
    needsTimeAxis =
      switch (settings.pace, settings.timestamps) {
      case (.speed, _), (_, .uptime): true
      case (_, .start): hasTimeAxis
      default: false
      }
    phases = RatePhases(settings.pace)
    drainTimer = loop.makeTimer { [unowned self] in conclude() }
    connectTimer = loop.makeTimer { [unowned self] in connectMore() }
    durationTimer = loop.makeTimer { [unowned self] in finish() }
    progressTimer = loop.makeTimer { [unowned self] in progress() }
  }

  /// Where a truck of a fleet differs from the first.
  public struct Place {
    /// How many rows later in the dataset it begins. It still replays all rows: those it has passed by come last.
    public var offset = 0
    /// How much of an interval (0 to 1) its messages come later, whatever the rate.
    public var phase = 0.0
    /// How many nanoseconds its messages come later.
    public var delay: Int64 = 0

    /// The first truck's.
    public init() {}
  }

  /// Adds a truck that publishes with `header` through `client`.
  /// - Parameter question: A QoS 1 message without content that comes first, to a topic where the broker refuses it if the
  ///   truck may not publish: at QoS 0 it would not say so. It isn't counted.
  public func addTruck(
    client: MQTTClient, header: PublishHeader, dataset: Dataset, at place: Place = Place(),
    question: PublishHeader? = nil
  ) {
    let number = UInt64(clamping: trucks.count)
    let pacer = Pacer(settings.pace, jitter: settings.jitter, phase: place.phase, seed: number)
    let injector =
      settings.injections.isEmpty
      ? nil : FaultInjector(settings.injections, names: dataset.names, seed: settings.seed &+ number)
    trucks.append(
      Truck(
        client: client, header: header, dataset: dataset, pacer: pacer, place: place, injector: injector,
        question: question, replay: self))
  }

  /// Whether the pace is a rate, which `setRate` can change.
  public var hasRate: Bool { Pacer(settings.pace).hasRate }

  /// The rate that is asked for at present, in messages per second and truck.
  public var askedRate: Double? { trucks.first?.askedRate }

  /// Sets the rate from now on, in messages per second and truck; 0 is a pause. Does nothing before the trucks have set off,
  /// or if the pace is not a rate.
  public func setRate(_ rate: Double) {
    guard let start, hasRate, !ending else { return }
    let now = MonotonicTime.now().since(start)
    phases.change(rate: rate, at: now)
    for truck in trucks { truck.change(rate: rate, at: now) }
  }

  /// Sets the rate to a multiple of the present one, and reports it.
  public func scaleRate(by factor: Double) {
    guard let rate = askedRate, start != nil, hasRate, !ending else { return }
    setRate(rate * factor)
    observer?.replay(
      notice: "rate set to \(RatePhases.Asked.rate(rate * factor).text(trucks: trucks.count))")
  }

  /// Takes rates from a topic that the first truck subscribes to, as `control` takes them.
  public func takeRates(from topic: TopicFilter) { trucks.first?.client.subscribe(topic, qos: .atLeastOnce) }

  /// Sets the rate that a message of a control topic names: `5`, `120/m`, `{"rate": 5}`; what it can't take becomes a notice.
  public func control(_ payload: [UInt8]) {
    do throws(PacingError) {
      guard hasRate else {
        throw PacingError("the pace of this run is not a rate (--rate, --interval, --ramp or --profile)")
      }
      let rate = try ControlMessage.rate(payload)
      setRate(rate)
      observer?.replay(
        notice: "rate set to \(RatePhases.Asked.rate(rate).text(trucks: trucks.count)) by the control topic")
    } catch {
      observer?.replay(warning: "control topic: \(error)")
    }
  }

  /// Runs the loop until all is done.
  public func run() -> ReplayOutcome {
    unfinished = trucks.count
    connectStart = .now()
    connectMore()
    progressTimer?.set(MonotonicTime.now().advanced(by: Self.progressInterval))
    loop.run()
    return ReplayOutcome(
      summary: summary(), failure: failure ?? refusal.map { .broker($0.error) }, refused: refusal?.client,
      wasInterrupted: interrupted)
  }

  /// Ends the replay as a signal asks: nothing new, then the acknowledgements; the second time at once.
  public func interrupt() {
    if interrupted || (ending && failure == nil && unfinished == 0) {
      interrupted = true
      conclude()
      return
    }
    interrupted = true
    finish()
  }

  /// Ends the replay because its output has no reader any more.
  public func finish() {
    for truck in trucks { truck.finish() }
    drain()
  }

  // MARK: What the trucks tell

  func truckFinished() {
    unfinished -= 1
    if unfinished == 0 { drain() }
  }

  func fail(_ reason: ReplayFailure) {
    guard failure == nil else { return }
    failure = reason
    finish()
  }

  /// The broker has refused a truck, or a message of it. Once a fleet has set off, its other trucks go on.
  func refused(_ truck: Truck, _ error: MQTTError) {
    defer { if ending { concludeIfDrained() } }
    guard !truck.isRefused else { return }
    truck.isRefused = true
    if refusal == nil { refusal = (truck.client.settings.clientID, error) }
    let others = unfinished - (truck.isFinished ? 0 : 1)
    guard start != nil, !ending, others > 0 else {
      fail(.broker(error))
      return
    }
    refusals += 1
    if refusals <= Self.reportedRefusals {
      observer?.replay(
        warning:
          "\(truck.client.settings.clientID): \(error); \(others) other truck\(others == 1 ? " goes" : "s go") on"
          + (refusals == Self.reportedRefusals ? "; more refusals are only counted" : ""))
    }
    truck.finish()
  }

  /// A truck's client has given up. Where the broker can't be reached, it is the same for all trucks.
  private func lost(_ truck: Truck, _ error: MQTTError) {
    if !truck.isLost {
      truck.isLost = true
      lostTrucks += 1
    }
    if error.kind == .unreachable { fail(.broker(error)) } else { refused(truck, error) }
    if error.kind == .unreachable || start == nil || lostTrucks == trucks.count { conclude() }
  }

  func sent(at now: MonotonicTime) {
    statistics.sent += 1
    if let start { phases.sent(at: now.since(start)) }
  }

  func delivered(_ message: OutgoingMessage, at now: MonotonicTime) {
    statistics.acknowledged += 1
    statistics.acknowledgement.record(now.since(message.queued))
    if let start {
      lastAcknowledgement = now.since(start)
      phases.acknowledged(at: lastAcknowledgement)
    }
    observer?.replay(delivered: message.payload)
    if ending { concludeIfDrained() }
  }

  func truck(_ truck: Truck, changedTo state: ConnectionState, isFirst: Bool) {
    switch state {
    case .connected:
      if isFirst {
        connecting -= 1
        begunConnections += 1
        truck.prepare()
      }
      if start != nil {
        truck.start()
      } else if begunConnections == trucks.count {
        // A fleet sets off together: a truck that had to wait for the others' handshakes isn't late.
        begin()
        for truck in trucks { truck.start() }
      }
      connectMore()
      if ending { concludeIfDrained() }
    case .waiting(let error):
      observer?.replay(warning: "\(error); trying again")
    case .failed(let error):
      lost(truck, error)
    default:
      break
    }
  }

  /// The clock's reading at `moment` of the monotonic clock, as epoch seconds in whole microseconds.
  func wallClock(at moment: MonotonicTime) -> Double {
    let microseconds = WallClock.nanoseconds / 1000 - MonotonicTime.now().since(moment) / 1000
    return Double(microseconds) / 1_000_000
  }

  // MARK: The course of a replay

  private func connectMore() {
    while connecting < Self.handshakesUnderWay, nextToConnect < trucks.count {
      if let rate = settings.connectRate, let connectStart {
        let due = connectStart.advanced(by: Int64(saturated: Double(nextToConnect) * 1e9 / rate))
        guard due <= .now() else {
          connectTimer?.set(due)
          return
        }
      }
      connecting += 1
      nextToConnect += 1
      trucks[nextToConnect - 1].client.connect()
    }
  }

  private func begin() {
    let now = MonotonicTime.now()
    start = now
    startTimestamp = wallClock(at: now)
    if let duration = settings.duration { durationTimer?.set(now.advanced(by: duration)) }
  }

  private func drain() {
    guard !ending else { return }
    ending = true
    drainTimer?.set(MonotonicTime.now().advanced(by: settings.drainTimeout))
    concludeIfDrained()
  }

  private func concludeIfDrained() {
    if trucks.allSatisfy({ $0.isLost || $0.client.undelivered == 0 }) { drainTimer?.set(.now()) }
  }

  private func conclude() {
    guard ended == nil else { return }
    ended = MonotonicTime.now()
    statistics.undelivered = trucks.reduce(0) { $0 + $1.undelivered }
    for truck in trucks { truck.client.disconnect() }
    loop.stop()
  }

  private func progress() {
    observer?.replay(progress: summary())
    progressTimer?.set(MonotonicTime.now().advanced(by: Self.progressInterval))
  }

  /// Whether all trucks that the broker hasn't refused are signed in at this moment.
  package var isConnected: Bool {
    lostTrucks < trucks.count
      && trucks.allSatisfy {
        if $0.isLost { true } else if case .connected = $0.client.state { true } else { false }
      }
  }

  /// Messages that the broker has acknowledged, or that at QoS 0 were written, by truck.
  package var acknowledged: [Int] { trucks.map(\.acknowledged) }

  /// The counts so far.
  package func summary() -> ReplaySummary {
    let end = ended ?? MonotonicTime.now()
    var repairs = RepairCounts()
    for truck in trucks { repairs.add(truck.repairs) }
    var totals = ReplaySummary.Totals()
    totals.trucks = trucks.count
    totals.resent = trucks.reduce(0) { $0 + $1.client.resent }
    totals.reconnects = trucks.reduce(0) { $0 + $1.client.reconnects }
    totals.askedRate = trucks.first?.askedRate.map { $0 * Double(trucks.count) }
    let rates = trucks.compactMap(\.reachedRate)
    totals.reachedRate = rates.isEmpty ? nil : rates.reduce(0, +)
    if case .speed(let factor) = settings.pace {
      totals.askedSpeed = factor
      totals.reachedSpeed = trucks.first?.reachedShare.map { $0 * factor }
    }
    totals.repairs = repairs
    if let start {
      totals.duration = Double(end.since(start)) / 1_000_000_000
      totals.phases = phases.results(until: end.since(start), last: lastAcknowledgement, trucks: trucks.count)
    }
    return ReplaySummary(statistics, totals)
  }
}
