import Glibc

/// What a stream can show: the terminal that it is, if it is one.
package struct Terminal: Sendable {
  /// Standard output.
  package static let output = Terminal(1)
  /// Standard error.
  package static let error = Terminal(2)

  private let descriptor: Int32
  /// Whether the stream is a terminal.
  package let isTerminal: Bool
  /// Whether the terminal can erase a line.
  let canErase: Bool
  /// Whether texts may have colors: not on a terminal that can't, and not if NO_COLOR has a value (no-color.org).
  let hasColor: Bool

  private init(_ descriptor: Int32) {
    self.descriptor = descriptor
    isTerminal = isatty(descriptor) == 1
    canErase = isTerminal && !["", "dumb"].contains(Self.variable("TERM"))
    hasColor = canErase && Self.variable("NO_COLOR").isEmpty
  }

  private static func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }

  /// The present width; 80 if the terminal doesn't say.
  package var columns: Int {
    var size = winsize()
    let isKnown = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    return isKnown ? Int(size.ws_col) : 80
  }

  /// How a text looks, as the parameter of the terminal's SGR sequence (ECMA-48, section 8.3.117).
  package enum Style: String, Sendable {
    /// As it is.
    case plain = ""
    /// Headings.
    case bold = "1"
    /// What is only there for the moment.
    case dim = "2"
    /// Errors.
    case red = "31"
    /// What is as it should be.
    case green = "32"
    /// Warnings.
    case yellow = "33"

    static func of(_ level: StandardError.Level) -> Style {
      switch level {
      case .debug: .dim
      case .info: .plain
      case .warning: .yellow
      case .error: .red
      }
    }
  }

  /// A text in a style; as it is where there are no colors.
  package func styled(_ text: String, _ style: Style) -> String {
    hasColor && style != .plain && !text.isEmpty ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }
}
