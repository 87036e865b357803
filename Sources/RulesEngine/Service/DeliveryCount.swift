/// Counts the messages that a session has processed; a message that is repeated because it wasn't acknowledged counts
/// once.
///
/// A mark is a message that the engine sends to itself. The broker delivers in order: messages before the first mark were
/// waiting before the engine started, and once a later mark is acknowledged, everything published before it is done.
struct DeliveryCount: Equatable {
  /// Processed messages that arrived before the first mark.
  private(set) var earlier = 0
  /// All messages that arrived, including repeated ones.
  private(set) var received = 0
  /// The last mark that is acknowledged; 0 before the first.
  private(set) var mark = 0

  /// The publishers whose messages count, and the numbers of their messages after the first mark that are done.
  private var places: [String: Int] = [:]
  private var numbers: [NumberSet] = []
  /// Messages that have arrived but aren't acknowledged yet.
  private var window = Window()

  private struct Window: Equatable {
    var places: [Int] = []
    var numbers: [Int] = []
    var earlier = 0
    var mark = 0
  }

  /// Counts the messages of these client identifiers.
  mutating func count(_ publishers: Set<String>) {
    places = Dictionary(uniqueKeysWithValues: publishers.enumerated().map { ($1, $0) })
    numbers = Array(repeating: NumberSet(), count: publishers.count)
  }

  /// How many of the publishers' messages after the first mark are done.
  var settled: Int { numbers.reduce(0) { $0 + $1.count } }

  /// Notes that a message arrived. At QoS 0 (`isKept` is false), a message is never repeated.
  /// - Parameter number: The publisher's own number for it; a message without one doesn't count.
  mutating func receive(from publisher: String?, isKept: Bool, number: () -> Int?) {
    received += 1
    guard max(mark, window.mark) > 0 else {
      if isKept { window.earlier += 1 } else { earlier += 1 }
      return
    }
    guard let publisher, let place = places[publisher], let number = number() else { return }
    if isKept {
      window.places.append(place)
      window.numbers.append(number)
    } else {
      numbers[place].insert(number)
    }
  }

  /// Notes that a mark arrived.
  mutating func receive(mark number: Int) { window.mark = max(window.mark, number) }

  /// Notes that everything that arrived is acknowledged.
  mutating func release() {
    for (place, number) in zip(window.places, window.numbers) { numbers[place].insert(number) }
    earlier += window.earlier
    mark = max(mark, window.mark)
    loseWindow()
  }

  /// Discards what isn't acknowledged, because it is delivered again.
  mutating func loseWindow() {
    window.places.removeAll(keepingCapacity: true)
    window.numbers.removeAll(keepingCapacity: true)
    (window.earlier, window.mark) = (0, 0)
  }
}
