import Time

/// The event loop's pending timers, earliest first; ties fire in the order they were set.
struct TimerHeap {
  private struct Entry {
    let deadline: MonotonicTime
    let order: UInt64
    let timer: LoopTimer
    let generation: UInt64
  }

  private var entries: [Entry] = []
  private var nextOrder: UInt64 = 0

  /// The earliest deadline still wanted; drops entries of timers that were moved or cancelled.
  mutating func nextDeadline() -> MonotonicTime? {
    while let top = entries.first {
      if top.timer.generation == top.generation { return top.deadline }
      removeTop()
    }
    return nil
  }

  mutating func insert(_ timer: LoopTimer, at deadline: MonotonicTime) {
    entries.append(
      Entry(deadline: deadline, order: nextOrder, timer: timer, generation: timer.generation))
    nextOrder += 1
    siftUp(entries.count - 1)
  }

  /// Takes out the earliest timer that is due at `now`.
  mutating func popDue(at now: MonotonicTime) -> LoopTimer? {
    guard let deadline = nextDeadline(), deadline <= now, let top = entries.first else { return nil }
    removeTop()
    top.timer.generation += 1
    return top.timer
  }

  private func precedes(_ left: Int, _ right: Int) -> Bool {
    let (a, b) = (entries[left], entries[right])
    return a.deadline != b.deadline ? a.deadline < b.deadline : a.order < b.order
  }

  private mutating func removeTop() {
    entries.swapAt(0, entries.count - 1)
    entries.removeLast()
    var parent = 0
    while true {
      let left = 2 * parent + 1
      guard left < entries.count else { return }
      let right = left + 1
      let child = right < entries.count && precedes(right, left) ? right : left
      guard precedes(child, parent) else { return }
      entries.swapAt(child, parent)
      parent = child
    }
  }

  private mutating func siftUp(_ index: Int) {
    var child = index
    while child > 0 {
      let parent = (child - 1) / 2
      guard precedes(child, parent) else { return }
      entries.swapAt(child, parent)
      child = parent
    }
  }
}

/// One timer of an event loop: set it as often as wanted; only the last setting counts.
public final class LoopTimer {
  fileprivate(set) var generation: UInt64 = 0
  let fire: () -> Void
  private unowned let loop: EventLoop

  init(loop: EventLoop, fire: @escaping () -> Void) {
    self.loop = loop
    self.fire = fire
  }

  /// Fires at `deadline` (at once if that is past), instead of any earlier deadline.
  public func set(_ deadline: MonotonicTime) {
    generation += 1
    loop.timers.insert(self, at: deadline)
  }

  /// Doesn't fire any more until it is set again.
  public func cancel() { generation += 1 }
}
