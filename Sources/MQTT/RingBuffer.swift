/// A first-in, first-out queue in one growing block of memory: the backlog of messages that wait for the broker.
struct RingBuffer<Element> {
  private var slots: [Element?] = []
  private var head = 0
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }
  var first: Element? { count == 0 ? nil : slots[head] }

  mutating func append(_ element: Element) {
    if count == slots.count { grow() }
    slots[wrapped(head + count)] = element
    count += 1
  }

  /// Puts `element` before all others: a message that was taken out and could not be written.
  mutating func prepend(_ element: Element) {
    if count == slots.count { grow() }
    head = head == 0 ? slots.count - 1 : head - 1
    slots[head] = element
    count += 1
  }

  mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    let element = slots[head]
    slots[head] = nil
    head = wrapped(head + 1)
    count -= 1
    // A burst must not keep its memory for the rest of a long run.
    if count == 0, slots.count > 1024 {
      slots = []
      head = 0
    }
    return element
  }

  mutating func popLast() -> Element? {
    guard count > 0 else { return nil }
    count -= 1
    let index = wrapped(head + count)
    defer { slots[index] = nil }
    return slots[index]
  }

  private func wrapped(_ index: Int) -> Int { index >= slots.count ? index - slots.count : index }

  private mutating func grow() {
    var larger: [Element?] = []
    larger.reserveCapacity(max(8, slots.count * 2))
    for offset in 0..<count { larger.append(slots[wrapped(head + offset)]) }
    while larger.count < max(8, slots.count * 2) { larger.append(nil) }
    slots = larger
    head = 0
  }
}
