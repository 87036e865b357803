import Health

/// Decides when a session's messages are acknowledged, and when they must be delivered again.
///
/// A value without I/O. The messages since the last acknowledgement are one window, because libmosquitto writes either
/// all acknowledgements that it has, in the order of the messages, or none. The window is therefore acknowledged when the
/// last action of its messages has ended; messages read meanwhile join it. If a store failed, nothing is acknowledged:
/// MQTT delivers again only after a lost connection, and then only the actions that write to a store run again.
struct DeliveryWindow {
  /// What to do next.
  enum Step: Equatable {
    /// Keep the acknowledgements back, because actions aren't done.
    case wait
    /// Write the acknowledgements. These losses are final.
    case acknowledge(losses: Health)
    /// Drop the connection and connect again after this many nanoseconds.
    case redeliver(after: Int64, because: String)
  }

  private struct Key: Equatable {
    let topic: String
    let payload: [UInt8]
  }

  /// Actions that have started but haven't ended.
  private(set) var unfinished = 0
  /// The messages that the broker keeps, in the order of arrival; used only if actions can run again.
  private var messages: [Key] = []
  /// How many of the first ones were delivered again only because a store failed.
  private var retries = 0
  /// Messages that will be delivered again only because a store failed, in their order: their other actions are done.
  private var retried: ArraySlice<Key> = []
  /// Losses of messages that aren't acknowledged; if a message is delivered again, its loss is counted then.
  private var losses = Health()
  private var failure: String?
  private var pause = firstPause

  private static let firstPause: Int64 = 500_000_000
  private static let longestPause: Int64 = 30_000_000_000

  /// Messages that wait for a failing store.
  var waiting: Int { max(retried.count, messages.count) }

  /// Notes that a message arrived that the broker keeps; returns whether it was delivered again only because a store
  /// failed.
  mutating func receive(_ topic: String, _ payload: [UInt8]) -> Bool {
    let key = Key(topic: topic, payload: payload)
    messages.append(key)
    guard let next = retried.first else { return false }
    // The broker delivers again in the same order. Any other message is new, and so are all that follow it.
    guard next == key else {
      retried = []
      return false
    }
    retried.removeFirst()
    retries += 1
    return true
  }

  /// This many actions were started.
  mutating func start(_ actions: Int) { unfinished += actions }

  /// An action has ended. If an error action follows it, that one was started before.
  mutating func end() { unfinished -= 1 }

  /// Counts a loss once the messages are acknowledged; returns whether it is the first of its kind.
  mutating func lose(_ kind: Health.Kind, _ subject: String, reason: String) -> Bool {
    losses.add(kind, subject, reason: reason)
  }

  /// A store has accepted a batch, or rejected it permanently.
  mutating func storeAnswered() { pause = Self.firstPause }

  /// A store couldn't be written: the messages must be delivered again.
  mutating func storeFailed(_ reason: String) { failure = reason }

  /// What to do next; ask after each event.
  mutating func next() -> Step {
    guard unfinished == 0 else { return .wait }
    guard let failure else {
      messages.removeAll(keepingCapacity: true)
      retries = 0
      defer { losses = Health() }
      return .acknowledge(losses: losses)
    }
    self.failure = nil
    // At most as many as the broker sends without an acknowledgement. Messages that haven't been repeated yet will
    // follow.
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
