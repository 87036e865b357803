import Time

/// Decides which sessions of ended engines this engine of a share group takes over.
///
/// A broker such as mosquitto may keep sending a part of the share to the session of an ended engine, where the messages
/// would wait until that engine comes back. Another engine of the group therefore connects with its client identifier,
/// continues its session, and is disconnected when the engine is back. All engines learn that one has ended: each waits
/// for a random time, and the first one to act tells the others. A value without I/O.
struct ShareTakeovers {
  /// A message that engines send each other.
  enum News: Equatable {
    /// The engine with this client identifier has started.
    case started(String)
    /// That engine has ended; this is its will message.
    case ended(String)
    /// That engine's session was taken over by another engine.
    case takenOver(String)

    private static let words = (started: "started ", ended: "ended ", takenOver: "taken-over ")

    /// The longest client identifier in these messages, in bytes; MQTT allows 65 535.
    private static let longestIdentifier = 256

    /// Reads a payload; nil for any other message.
    init?(_ payload: [UInt8]) {
      let text = String(decoding: payload.prefix(Self.longestIdentifier + 16), as: UTF8.self)
      if text.hasPrefix(Self.words.started) {
        self = .started(String(text.dropFirst(Self.words.started.count)))
      } else if text.hasPrefix(Self.words.ended) {
        self = .ended(String(text.dropFirst(Self.words.ended.count)))
      } else if text.hasPrefix(Self.words.takenOver) {
        self = .takenOver(String(text.dropFirst(Self.words.takenOver.count)))
      } else {
        return nil
      }
    }

    var payload: [UInt8] {
      switch self {
      case .started(let identifier): Array((Self.words.started + identifier).utf8)
      case .ended(let identifier): Array((Self.words.ended + identifier).utf8)
      case .takenOver(let identifier): Array((Self.words.takenOver + identifier).utf8)
      }
    }
  }

  /// The most sessions that one engine takes over: each needs a connection.
  private static let limit = 64

  private let own: String
  private var due: [String: MonotonicTime] = [:]
  /// The sessions that this engine has taken over.
  private(set) var current: Set<String> = []
  /// Of these, the sessions whose engines are back and will take them.
  private var returned: Set<String> = []

  /// The takeovers of the engine with this client identifier.
  init(own: String) { self.own = own }

  /// When the next session is to be taken over; nil if none is.
  var nextDue: MonotonicTime? { due.values.min() }

  /// Another engine's message arrived. `delay` is how long this engine waits before it takes over a session, in
  /// nanoseconds.
  mutating func heard(_ news: News, at now: MonotonicTime, delay: Int64) {
    switch news {
    case .ended(let identifier):
      returned.remove(identifier)
      guard identifier != own, !current.contains(identifier), due.count + current.count < Self.limit else {
        return
      }
      due[identifier] = now.advanced(by: delay)
    case .started(let identifier):
      due[identifier] = nil
      if current.contains(identifier) { returned.insert(identifier) }
    case .takenOver(let identifier): due[identifier] = nil
    }
  }

  /// The session to take over now; nil if there is none.
  mutating func next(at now: MonotonicTime) -> String? {
    guard let (identifier, _) = due.filter({ $0.value <= now }).min(by: { $0.value < $1.value }) else {
      return nil
    }
    due[identifier] = nil
    current.insert(identifier)
    return identifier
  }

  /// The connection of a session that this engine has taken over was lost. If the session's engine is back, it has said
  /// so or says so within `delay`; otherwise, the session is taken over again.
  mutating func lost(_ identifier: String, at now: MonotonicTime, delay: Int64) {
    current.remove(identifier)
    if returned.remove(identifier) == nil { due[identifier] = now.advanced(by: delay) }
  }
}
