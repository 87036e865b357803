import Files
import Glibc
import Synchronization
import Time

internal import CLinux

/// One thread's epoll loop: sockets, timers, signals and wake-ups from other threads. It carries one client or
/// thousands (the library's own loops use select and stop at descriptor 1 024). Everything that belongs to a
/// loop is used on the thread that runs it; only its `waker` is for others.
public final class EventLoop {
  struct Readiness: OptionSet {
    let rawValue: UInt32
    static let read = Readiness(rawValue: EPOLLIN.rawValue)
    static let write = Readiness(rawValue: EPOLLOUT.rawValue)
    static let failed = Readiness(rawValue: EPOLLERR.rawValue | EPOLLHUP.rawValue)
  }

  /// Lets another thread hand work to the loop.
  public let waker: Waker
  var timers = TimerHeap()

  private final class Watch {
    let descriptor: Int32
    let handler: (Readiness) -> Void
    init(descriptor: Int32, handler: @escaping (Readiness) -> Void) {
      self.descriptor = descriptor
      self.handler = handler
    }
  }

  private let epoll: Int32
  private let timer: Int32
  private var armedDeadline: MonotonicTime?
  private var watches: [Int32: Watch] = [:]
  private var signals: Int32 = -1
  private var running = false
  private var endOfTurn: [() -> Void] = []

  /// Opens the loop's descriptors; throws `MQTTError` of kind `system` when there are none left.
  public init() throws(MQTTError) {
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    timer = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK | TFD_CLOEXEC))
    let wakeUp = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    waker = Waker(descriptor: wakeUp)
    guard epoll >= 0, timer >= 0, wakeUp >= 0 else {
      throw MQTTError(.system, "can't open an event loop: \(systemError(errno)); raise 'ulimit -n'")
    }
    try watch(timer) { [unowned self] _ in
      var count: UInt64 = 0
      read(timer, &count, 8)
      armedDeadline = nil
    }
    try watch(wakeUp) { [unowned self] _ in
      for work in waker.take() { work(self) }
    }
  }

  deinit {
    if signals >= 0 { close(signals) }
    close(timer)
    close(epoll)
  }

  /// A timer that calls `fire` on this loop; it is idle until it is set.
  public func makeTimer(_ fire: @escaping () -> Void) -> LoopTimer { LoopTimer(loop: self, fire: fire) }

  /// Calls `handler` on the loop for each of `numbers` that arrives, instead of what the signal did before.
  /// The caller must have blocked them in every thread (`Signals.block`).
  public func onSignal(_ numbers: [Int32], _ handler: @escaping (Int32) -> Void) throws(MQTTError) {
    var mask = sigset_t()
    sigemptyset(&mask)
    for number in numbers { sigaddset(&mask, number) }
    signals = signalfd(signals, &mask, Int32(SFD_NONBLOCK | SFD_CLOEXEC))
    guard signals >= 0 else {
      throw MQTTError(.system, "can't receive signals: \(systemError(errno))")
    }
    try watch(signals) { [unowned self] _ in
      var info = signalfd_siginfo()
      while read(signals, &info, MemoryLayout<signalfd_siginfo>.size) > 0 {
        let number = Int32(clamping: info.ssi_signo)
        Signals.note(number)
        handler(number)
      }
    }
  }

  /// Runs until `stop`.
  public func run() {
    running = true
    var events = [epoll_event](repeating: epoll_event(), count: 256)
    while running {
      fireDueTimers()
      finishTurn()
      guard running else { break }
      armTimer()
      // Work that the turn's end added must not keep sockets and signals waiting.
      let count = epoll_wait(epoll, &events, Int32(clamping: events.count), endOfTurn.isEmpty ? -1 : 0)
      if count < 0 {
        guard errno == EINTR else { break }
        continue
      }
      for event in events[..<Int(count)] {
        // The handler of an earlier event in this turn may have closed this one's descriptor.
        guard let watch = watches[event.data.fd] else { continue }
        watch.handler(Readiness(rawValue: event.events))
      }
    }
  }

  /// Ends `run` after the present turn.
  public func stop() { running = false }

  /// Calls `work` once before the loop sleeps next: bytes queued by many small steps go out in one write.
  public func atEndOfTurn(_ work: @escaping () -> Void) { endOfTurn.append(work) }

  /// Calls `handler` on the loop whenever `descriptor`, such as a terminal's, has something to read; it stays the caller's.
  public func onReadable(_ descriptor: Int32, _ handler: @escaping () -> Void) throws(MQTTError) {
    try watch(descriptor) { _ in handler() }
  }

  /// Calls the handler of `onReadable` no more.
  public func ignore(_ descriptor: Int32) { unwatch(descriptor) }

  func watch(_ descriptor: Int32, for interest: Readiness = .read, _ handler: @escaping (Readiness) -> Void)
    throws(MQTTError)
  {
    var event = epoll_event(events: interest.rawValue, data: epoll_data_t(fd: descriptor))
    guard epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
      throw MQTTError(.system, "can't watch a connection: \(systemError(errno))")
    }
    watches[descriptor] = Watch(descriptor: descriptor, handler: handler)
  }

  func setInterest(_ interest: Readiness, of descriptor: Int32) {
    var event = epoll_event(events: interest.rawValue, data: epoll_data_t(fd: descriptor))
    epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event)
  }

  /// Forgets `descriptor`, which may already be closed.
  func unwatch(_ descriptor: Int32) {
    guard watches.removeValue(forKey: descriptor) != nil else { return }
    epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil)
  }

  private func fireDueTimers() {
    let now = MonotonicTime.now()
    while running, let timer = timers.popDue(at: now) { timer.fire() }
  }

  private func finishTurn() {
    guard !endOfTurn.isEmpty else { return }
    let work = endOfTurn
    endOfTurn = []
    for item in work { item() }
  }

  /// A timerfd keeps absolute deadlines exactly; epoll's own time-out counts whole milliseconds.
  private func armTimer() {
    let deadline = timers.nextDeadline()
    guard deadline != armedDeadline else { return }
    armedDeadline = deadline
    var setting = itimerspec()
    if let deadline {
      // Zero would disarm it.
      let nanoseconds = max(1, deadline.nanoseconds)
      setting.it_value.tv_sec = Int(nanoseconds / 1_000_000_000)
      setting.it_value.tv_nsec = Int(nanoseconds % 1_000_000_000)
    }
    timerfd_settime(timer, Int32(TFD_TIMER_ABSTIME), &setting, nil)
  }
}

/// Hands work from any thread to an event loop.
public final class Waker: Sendable {
  private let descriptor: Int32
  private let work = Mutex<[@Sendable (EventLoop) -> Void]>([])

  init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// Runs `item` on the loop's thread, soon.
  public func submit(_ item: @escaping @Sendable (EventLoop) -> Void) {
    work.withLock { $0.append(item) }
    var one: UInt64 = 1
    write(descriptor, &one, 8)
  }

  /// A closure for another thread, which has `body` run on the loop's thread. Called on the loop's thread.
  public func bound<Value: Sendable>(_ body: @escaping (Value) -> Void) -> @Sendable (Value) -> Void {
    let bound = LoopBound(body: body)
    return { value in self.submit { _ in bound.body(value) } }
  }

  /// @unchecked Sendable: only the loop's thread, which made it, calls the closure.
  private struct LoopBound<Value>: @unchecked Sendable {
    let body: (Value) -> Void
  }

  func take() -> [@Sendable (EventLoop) -> Void] {
    var count: UInt64 = 0
    read(descriptor, &count, 8)
    return work.withLock { items in
      defer { items = [] }
      return items
    }
  }
}

/// Signals as events of a loop.
public enum Signals {
  /// What asks a command to finish: Ctrl-C, `kill`, and a terminal that is closed. nohup(1) has SIGHUP ignored before we
  /// start, and then it stays so: a signal that waits in a `signalfd` isn't discarded.
  public static var ending: [Int32] {
    var hangUp = sigaction()
    sigaction(SIGHUP, nil, &hangUp)
    let isIgnored = unsafeBitCast(hangUp.__sigaction_handler.sa_handler, to: Int.self) == 1
    return [SIGINT, SIGTERM] + (isIgnored ? [] : [SIGHUP])
  }

  /// The last signal that asked the process to finish; nil if there was none.
  public static var lastEnding: Int32? {
    let number = noted.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }
  private static let noted = Atomic<Int32>(0)

  /// Notes a signal that has arrived; a signal handler may call it.
  public static func note(_ number: Int32) {
    // No array: a handler may not allocate.
    switch number {
    case SIGINT, SIGTERM, SIGHUP: noted.store(number, ordering: .relaxed)
    default: break
    }
  }

  /// Keeps `numbers` from interrupting this thread and all that it starts later; call it before any other thread
  /// exists, and receive them by `EventLoop.onSignal`. SIGPIPE is ignored: a lost connection is an error code.
  public static func block(_ numbers: [Int32]) {
    var mask = sigset_t()
    sigemptyset(&mask)
    for number in numbers { sigaddset(&mask, number) }
    pthread_sigmask(SIG_BLOCK, &mask, nil)
    signal(SIGPIPE, SIG_IGN)
  }
}
