/// How much one handler may do before the event loop continues: a number of steps or of bytes, whichever is reached
/// first.
///
/// A handler that does all there is to do may never return: while it works, more comes. A sender asked for more than it can
/// make in time would only make messages and write none. The rest is for the loop's next turn, after all other events.
package struct TurnShare: Hashable {
  private var steps: Int?
  private var bytes: Int?

  /// A share without limits but for those given.
  package init(steps: Int? = nil, bytes: Int? = nil) {
    self.steps = steps
    self.bytes = bytes
  }

  /// Whether the rest has to wait for the next turn.
  package var isUsedUp: Bool { steps == 0 || bytes == 0 }

  /// A step was done, with this many bytes.
  package mutating func use(bytes count: Int = 0) {
    steps = steps.map { max(0, $0 - 1) }
    bytes = bytes.map { max(0, $0 - count) }
  }
}
