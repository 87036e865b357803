/// Counts the messages that a session has processed, each once, although unacknowledged messages are repeated.
///
/// A mark is a message of the engine to itself. The broker delivers in order: what comes before the first mark was there
/// before the engine, and once a later mark is acknowledged, all that was published before it has been dealt with.
struct DeliveryCount: Equatable {
  /// Processed messages that came before the first mark.
  private(set) var earlier = 0
  /// All messages that came, including repeated ones.
  private(set) var received = 0
  /// The last mark that is dealt with; 0 before the first.
  private(set) var mark = 0

  /// The publishers whose messages count, and the numbers of theirs that came after the first mark and are dealt with.
  private var places: [String: Int] = [:]
  private var numbers: [NumberSet] = []
  /// Messages that came and aren't acknowledged yet.
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

  /// How many messages of the publishers that came after the first mark are dealt with.
  var settled: Int { numbers.reduce(0) { $0 + $1.count } }

  /// A message came. At QoS 0 (`isKept` is false) it comes once, whatever happens.
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

  /// A mark came.
  mutating func receive(mark number: Int) { window.mark = max(window.mark, number) }

  /// All that came is acknowledged.
  mutating func release() {
    for (place, number) in zip(window.places, window.numbers) { numbers[place].insert(number) }
    earlier += window.earlier
    mark = max(mark, window.mark)
    loseWindow()
  }

  /// What isn't acknowledged comes again.
  mutating func loseWindow() {
    window.places.removeAll(keepingCapacity: true)
    window.numbers.removeAll(keepingCapacity: true)
    (window.earlier, window.mark) = (0, 0)
  }
}
