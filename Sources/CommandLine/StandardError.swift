import Glibc
import JSON
import Synchronization
import Time

/// Standard error: the only way to it, for messages to people and for the status line below them.
///
/// Any thread may write messages.
package enum StandardError {
  /// How lines are written.
  package enum Format: Sendable {
    /// As they are.
    case text
    /// Each as a JSON object: time, level, message.
    case json
  }

  /// How serious a message is.
  package enum Level: String, Sendable {
    /// Details for whoever looks for a cause; only with `isVerbose`.
    case debug
    /// What was done or has changed.
    case info
    /// Something may be wrong; the work goes on.
    case warning
    /// Something failed.
    case error
  }

  private struct State {
    var format = Format.text
    var isVerbose = false
    /// The text of the status line; nil if there is none.
    var status: String?
  }
  private static let state = Mutex(State())

  /// How lines are written; the command line sets it once.
  package static var format: Format {
    get { state.withLock { $0.format } }
    set { state.withLock { $0.format = newValue } }
  }

  /// Whether `detail` writes anything; the command line sets it once.
  package static var isVerbose: Bool {
    get { state.withLock { $0.isVerbose } }
    set { state.withLock { $0.isVerbose = newValue } }
  }

  // MARK: Messages

  /// Writes a message as a line.
  package static func print(_ text: String, _ level: Level = .info) { write(text, level, label: "") }

  /// Writes what failed; as text, the line begins with the program's name.
  package static func error(_ text: String) { write(text, .error, label: "trucksensor:") }

  /// Writes what may be wrong; as text, the line begins with `warning:`.
  package static func warning(_ text: String) { write(text, .warning, label: "warning:") }

  /// Writes a detail if they were asked for.
  package static func detail(_ text: @autoclosure () -> String) {
    if isVerbose { write(text(), .debug, label: "") }
  }

  private static func write(_ text: String, _ level: Level, label: String) {
    let text = String(text.reversed().drop { $0.isNewline }.reversed())
    state.withLock { state in
      switch state.format {
      case .text:
        let styled = Terminal.error.styled(label, label.isEmpty ? .plain : .of(level))
        let line = label.isEmpty ? Terminal.error.styled(text, .of(level)) : "\(styled) \(text)"
        writeAll(erasure(state) + line + "\n" + drawing(state))
      case .json:
        var json = JSONWriter()
        json.object {
          $0.member("time", Moment.text(seconds: WallClock.milliseconds / 1000))
          $0.member("level", level.rawValue)
          $0.member("message", text)
        }
        writeAll(json.text + "\n")
      }
    }
  }

  /// Writes a text as it is, such as a question.
  package static func write(_ text: String) {
    state.withLock { _ in writeAll(text) }
  }

  // MARK: The status line

  /// Whether a person reads it, and can be asked.
  package static var isTerminal: Bool { Terminal.error.isTerminal && format == .text }

  /// Whether a line can be replaced: not in a log, and not on a terminal that can't.
  package static var showsStatus: Bool { isTerminal && Terminal.error.canErase }

  /// Shows a text below all messages instead of the last one; nil removes it. Does nothing unless `showsStatus`.
  package static func show(status: String?) {
    guard showsStatus else { return }
    state.withLock { state in
      guard state.status != nil || status != nil else { return }
      let erasure = erasure(state)
      state.status = status
      writeAll(erasure + drawing(state))
    }
  }

  /// Runs `body`, which writes lines to the same terminal, while the status line is away.
  static func withoutStatus(_ body: () -> Void) {
    state.withLock { state in
      writeAll(erasure(state))
      body()
      writeAll(drawing(state))
    }
  }

  private static func erasure(_ state: State) -> String { state.status == nil ? "" : "\r\u{1B}[K" }

  /// One column stays free: a terminal may begin a new line after its last one.
  private static func drawing(_ state: State) -> String {
    guard let status = state.status else { return "" }
    return Terminal.error.styled(String(status.prefix(max(0, Terminal.error.columns - 1))), .dim)
  }

  private static func writeAll(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else { return }
      bytes = bytes.dropFirst(max(0, count))
    }
  }
}
