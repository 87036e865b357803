import Health

/// Decides when a session's messages are acknowledged, and when they must be delivered again.
///
/// A value without I/O. The messages since the last acknowledgement are one window: libmosquitto writes all
/// acknowledgements that it has, in the order of the messages, or none. So the window is acknowledged when the last
/// action of its messages has ended; what is read meanwhile joins it. If a store failed, nothing is acknowledged: MQTT
/// delivers again only after a lost connection, and then only the actions that store are done again.
struct DeliveryWindow {
  /// What to do next.
  enum Step: Equatable {
    /// Keep the acknowledgements back: actions aren't done.
    case wait
    /// Write the acknowledgements. Final losses count from now on.
    case acknowledge(losses: Health)
    /// Drop the connection and sign in again after this many nanoseconds.
    case redeliver(after: Int64, because: String)
  }

  private struct Key: Equatable {
    let topic: String
    let payload: [UInt8]
  }

  /// Actions that are started and haven't ended.
  private(set) var unfinished = 0
  /// The messages that the broker keeps, in the order in which they came. Only where actions are done again.
  private var messages: [Key] = []
  /// How many of the first of them are here only because a store failed.
  private var retries = 0
  /// Messages that come again only because a store failed, in their order: their other actions are done.
  private var retried: ArraySlice<Key> = []
  /// Losses of messages that aren't acknowledged: if they come again, they count then.
  private var losses = Health()
  private var failure: String?
  private var pause = firstPause

  private static let firstPause: Int64 = 500_000_000
  private static let longestPause: Int64 = 30_000_000_000

  /// Messages that wait for a store which fails.
  var waiting: Int { max(retried.count, messages.count) }

  /// A message came that the broker keeps; returns whether only a store's failure has brought it again.
  mutating func receive(_ topic: String, _ payload: [UInt8]) -> Bool {
    let key = Key(topic: topic, payload: payload)
    messages.append(key)
    guard let next = retried.first else { return false }
    // The broker delivers again in the old order. Whatever else comes is new, and so is all that follows.
    guard next == key else {
      retried = []
      return false
    }
    retried.removeFirst()
    retries += 1
    return true
  }

  /// So many actions are started.
  mutating func start(_ actions: Int) { unfinished += actions }

  /// An action has ended. Its successor, an error action, is started before.
  mutating func end() { unfinished -= 1 }

  /// Counts a loss if the messages are acknowledged; returns whether it is the first of its kind.
  mutating func lose(_ kind: Health.Kind, _ subject: String, reason: String) -> Bool {
    losses.add(kind, subject, reason: reason)
  }

  /// A store has taken a batch, or rejected it permanently.
  mutating func storeAnswered() { pause = Self.firstPause }

  /// A store couldn't be written: the messages have to come again.
  mutating func storeFailed(_ reason: String) { failure = reason }

  /// What to do, after each event.
  mutating func next() -> Step {
    guard unfinished == 0 else { return .wait }
    guard let failure else {
      messages.removeAll(keepingCapacity: true)
      retries = 0
      defer { losses = Health() }
      return .acknowledge(losses: losses)
    }
    self.failure = nil
    // At most as many as the broker sends without an acknowledgement. Messages that haven't come again yet will follow.
    retried = messages + retried
    forget()
    defer { pause = min(2 * pause, Self.longestPause) }
    return .redeliver(after: pause, because: failure)
  }

  /// The connection was lost: the messages are delivered again, and their losses are counted then.
  mutating func disconnected() {
    retried = messages.prefix(retries) + retried
    forget()
  }

  private mutating func forget() {
    messages = []
    retries = 0
    losses = Health()
  }
}
