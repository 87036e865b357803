/// What `SendFlow` looks at before each step.
protocol SendSituation {
  /// How far the connection is.
  var sendPhase: SendFlow.Phase { get }
  /// How the oldest waiting message would leave the backlog; nil if none waits.
  var nextRoute: SendFlow.Route? { get }
  /// Whether another QoS 1 or 2 message may be in flight.
  var windowIsOpen: Bool { get }
  /// Bytes of QoS 0 packets that wait for the socket.
  var bufferedBytes: Int { get }
  /// Whether those fill a TLS record.
  var bufferIsFull: Bool { get }
  /// Whether the library has packets for the socket.
  var libraryHasPackets: Bool { get }
  /// Whether the TLS handshake waits for the socket to take bytes.
  var handshakeWrites: Bool { get }
  /// Whether acknowledgements are kept back, and with them all that is written.
  var holdsAcknowledgements: Bool { get }
  /// Whether so many acknowledgements are kept back that reading pauses.
  var pausesReading: Bool { get }
}

/// Decides what a client does next with its connection: what goes into the socket, and what the event loop has to wake it
/// up for.
///
/// A value without I/O. After every event (a readable or writable socket, a message, an acknowledgement, a timer, a
/// subscription) the client asks for steps until it may sleep. There is no other way to the socket, so that no event can
/// write something and leave behind what its writing made possible.
struct SendFlow: Hashable {
  /// How far a connection is.
  enum Phase: Hashable {
    /// There is none: the next attempt starts from the beginning.
    case closed
    /// TCP or TLS is being opened.
    case opening
    /// Signing in or out: packets that already exist are sent, the backlog waits.
    case signing
    /// Signed in.
    case open
  }

  /// Who writes a message's packet.
  enum Route: Hashable {
    /// QoS 0: `SocketWriter`.
    case own
    /// QoS 1 and 2: the library, which keeps them until they are acknowledged.
    case library
  }

  /// What to do next.
  enum Step: Hashable {
    /// Move the oldest message of the backlog into the buffer of QoS 0 packets.
    case encode
    /// Give the oldest message of the backlog to the library.
    case handOver
    /// Write buffered QoS 0 packets, and report by `wroteOwn`.
    case writeOwn
    /// Let the library write, and report by `wroteLibrary`.
    case writeLibrary
    /// Nothing can be done before the socket is readable, or with `forWriting` writable, or the owner asks for more.
    case sleep(forReading: Bool, forWriting: Bool)
    /// More can be done at once, but only after the loop's other events: ask again in its next turn.
    case yield
  }

  /// What is written of the backlog in one turn, in bytes.
  private static let turnBytes = 1 << 20

  private let turnShare: TurnShare
  /// What is left of it in this turn.
  private var share: TurnShare

  /// Whether the socket took less than it was offered since the last event.
  private var isBlocked = false
  /// Whether a part of a packet of the library's is in the socket: we may not write in between.
  private var libraryIsUnfinished = false

  init(turnShare: TurnShare = TurnShare(bytes: Self.turnBytes)) {
    self.turnShare = turnShare
    share = turnShare
  }

  /// An event arrived: the socket may take bytes again.
  mutating func wake() {
    isBlocked = false
    share = turnShare
  }

  /// The connection was lost or closed.
  mutating func closed() { self = SendFlow(turnShare: turnShare) }

  /// QoS 0 packets were written, all that was buffered if `finished`.
  mutating func wroteOwn(bytes: Int, finished: Bool) {
    isBlocked = !finished
    share.use(bytes: bytes)
  }

  /// The library wrote its packets, all of them if `finished`.
  mutating func wroteLibrary(finished: Bool) {
    isBlocked = !finished
    libraryIsUnfinished = !finished
  }

  /// The next step.
  func next(_ now: some SendSituation) -> Step {
    switch now.sendPhase {
    case .closed: return .sleep(forReading: false, forWriting: false)
    case .opening: return .sleep(forReading: true, forWriting: now.handshakeWrites)
    case .signing, .open: break
    }
    if now.holdsAcknowledgements { return .sleep(forReading: !now.pausesReading, forWriting: false) }
    if now.sendPhase == .open, !libraryIsUnfinished {
      switch now.nextRoute {
      // QoS 1 and 2 need no share: their window bounds what one turn takes.
      case .own where !now.bufferIsFull: return share.isUsedUp ? .yield : .encode
      case .library where now.windowIsOpen: return .handOver
      default: break
      }
    }
    let writesOwn = now.bufferedBytes > 0 && !libraryIsUnfinished
    guard writesOwn || now.libraryHasPackets else { return .sleep(forReading: true, forWriting: false) }
    if isBlocked { return .sleep(forReading: true, forWriting: true) }
    return writesOwn ? .writeOwn : .writeLibrary
  }
}
