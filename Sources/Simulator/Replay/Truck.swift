import MQTT
import Numbers
import Time

/// One truck of a replay: reads its dataset, gives each reading its due time and hands it to its client. Used on the
/// client's loop only.
final class Truck: MQTTClientDelegate {
  let client: MQTTClient
  private let replay: Replay
  private let header: PublishHeader
  private let dataset: Dataset
  private let encoder: PayloadEncoder
  private var pacer: Pacer
  private let stagger: Int64
  private var injector: FaultInjector?
  /// The rows that are left out at the beginning, and the pass over the dataset in which the truck then begins.
  private let offset: Int
  private var firstPass: Int?
  private var timer: LoopTimer?

  private var lastSize = 128
  private var sent = 0
  /// Messages that the broker has acknowledged, or that at QoS 0 were written.
  private(set) var acknowledged = 0
  /// The reading that waits for its due time; it points into the dataset until the next one is read.
  private var pending: (reading: Reading, due: Int64)?
  private var waitsForRoom = false
  private(set) var isFinished = false
  private(set) var hasConnected = false
  /// The first row's uptime, or 0 for a `time` column, and the present row's time since the first, in seconds.
  private var firstUptime: Double?
  private var elapsed = 0.0

  var repairs: RepairCounts { dataset.repairs }
  var askedRate: Double? { pacer.askedRate }

  init(
    client: MQTTClient, header: PublishHeader, dataset: Dataset, pacer: Pacer, stagger: Int64,
    injector: FaultInjector?, offset: Int, replay: Replay
  ) {
    self.offset = offset
    self.client = client
    self.header = header
    encoder = PayloadEncoder(names: dataset.names)
    self.dataset = dataset
    self.pacer = pacer
    self.stagger = stagger
    self.injector = injector
    self.replay = replay
    client.delegate = self
    timer = client.makeTimer { [unowned self] in produce() }
  }

  /// Begins to publish; message n is due at `replay.start` + `stagger` + its offset.
  func start() {
    guard !isFinished else { return }
    produce()
  }

  /// Publishes nothing more; messages given to the client are still sent.
  func finish() {
    guard !isFinished else { return }
    isFinished = true
    timer?.cancel()
    replay.truckFinished()
  }

  /// What a truck makes in one turn of the loop: little enough for the writes and acknowledgements between two turns
  /// to keep up with whatever is due.
  private static let turnShare = TurnShare(steps: 256, bytes: 1 << 16)

  /// Publishes what is due, as much as a turn takes, and sets the timer for the rest.
  private func produce() {
    guard !isFinished, let start = replay.start else { return }
    if case .maximum = pacer.mode {
      publishAsFastAsTaken(start: start)
      return
    }
    var share = Self.turnShare
    while !isFinished, let next = nextReading() {
      let due = start.advanced(by: stagger.saturatingAdd(next.due))
      let now = MonotonicTime.now()
      guard due <= now else {
        timer?.set(due)
        return
      }
      guard !share.isUsedUp else {
        timer?.set(now)
        return
      }
      while !client.hasRoom {
        guard replay.settings.whenFull == .dropOldest, client.dropOldest() != nil else {
          waitsForRoom = true
          return
        }
        replay.statistics.dropped += 1
      }
      replay.statistics.lateness.record(now.since(due))
      share.use(bytes: publish(next.reading, due: due, offset: next.due))
    }
  }

  private func publishAsFastAsTaken(start: MonotonicTime) {
    var share = Self.turnShare
    // The client asks for more after each turn.
    while !isFinished, !share.isUsedUp, client.isReady, let next = nextReading() {
      let now = MonotonicTime.now()
      share.use(bytes: publish(next.reading, due: now, offset: now.since(start)))
    }
  }

  /// The reading after the last published one, with its due offset; nil when the replay is over.
  private func nextReading() -> (reading: Reading, due: Int64)? {
    if let pending { return pending }
    do throws(DatasetError) {
      if let count = replay.settings.count, sent >= count { return end() }
      guard let reading = try nextRow() else { return end() }
      if replay.needsTimeAxis {
        if firstUptime == nil { firstUptime = dataset.hasUptime ? try dataset.time() : 0 }
        elapsed = try dataset.elapsed()
      }
      let due = pacer.due(message: sent + 1, elapsed: elapsed) ?? 0
      if let duration = replay.settings.duration, due >= duration { return end() }
      pending = (reading, due)
      return pending
    } catch {
      replay.fail(.data(error))
      return nil
    }
  }

  /// The pass over the dataset, from 1.
  private var pass: Int { dataset.pass - (firstPass ?? 1) + 1 }

  private func skip() throws(DatasetError) {
    var left = offset
    var rows = 0
    while left > 0 {
      if try dataset.next() != nil {
        left -= 1
        rows += 1
      } else {
        try dataset.rewind()
        // Whole passes lead nowhere.
        left %= max(1, rows)
        rows = 0
      }
    }
    firstPass = dataset.pass
  }

  private func nextRow() throws(DatasetError) -> Reading? {
    if firstPass == nil { try skip() }
    if let reading = try nextRowOfPass() { return reading }
    if case .times(let times) = replay.settings.repetitions, pass >= times { return nil }
    try dataset.rewind()
    return try nextRowOfPass()
  }

  private func nextRowOfPass() throws(DatasetError) -> Reading? {
    replay.needsTimeAxis ? try dataset.nextTimed() : try dataset.next()
  }

  private func end() -> (reading: Reading, due: Int64)? {
    finish()
    return nil
  }

  /// Returns the payload's size.
  private func publish(_ reading: Reading, due: MonotonicTime, offset: Int64) -> Int {
    pending = nil
    sent += 1
    let timestamp =
      switch replay.settings.timestamps {
      case .now: distinct(replay.wallClock(at: due))
      case .uptime: replay.startTimestamp + (firstUptime ?? 0) + elapsed
      case .start(let start):
        replay.needsTimeAxis
          ? start + (firstUptime ?? 0) + elapsed : start + Double(offset) / 1_000_000_000
      }
    var payload: [UInt8] = []
    payload.reserveCapacity(lastSize)
    let values = injector?.values(
      for: reading, at: replay.needsTimeAxis ? elapsed : Double(offset) / 1_000_000_000)
    encoder.append(
      reading, pass: pass, number: sent, timestamp: timestamp, replacing: values ?? [], to: &payload)
    lastSize = payload.count + 8
    replay.statistics.sent += 1
    if !client.publish(OutgoingMessage(header: header, payload: payload, due: due, queued: .now())) {
      replay.statistics.dropped += 1
    }
    return payload.count
  }

  private var lastTimestamp = 0.0

  /// A timestamp after the last one: two readings of one microsecond would be two values of one moment, which no store
  /// can keep.
  private func distinct(_ timestamp: Double) -> Double {
    lastTimestamp =
      timestamp > lastTimestamp || timestamp < lastTimestamp - 1
      ? timestamp : ((lastTimestamp * 1e6).rounded() + 1) / 1e6
    return lastTimestamp
  }

  // MARK: What the client tells

  func client(_ client: MQTTClient, changedTo state: ConnectionState) {
    let isFirst = !hasConnected
    if case .connected = state { hasConnected = true }
    replay.truck(self, changedTo: state, isFirst: isFirst)
  }

  func client(_ client: MQTTClient, delivered message: OutgoingMessage) {
    acknowledged += 1
    replay.delivered(message)
    if waitsForRoom, client.hasRoom {
      waitsForRoom = false
      timer?.set(.now())
    }
  }

  func client(_ client: MQTTClient, refused message: OutgoingMessage, with error: MQTTError) {
    replay.statistics.refused += 1
    replay.fail(.broker(error))
  }

  func clientHasRoom(_ client: MQTTClient) {
    if case .maximum = pacer.mode { produce() }
  }
}
