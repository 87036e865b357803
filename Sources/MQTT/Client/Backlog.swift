/// The messages that wait for the broker, oldest first, and the size of their payloads.
struct Backlog {
  private var messages = RingBuffer<OutgoingMessage>()
  /// Bytes of payloads.
  private(set) var bytes = 0

  var count: Int { messages.count }
  var first: OutgoingMessage? { messages.first }

  mutating func append(_ message: OutgoingMessage) {
    messages.append(message)
    bytes += message.payload.count
  }

  /// Puts a message that was taken out and could not be written before all others.
  mutating func prepend(_ message: OutgoingMessage) {
    messages.prepend(message)
    bytes += message.payload.count
  }

  mutating func popFirst() -> OutgoingMessage? {
    guard let message = messages.popFirst() else { return nil }
    bytes -= message.payload.count
    return message
  }
}
