/// Counts the messages that a session has dealt with, each once, although what isn't acknowledged comes again.
///
/// A mark is a message of the engine to itself. The broker delivers in order: what comes before the first mark was there
/// before the engine, and once a later mark is acknowledged, all that was published before it has been dealt with.
struct DeliveryCount: Equatable {
  /// The client identifiers of the publishers whose messages count.
  var publishers: Set<String> = []
  /// Messages of `publishers` that came after the first mark and are dealt with.
  private(set) var settled = 0
  /// Messages that came before the first mark and are dealt with.
  private(set) var earlier = 0
  /// Everything that came, perhaps again.
  private(set) var received = 0
  /// The last mark that is dealt with; 0 before the first.
  private(set) var mark = 0

  /// What came and isn't acknowledged yet.
  private var window = Window()

  private struct Window: Equatable {
    var settled = 0
    var earlier = 0
    var mark = 0
  }

  /// A message came. At QoS 0 (`isKept` is false) it comes once, whatever happens.
  mutating func receive(from publisher: String?, isKept: Bool) {
    received += 1
    guard max(mark, window.mark) > 0 else {
      if isKept { window.earlier += 1 } else { earlier += 1 }
      return
    }
    guard let publisher, publishers.contains(publisher) else { return }
    if isKept { window.settled += 1 } else { settled += 1 }
  }

  /// A mark came.
  mutating func receive(mark number: Int) { window.mark = max(window.mark, number) }

  /// All that came is acknowledged.
  mutating func release() {
    settled += window.settled
    earlier += window.earlier
    mark = max(mark, window.mark)
    window = Window()
  }

  /// What isn't acknowledged comes again.
  mutating func loseWindow() { window = Window() }

  /// Messages that came and aren't acknowledged.
  var pending: Int { window.settled + window.earlier }
}
