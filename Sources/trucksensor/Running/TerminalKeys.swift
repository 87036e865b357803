import Glibc
import MQTT

/// Hears of single keys on the terminal, without Return and without showing them, until `restore`.
final class TerminalKeys {
  private let loop: EventLoop
  private var before = termios()
  private var isRestored = false

  /// Nil if standard input isn't a terminal, or another job has it in the foreground.
  init?(_ loop: EventLoop, _ onKey: @escaping (UInt8) -> Void) {
    self.loop = loop
    // Setting a terminal from the background would stop the process.
    guard isatty(STDIN_FILENO) == 1, tcgetpgrp(STDIN_FILENO) == getpgrp(),
      tcgetattr(STDIN_FILENO, &before) == 0
    else { return nil }
    var raw = before
    raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
    guard tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0 else { return nil }
    do throws(MQTTError) {
      try loop.onReadable(STDIN_FILENO) { [unowned self] in
        var keys = [UInt8](repeating: 0, count: 64)
        let count = read(STDIN_FILENO, &keys, keys.count)
        guard count > 0 else {
          // The terminal is closed.
          loop.ignore(STDIN_FILENO)
          return
        }
        for key in keys[..<count] where !isRestored { onKey(key) }
      }
    } catch {
      restore()
      return nil
    }
  }

  deinit { restore() }

  /// Gives the terminal back as it was.
  func restore() {
    guard !isRestored else { return }
    isRestored = true
    loop.ignore(STDIN_FILENO)
    tcsetattr(STDIN_FILENO, TCSANOW, &before)
  }
}
