import Testing

@testable import MQTT

/// A connection in small: packets of two bytes, a socket that holds three, a window of two messages, a turn's share of one
/// message.
///
/// A pacer may be asked for more than anyone can make: whenever it has made a message, another may be due. While a handler
/// works, here the pacer's, nothing else happens.
///
/// Its events are what the event loop, the broker and the owner can do. The event loop wakes the client only for what the
/// client has registered, as epoll does.
private struct Connection: Hashable, SendSituation {
  enum Event: Hashable, CaseIterable {
    case queueOwn, queueLibrary, timer, ping, socketTakesOne, socketTakesAll, socketReady, acknowledge
    case hold, pause, release, lose, connect
    case messageIsDue, anotherIsDue, noneIsDue, turn, readerKeepsUp
  }
  enum Packet: Hashable { case connect, publish, ping }

  static let packetSize = 2
  static let socketSize = 3
  static let window = 2
  static let backlogLimit = 2
  static let turnShare = TurnShare(bytes: packetSize)

  var flow = SendFlow(turnShare: turnShare)
  var sendPhase = SendFlow.Phase.closed
  var backlog: [SendFlow.Route] = []
  var inFlight = 0
  var bufferedBytes = 0
  var libraryPackets: [Packet] = []
  /// How many bytes of the first of them are in the socket.
  var libraryWritten = 0
  var holdsAcknowledgements = false
  var pausesReading = false
  /// How many bytes the socket takes at present, and whose packet it has a part of.
  var room = 0
  var unfinished: SendFlow.Route?
  /// Publications that the broker has and hasn't acknowledged.
  var unanswered = 0
  var signsIn = false
  var readable = false
  var writable = false
  /// Whether the socket takes all that is written until the next event.
  var readerKeepsUp = false
  /// Whether the rest of a turn's work waits for the next turn.
  var pumpIsScheduled = false
  /// What is left of the pacer's share while it works.
  var production: TurnShare?
  /// How many messages it made in this turn.
  var produced = 0
  /// What no connection may do.
  var fault: String?

  /// Whether the timer only writes, without asking what that makes possible: the fault that stopped senders.
  var timerOnlyWrites = false
  /// Whether the pacer makes all that is due: the fault that starved the writes.
  var pacerIgnoresItsShare = false

  var nextRoute: SendFlow.Route? { backlog.first }
  var windowIsOpen: Bool { inFlight < Self.window }
  var bufferIsFull: Bool { bufferedBytes >= 2 * Self.packetSize }
  var libraryHasPackets: Bool { !libraryPackets.isEmpty }
  var handshakeWrites: Bool { sendPhase == .opening && room == 0 }

  var isEmpty: Bool { backlog.isEmpty && bufferedBytes == 0 && libraryPackets.isEmpty && inFlight == 0 }

  /// The state after an event; nil if it can't happen now.
  func after(_ event: Event) -> Connection? {
    var next = self
    if let share = production {
      switch event {
      case .anotherIsDue:
        guard !share.isUsedUp, backlog.count < Self.backlogLimit else { return nil }
        next.produce()
      case .noneIsDue: next.finishProducing()
      default: return nil
      }
      return next
    }
    switch event {
    case .anotherIsDue, .noneIsDue: return nil
    case .messageIsDue:
      guard backlog.count < Self.backlogLimit else { return nil }
      next.production = pacerIgnoresItsShare ? TurnShare() : Self.turnShare
      next.produce()
    case .turn:
      guard pumpIsScheduled else { return nil }
      next.pump()
    case .readerKeepsUp:
      guard sendPhase == .open, !readerKeepsUp else { return nil }
      next.readerKeepsUp = true
    case .queueOwn, .queueLibrary:
      guard backlog.count < Self.backlogLimit else { return nil }
      next.backlog.append(event == .queueOwn ? .own : .library)
      if sendPhase == .open { next.pump() }
    case .timer:
      guard sendPhase == .open else { return nil }
      if timerOnlyWrites { next.write() } else { next.pump() }
    case .ping:
      guard sendPhase == .open, libraryPackets.count < 2 else { return nil }
      next.libraryPackets.append(.ping)
      next.pump()
    case .socketTakesOne, .socketTakesAll:
      let more = event == .socketTakesOne ? room + 1 : Self.socketSize
      guard sendPhase != .closed, room < Self.socketSize else { return nil }
      next.room = more
    case .socketReady:
      // epoll tells only those who asked, and other events may come before it does.
      guard writable, room > 0 else { return nil }
      next.socketEvent()
    case .acknowledge:
      guard readable, unanswered > 0 || (sendPhase == .signing && signsIn) else { return nil }
      if sendPhase == .signing {
        next.sendPhase = .open
        next.signsIn = false
        next.libraryPackets += Array(repeating: .publish, count: inFlight)
      } else {
        next.unanswered -= 1
        next.inFlight -= 1
      }
      next.pump()
    case .hold, .pause:
      guard sendPhase == .open, readable else { return nil }
      next.holdsAcknowledgements = true
      next.pausesReading = event == .pause
      next.pump()
    case .release:
      guard holdsAcknowledgements else { return nil }
      next.holdsAcknowledgements = false
      next.pausesReading = false
      next.pump()
    case .lose:
      guard sendPhase != .closed else { return nil }
      next.lose()
    case .connect:
      guard sendPhase == .closed else { return nil }
      next.sendPhase = .opening
      next.room = 0
      next.readable = true
      next.writable = true
    }
    return next
  }

  private mutating func produce() {
    backlog.append(.own)
    production?.use(bytes: Self.packetSize)
    produced += 1
    if produced > 1 { fault = "makes messages forever and writes none" }
  }

  private mutating func finishProducing() {
    production = nil
    produced = 0
    if sendPhase == .open { pump() }
  }

  private mutating func socketEvent() {
    if sendPhase == .opening {
      sendPhase = .signing
      libraryPackets = [.connect]
    }
    pump()
  }

  private mutating func lose() {
    sendPhase = .closed
    flow.closed()
    let unwritten = (bufferedBytes + Self.packetSize - 1) / Self.packetSize
    backlog.insert(contentsOf: Array(repeating: .own, count: unwritten), at: 0)
    (bufferedBytes, libraryPackets, libraryWritten, unfinished, unanswered) = (0, [], 0, nil, 0)
    (holdsAcknowledgements, pausesReading, readable, writable, signsIn) = (false, false, false, false, false)
    (readerKeepsUp, pumpIsScheduled) = (false, false)
  }

  private mutating func pump() {
    flow.wake()
    pumpIsScheduled = false
    var written = 0
    defer { readerKeepsUp = false }
    for _ in 0..<50 {
      switch flow.next(self) {
      case .encode:
        if backlog.removeFirst() != .own { fault = "encoded a QoS 1 message" }
        bufferedBytes += Self.packetSize
      case .handOver:
        if backlog.removeFirst() != .library { fault = "handed a QoS 0 message over" }
        if inFlight == Self.window { fault = "exceeded the window" }
        inFlight += 1
        libraryPackets.append(.publish)
      case .writeOwn:
        let before = bufferedBytes
        writeOwn()
        written += before - bufferedBytes
        if written > 3 * Self.packetSize { fault = "writes the whole backlog in one turn" }
      case .writeLibrary: writeLibrary()
      case .yield:
        pumpIsScheduled = true
        return
      case .sleep(let forReading, let forWriting):
        (readable, writable) = (forReading, forWriting)
        return
      }
    }
    fault = "never sleeps"
  }

  private mutating func write() {
    if bufferedBytes > 0 { writeOwn() }
    if bufferedBytes == 0, libraryHasPackets { writeLibrary() }
    writable = bufferedBytes > 0 || libraryHasPackets
  }

  private mutating func writeOwn() {
    if unfinished == .library { fault = "wrote into the library's packet" }
    if bufferedBytes == 0 { fault = "wrote nothing" }
    if readerKeepsUp { room = Self.socketSize + 1 }
    let count = min(room, bufferedBytes)
    room = min(room - count, Self.socketSize)
    bufferedBytes -= count
    unfinished = bufferedBytes > 0 ? .own : nil
    flow.wroteOwn(bytes: count, finished: bufferedBytes == 0)
  }

  private mutating func writeLibrary() {
    if unfinished == .own { fault = "the library wrote into our packet" }
    if libraryPackets.isEmpty { fault = "the library had nothing to write" }
    while let packet = libraryPackets.first, room > 0 {
      let count = min(room, Self.packetSize - libraryWritten)
      room -= count
      libraryWritten += count
      guard libraryWritten == Self.packetSize else { break }
      libraryPackets.removeFirst()
      libraryWritten = 0
      if packet == .publish { unanswered += 1 }
      if packet == .connect { signsIn = true }
    }
    unfinished = libraryPackets.isEmpty ? nil : .library
    flow.wroteLibrary(finished: libraryPackets.isEmpty)
  }

  /// Why nothing will ever wake a client that has something to do; nil if something will.
  var stall: String? {
    if let fault { return fault }
    guard sendPhase != .closed, production == nil, !pumpIsScheduled else { return nil }
    if holdsAcknowledgements { return readable || pausesReading ? nil : "deaf while it holds" }
    if !readable { return "deaf" }
    if bufferedBytes > 0 || libraryHasPackets { return writable ? nil : "packets wait for no event" }
    guard sendPhase == .open, let next = backlog.first else { return nil }
    return next == .library && inFlight == Self.window && unanswered > 0
      ? nil : "a message waits for no event"
  }

  /// The state when broker and owner do their part, and the event loop tells only what the client asked for.
  func settled() -> Connection {
    var now = self
    for _ in 0..<100 {
      let events: [Event] =
        [.noneIsDue, .turn, .connect, .release, .acknowledge, .socketReady]
        + (now.writable ? [.socketTakesAll] : [])
      guard let next = events.lazy.compactMap({ now.after($0) }).first else { return now }
      now = next
    }
    return now
  }
}

/// All that can happen to a sender, in every order.
@Suite struct SendFlowTests {
  /// Visits every state that any sequence of events leads to; returns how many, and the first that fails with its way.
  private func explore(_ start: Connection) -> (states: Int, failure: String?) {
    var seen: Set<Connection> = [start]
    var cameFrom: [Connection: (state: Connection, event: Connection.Event)] = [:]
    var queue = [start]
    func way(to state: Connection) -> String {
      var events: [String] = []
      var state = state
      while let step = cameFrom[state] {
        events.append("\(step.event)")
        state = step.state
      }
      return events.reversed().joined(separator: ", ")
    }
    var index = 0
    while index < queue.count {
      let state = queue[index]
      index += 1
      if let stall = state.stall { return (queue.count, "\(stall) after \(way(to: state))") }
      let settled = state.settled()
      guard settled.isEmpty, settled.stall == nil else {
        return (queue.count, "\(settled.stall ?? "never sends all") after \(way(to: state))")
      }
      for event in Connection.Event.allCases {
        guard let next = state.after(event), seen.insert(next).inserted else { continue }
        cameFrom[next] = (state, event)
        queue.append(next)
      }
    }
    return (queue.count, nil)
  }

  @Test func `whatever happens in whatever order, something wakes a client that has something to send`() {
    let (states, failure) = explore(Connection())
    #expect(failure == nil)
    #expect(states > 1000, "the search must reach what can happen")
  }

  @Test func `the search finds a client whose timer writes without asking what comes next`() {
    var start = Connection()
    start.timerOnlyWrites = true
    #expect(explore(start).failure?.contains("timer") == true)
  }

  @Test func `the search finds a pacer that makes all that is due, and starves the writes`() {
    var start = Connection()
    start.pacerIgnoresItsShare = true
    #expect(explore(start).failure?.contains("writes none after messageIsDue, anotherIsDue") == true)
  }

  @Test
  func `the search finds a client that writes its whole backlog while acknowledgements and signals wait`() {
    var start = Connection()
    start.flow = SendFlow(turnShare: TurnShare())
    #expect(explore(start).failure?.contains("whole backlog in one turn") == true)
  }
}

/// All that can happen between a name and its addresses, in every order.
@Suite struct ConnectionAttemptsTests {
  private enum Event: CaseIterable {
    case begin, answer, noAnswer, timeOut, refused, connected, lost, disconnect
  }

  private struct State: Hashable {
    var attempts = ConnectionAttempts()
    var lookUps = 0
    var isTrying = false
    var isOpen = false
    var isConnected = false
    var fault: String?

    func after(_ event: Event) -> State? {
      var next = self
      switch event {
      case .begin:
        guard !isTrying, !isOpen else { return nil }
        next.begin()
      case .answer:
        guard lookUps > 0 else { return nil }
        next.lookUps -= 1
        if next.attempts.found(["a", "b"]) != nil { next.open() }
      case .noAnswer:
        guard lookUps > 0 else { return nil }
        next.lookUps -= 1
        if next.attempts.foundNothing() { next.end() }
      case .timeOut, .refused:
        guard isTrying, event == .timeOut || isOpen else { return nil }
        next.end()
        if next.attempts.failed() { next.begin() }
      case .connected:
        guard isTrying, isOpen else { return nil }
        next.attempts.connected()
        next.isTrying = false
        next.isConnected = true
      case .lost:
        guard isConnected else { return nil }
        next.end()
      case .disconnect:
        next.end()
        next.attempts.abandoned()
      }
      return next
    }

    private mutating func begin() {
      isTrying = true
      switch attempts.begin() {
      case .lookUp:
        if lookUps > 0 { fault = "two look-ups at once" }
        lookUps += 1
      case .wait: if lookUps == 0 { fault = "waits for no look-up" }
      case .open: open()
      }
    }

    private mutating func open() {
      if isOpen { fault = "two sockets at once" }
      if !isTrying { fault = "a socket that nobody asked for" }
      isOpen = true
    }

    private mutating func end() { (isTrying, isOpen, isConnected) = (false, false, false) }
  }

  @Test func `no order of late answers, time-outs and losses opens two sockets or one that nobody wants`() {
    var seen: Set<State> = [State()]
    var queue = Array(seen)
    while let state = queue.popLast() {
      #expect(state.fault == nil)
      guard state.fault == nil else { return }
      for event in Event.allCases {
        guard let next = state.after(event), seen.insert(next).inserted else { continue }
        queue.append(next)
      }
    }
    #expect(seen.count > 10)
    #expect(seen.contains { $0.isConnected })
  }
}
