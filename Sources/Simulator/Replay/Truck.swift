import MQTT
import Numbers
import Time

/// One truck of a replay: reads its dataset, gives each reading its due time and hands it to its client. Used on the
/// client's loop only.
final class Truck: MQTTClientDelegate {
  let client: MQTTClient
  private let replay: Replay
  private let header: PublishHeader
  private let question: PublishHeader?
  /// The tag of the question; a reading's is 0.
  private static let questionTag = -1
  private let dataset: Dataset
  private let encoder: PayloadEncoder
  private var pacer: Pacer
  private let place: Replay.Place
  private var injector: FaultInjector?
  /// The pass over the dataset in which the truck begins, and how many rows of it lie before its first one.
  private var firstPass: Int?
  private var firstRow = 0
  /// Rows read of the present pass.
  private var rowsOfPass = 0
  private var timer: LoopTimer?

  private var lastSize = 128
  private var sent = 0
  /// Messages that the broker has acknowledged, or that at QoS 0 were written.
  private(set) var acknowledged = 0
  /// When the first was due, and when the last was due and acknowledged.
  private var firstDue: MonotonicTime?
  private var lastDelivery: (at: MonotonicTime, due: MonotonicTime)?
  /// The reading that waits for its due time; it points into the dataset until the next one is read.
  private var pending: Pending?
  private var waitsForRoom = false

  private struct Pending {
    let reading: Reading
    var due: Int64
    /// The message as it was recorded, if it wasn't JSON.
    let recorded: [UInt8]?
  }

  private(set) var isFinished = false
  /// Whether the broker has refused this truck or a message of it.
  var isRefused = false
  /// Whether its client has given up, so that it can't deliver anything any more.
  var isLost = false
  private(set) var hasConnected = false
  private var awaitsAnswer = false
  /// The first row's uptime, or 0 for a `time` column, and the present row's time since the first, in seconds.
  private var firstUptime: Double?
  private var elapsed = 0.0

  /// Readings that were given to the client and not acknowledged.
  var undelivered: Int { client.undelivered - (awaitsAnswer ? 1 : 0) }

  var repairs: RepairCounts { dataset.repairs }
  var askedRate: Double? { pacer.askedRate }

  init(
    client: MQTTClient, header: PublishHeader, dataset: Dataset, pacer: Pacer, place: Replay.Place,
    injector: FaultInjector?, question: PublishHeader?, replay: Replay
  ) {
    self.question = question
    self.place = place
    self.client = client
    self.header = header
    encoder = PayloadEncoder(names: dataset.names)
    self.dataset = dataset
    self.pacer = pacer
    self.injector = injector
    self.replay = replay
    client.delegate = self
    timer = client.makeTimer { [unowned self] in produce() }
  }

  /// Acknowledged messages per second from the first one's due time to the last one's acknowledgement; nil where that tells nothing.
  var reachedRate: Double? {
    guard let span = deliverySpan else { return nil }
    return Double(acknowledged - 1) / span
  }

  /// How long the messages were due over, as a part of the time in which they were acknowledged.
  var reachedShare: Double? {
    guard let span = deliverySpan, let firstDue, let lastDelivery else { return nil }
    return Double(lastDelivery.due.since(firstDue)) / 1e9 / span
  }

  /// Seconds from the first due time to the last acknowledgement.
  private var deliverySpan: Double? {
    guard acknowledged > 1, let firstDue, let lastDelivery else { return nil }
    // From when the first was due: that it came late must not make the others faster.
    let seconds = Double(lastDelivery.at.since(firstDue)) / 1e9
    return seconds >= ReplaySummary.shortestRatedTime ? seconds : nil
  }

  /// Another rate holds from `time` on, in nanoseconds from the start.
  func change(rate: Double, at time: Int64) {
    pacer.change(rate: rate, at: time.saturatingSubtract(place.delay))
    guard pending != nil, !isFinished else { return }
    pending?.due = pacer.due(message: sent + 1, elapsed: elapsed) ?? 0
    if !waitsForRoom { timer?.set(.now()) }
  }

  /// Goes to the truck's first row, so that its first message isn't late for that.
  func prepare() {
    do throws(DatasetError) {
      if firstPass == nil { try skip() }
    } catch {
      replay.fail(.data(error))
    }
  }

  /// Begins to publish; message n is due at `replay.start` + its offset, a fleet's later trucks a little after that.
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
      let due = start.advanced(by: place.delay.saturatingAdd(next.due))
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
        guard replay.settings.whenFull == .dropOldest, let oldest = client.dropOldest() else {
          waitsForRoom = true
          return
        }
        if oldest.tag == Self.questionTag { awaitsAnswer = false } else { replay.statistics.dropped += 1 }
      }
      replay.statistics.lateness.record(now.since(due))
      share.use(bytes: publish(next, due: due, offset: next.due))
    }
  }

  private func publishAsFastAsTaken(start: MonotonicTime) {
    var share = Self.turnShare
    // The client asks for more after each turn.
    while !isFinished, !share.isUsedUp, client.isReady, let next = nextReading() {
      let now = MonotonicTime.now()
      share.use(bytes: publish(next, due: now, offset: now.since(start)))
    }
  }

  /// The reading after the last published one, with its due offset; nil when the replay is over.
  private func nextReading() -> Pending? {
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
      pending = Pending(reading: reading, due: due, recorded: try dataset.recordedPayload())
      return pending
    } catch {
      replay.fail(.data(error))
      return nil
    }
  }

  /// The truck's pass over the dataset, from 1: it ends where it began.
  private var pass: Int { dataset.pass - (firstPass ?? 1) + (rowsOfPass > firstRow ? 1 : 0) }

  private func skip() throws(DatasetError) {
    var left = place.offset
    while left > 0 {
      if try nextRowOfPass() != nil {
        left -= 1
      } else {
        // Whole passes lead nowhere.
        left %= max(1, rowsOfPass)
        try beginPass()
      }
    }
    firstRow = rowsOfPass
    firstPass = dataset.pass
  }

  private func nextRow() throws(DatasetError) -> Reading? {
    let firstPass: Int
    if let known = self.firstPass {
      firstPass = known
    } else {
      try skip()
      firstPass = dataset.pass
    }
    let times: Int? = if case .times(let times) = replay.settings.repetitions { times } else { nil }
    if let times, dataset.pass - firstPass >= times, rowsOfPass >= firstRow { return nil }
    if let reading = try nextRowOfPass() { return reading }
    // A truck that began with the first row has no need of another pass, which a pipe doesn't have.
    if let times, firstRow == 0, dataset.pass - firstPass + 1 >= times { return nil }
    try beginPass()
    return try nextRowOfPass()
  }

  private func beginPass() throws(DatasetError) {
    try dataset.rewind()
    rowsOfPass = 0
  }

  private func nextRowOfPass() throws(DatasetError) -> Reading? {
    let reading = replay.needsTimeAxis ? try dataset.nextTimed() : try dataset.next()
    if reading != nil { rowsOfPass += 1 }
    return reading
  }

  private func end() -> Pending? {
    finish()
    return nil
  }

  /// Returns the payload's size.
  private func publish(_ next: Pending, due: MonotonicTime, offset: Int64) -> Int {
    let reading = next.reading
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
    var payload = next.recorded ?? []
    if next.recorded == nil {
      payload.reserveCapacity(lastSize)
      let values = injector?.values(
        for: reading, at: replay.needsTimeAxis ? elapsed : Double(offset) / 1_000_000_000)
      encoder.append(
        reading, pass: pass, number: sent, timestamp: timestamp, replacing: values ?? [], to: &payload)
    }
    lastSize = payload.count + 8
    let now = MonotonicTime.now()
    replay.sent(at: now)
    if !client.publish(OutgoingMessage(header: header, payload: payload, due: due, queued: now)) {
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
    // MQTT 3.1.1 has no answer that says no; the broker closes the connection at the first message.
    if case .connected(.version5, _) = state, let question, !awaitsAnswer {
      awaitsAnswer = client.publish(
        OutgoingMessage(header: question, payload: [], due: .now(), tag: Self.questionTag))
    }
    if case .connected = state, awaitsAnswer { return }
    tell(state)
  }

  private func tell(_ state: ConnectionState) {
    let isFirst = !hasConnected
    if case .connected = state { hasConnected = true }
    replay.truck(self, changedTo: state, isFirst: isFirst)
  }

  func client(_ client: MQTTClient, delivered message: OutgoingMessage) {
    guard message.tag != Self.questionTag else {
      awaitsAnswer = false
      return tell(client.state)
    }
    acknowledged += 1
    let now = MonotonicTime.now()
    if firstDue == nil { firstDue = message.due }
    lastDelivery = (now, message.due)
    replay.delivered(message, at: now)
    if waitsForRoom, client.hasRoom {
      waitsForRoom = false
      timer?.set(.now())
    }
  }

  func client(_ client: MQTTClient, refused message: OutgoingMessage, with error: MQTTError) {
    guard message.tag != Self.questionTag else {
      awaitsAnswer = false
      let text = "the broker doesn't allow this device to publish to '\(header.topic)'"
      return replay.refused(
        self,
        error.isNotAuthorized
          ? MQTTError(error.kind, text, reasonCode: error.reasonCode) : error)
    }
    replay.statistics.refused += 1
    replay.refused(self, error)
  }

  func client(_ client: MQTTClient, received message: IncomingMessage) { replay.control(message.payload) }

  func clientHasRoom(_ client: MQTTClient) {
    if case .maximum = pacer.mode { produce() }
  }
}
