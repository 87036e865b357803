import CommandLine
import Glibc

/// Shows lines on a terminal a screen at a time, or gives them to the program that PAGER names if they don't fit.
///
/// Both ends of the talk are terminals: keys come from standard input, lines go to standard output.
final class Pager {
  private let command: String?
  private let width: Int
  private let height: Int
  /// Lines that fit the first screen, until it is known whether PAGER is needed.
  private var held: [[UInt8]] = []
  private var program: UnsafeMutablePointer<FILE>?
  /// Rows of the screen that the lines since the last key take.
  private var used = 0
  /// Whether the reader has quit.
  private(set) var isEnded = false

  private static let prompt = "-- Space: next page, Enter: next line, q: end --"

  /// A pager for the terminal on standard input and output; nil if one of them is something else.
  init?() {
    guard isatty(0) == 1, isatty(1) == 1 else { return nil }
    let variable = getenv("PAGER").map { String(cString: $0) }
    command = variable.flatMap { $0.isEmpty ? nil : $0 }
    var size = winsize()
    let isKnown = ioctl(1, UInt(TIOCGWINSZ), &size) == 0 && size.ws_row > 1 && size.ws_col > 0
    (width, height) = isKnown ? (Int(size.ws_col), Int(size.ws_row)) : (80, 24)
  }

  /// Shows a line.
  func line(_ bytes: [UInt8]) {
    guard !isEnded else { return }
    let rows = max(1, (String(decoding: bytes, as: UTF8.self).count + width - 1) / width)
    if command != nil {
      giveToProgram(bytes, rows)
      return
    }
    if used > 0, used + rows > height - 1 {
      used = wantsPage() ? 0 : height - 1 - rows
      if isEnded { return }
    }
    used += rows
    StandardOutput.shared.line(bytes)
  }

  /// Shows what is held, and waits until PAGER has ended.
  func finish() {
    if let program {
      fflush(program)
      pclose(program)
    } else {
      for line in held { StandardOutput.shared.line(line) }
      StandardOutput.shared.flush()
    }
    program = nil
    held = []
  }

  private func giveToProgram(_ bytes: [UInt8], _ rows: Int) {
    if program == nil {
      held.append(bytes)
      used += rows
      guard used > height - 1 else { return }
      StandardOutput.shared.flush()
      program = command.flatMap { popen($0, "w") }
      for line in held { write(line) }
      held = []
    } else {
      write(bytes)
    }
  }

  private func write(_ bytes: [UInt8]) {
    let line = bytes + [UInt8(ascii: "\n")]
    guard let program, fwrite(line, 1, line.count, program) == line.count else {
      isEnded = true
      return
    }
  }

  /// Asks how to go on: a page if true, else a line, unless that was the end.
  private func wantsPage() -> Bool {
    StandardOutput.shared.flush()
    StandardError.write(Self.prompt)
    defer { StandardError.write("\r" + String(repeating: " ", count: Self.prompt.utf8.count) + "\r") }
    var before = termios()
    guard tcgetattr(0, &before) == 0 else { return true }
    var now = before
    now.c_lflag &= ~tcflag_t(ICANON | ECHO)
    tcsetattr(0, TCSANOW, &now)
    defer { tcsetattr(0, TCSANOW, &before) }
    while true {
      // poll ends at a signal; read would go on.
      var descriptor = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
      var key: UInt8 = 0
      guard poll(&descriptor, 1, -1) > 0, !Interruption.isRequested, read(0, &key, 1) == 1 else {
        isEnded = true
        return false
      }
      switch key {
      case UInt8(ascii: " "): return true
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"): return false
      case UInt8(ascii: "q"), UInt8(ascii: "Q"), 4:
        isEnded = true
        return false
      default: continue
      }
    }
  }
}
