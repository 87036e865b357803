import Time

/// Decides which sessions of ended engines this engine of a share group takes over.
///
/// A broker may keep sending a share's messages to the session of an engine that has ended, and mosquitto does: they would wait until
/// that engine comes back. Another engine of the group therefore connects with its client identifier, continues its
/// session, and is disconnected when the engine is back. All engines learn that one has ended: each waits for a random
/// time, and the first one tells the others. A value without I/O.
struct ShareTakeovers {
  /// What engines tell each other.
  enum News: Equatable {
    /// The engine with this client identifier is there.
    case started(String)
    /// It has ended: its will message.
    case ended(String)
    /// Its session was taken over by a third one.
    case takenOver(String)

    private static let words = (started: "started ", ended: "ended ", takenOver: "taken-over ")

    /// The longest client identifier in these messages, in bytes; MQTT allows 65 535.
    private static let longestIdentifier = 256

    /// Nil for any other message.
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

  /// The maximum number of sessions that one engine takes over: each needs a connection.
  private static let limit = 64

  private let own: String
  private var due: [String: MonotonicTime] = [:]
  /// The sessions that this engine has taken over.
  private(set) var current: Set<String> = []
  /// Of these, the sessions whose engines are back and will take them.
  private var returned: Set<String> = []

  /// Takeovers of an engine with that client identifier.
  init(own: String) { self.own = own }

  /// When the next session is to be taken over, if one is.
  var nextDue: MonotonicTime? { due.values.min() }

  /// A message of another engine arrived; `delay` is how long this engine waits before it takes a session over, in
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

  /// The connection of a session that this engine has taken over was lost. If it was because the session's engine is back, that
  /// engine has said so or does within `delay`; if not, the session is taken over again.
  mutating func lost(_ identifier: String, at now: MonotonicTime, delay: Int64) {
    current.remove(identifier)
    if returned.remove(identifier) == nil { due[identifier] = now.advanced(by: delay) }
  }
}
