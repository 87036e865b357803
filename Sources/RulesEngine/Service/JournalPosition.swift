/// How the local broker numbers a client's messages in its journal (Sources/BrokerPlugin/queues.h).
struct JournalStamp: Hashable {
  /// The broker process that accepted the message; it grows with each start.
  var epoch: UInt64
  /// The message's number among those for this client.
  var number: UInt64
  /// When the broker accepted the message, in milliseconds since 1970.
  var arrivalMilliseconds: Int64

  /// The user property that holds the stamp.
  static let property = "journal"

  /// Reads the property's value: three numbers separated by blanks; nil if it is invalid.
  init?(_ text: String) {
    var numbers: [UInt64] = []
    numbers.reserveCapacity(3)
    for field in text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false) {
      guard let number = UInt64(Substring(field)) else { return nil }
      numbers.append(number)
    }
    guard numbers.count == 3, let arrival = Int64(exactly: numbers[2]) else { return nil }
    (epoch, number, arrivalMilliseconds) = (numbers[0], numbers[1], arrival)
  }

  init(epoch: UInt64, number: UInt64, arrivalMilliseconds: Int64 = 0) {
    (self.epoch, self.number, self.arrivalMilliseconds) = (epoch, number, arrivalMilliseconds)
  }
}

/// Tracks which messages of a client's journal have arrived and are done, to recognize repeated messages and to count lost
/// ones.
///
/// After each restart, the broker repeats the messages after the last report that it knows, and those that its session
/// had in flight.
struct JournalPosition {
  private var received: JournalStamp?
  private var done: JournalStamp?
  /// Whether the broker waits for a report, for example because it has repeated messages that are done.
  private var owesReport = false
  /// Messages that the broker had acknowledged to their publishers and that never arrived.
  private(set) var lost = 0

  /// Notes a message's arrival; false if it has arrived before.
  mutating func receive(_ stamp: JournalStamp) -> Bool {
    owesReport = true
    guard let received else {
      self.received = stamp
      return true
    }
    guard (stamp.epoch, stamp.number) > (received.epoch, received.number) else { return false }
    if stamp.number > received.number &+ 1 {
      lost += Int(clamping: stamp.number - received.number - 1)
    }
    self.received = stamp
    return true
  }

  /// Notes that the broker knows that everything up to this number is done.
  mutating func broker(knows number: UInt64) {
    if number > received?.number ?? 0 { received = JournalStamp(epoch: received?.epoch ?? 0, number: number) }
    if let done, done.number > number { owesReport = true }
  }

  /// Notes that everything that has arrived is done. Returns what to report to the broker, if it waits for a report.
  mutating func finish() -> JournalStamp? {
    done = received
    defer { owesReport = false }
    return owesReport ? done : nil
  }

  /// The connection was lost: messages that aren't done will be repeated.
  mutating func disconnected() { received = done }
}
