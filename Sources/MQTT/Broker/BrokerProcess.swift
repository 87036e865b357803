import Files
import Glibc

internal import CLinux

/// A child process that ends when this object is released, and when the parent is killed.
final class BrokerProcess {
  /// Its process number.
  let identifier: pid_t
  /// Readable when the process has ended; a loop can watch it.
  let descriptor: Int32
  private var isReaped = false

  /// Starts `executable` with what it prints at the end of `log`. Throws `MQTTError` of kind `system`.
  init(_ executable: String, _ arguments: [String], log: String) throws(MQTTError) {
    var pointers: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    identifier = ts_spawn(executable, &pointers, log)
    guard identifier > 0 else {
      throw MQTTError(.system, "can't start \(executable): \(systemError(errno))")
    }
    descriptor = ts_pidfd_open(identifier)
  }

  deinit {
    if !isReaped { stop() }
    if descriptor >= 0 { close(descriptor) }
  }

  /// Sends a signal, unless the process is known to have ended.
  func signal(_ number: Int32) {
    if !isReaped { kill(identifier, number) }
  }

  /// Whether it ends within this time.
  func ends(withinMilliseconds limit: Int32) -> Bool { Self.ends(descriptor, withinMilliseconds: limit) }

  /// Ends it: with SIGTERM, after five seconds with SIGKILL.
  func stop() {
    signal(SIGTERM)
    if !ends(withinMilliseconds: 5000) { signal(SIGKILL) }
    reap()
  }

  /// Waits for its end.
  func reap() {
    guard !isReaped else { return }
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
    isReaped = true
  }

  /// Ends a process that isn't our child.
  static func end(stranger identifier: pid_t) {
    let descriptor = ts_pidfd_open(identifier)
    defer { if descriptor >= 0 { close(descriptor) } }
    for signal in [SIGTERM, SIGKILL] {
      kill(identifier, signal)
      if ends(descriptor, withinMilliseconds: 5000) { break }
    }
  }

  private static func ends(_ descriptor: Int32, withinMilliseconds limit: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, limit) > 0
  }
}
