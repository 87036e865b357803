import JSON

/// The problems between the readings that a broker acknowledged and the store, counted by kind; empty if there are none.
///
/// The page, `/api/rules`, the end summary and the exit code of `run` and `rules run` all come from one such value.
public struct Health: Sendable, Equatable {
  /// What can go wrong, in the order in which problems are reported.
  public enum Kind: String, Sendable, CaseIterable {
    /// The engine has ended: its session was taken over, or the broker refuses it.
    case engineLost
    /// The broker forgot the engine's session, and with it what waited there.
    case sessionForgotten
    /// The store can't be written at present; the count is of readings that wait for it.
    case storeFails
    /// Readings that an action couldn't store, for good.
    case notStored
    /// Readings that came while the store couldn't be written, and that the broker doesn't keep (QoS 0).
    case notKept
    /// Readings whose time the store doesn't accept.
    case outsideAcceptance
    /// Messages that an action couldn't republish.
    case notRepublished
    /// Results that an action couldn't deliver to an address or a metric.
    case notDelivered
    /// Messages on a rule's topic that the rule can't read.
    case unreadable
    /// Readings on topics that no rule takes.
    case unmatched
    /// Acknowledged readings that never reached the rules.
    case lost
    /// Readings that wait in the broker at the end.
    case waiting
    /// The broker couldn't save what waits.
    case queueNotSaved
  }

  /// One problem: its kind and what it is about, such as a table or a topic.
  public struct Problem: Sendable, Equatable {
    /// The kind.
    public let kind: Kind
    /// What it is about; empty where there is only one.
    public let subject: String
    /// The reason of the first case, in words; perhaps empty.
    public let reason: String
    /// How many readings or messages; 0 where nothing is counted.
    public let count: Int
  }

  /// What is wrong, by kind, then in the order in which it was noticed.
  public private(set) var problems: [Problem] = []

  /// How many subjects of one kind are counted separately; all others count as one.
  static let subjectLimit = 10
  /// The longest reason and subject, in characters: both can come from outside.
  static let textLimit = 400
  /// The subject for all others.
  static let otherSubjects = "others"

  /// Without a problem.
  public init() {}

  /// Whether all that was acknowledged was matched, stored and republished.
  public var isGood: Bool { problems.isEmpty }

  /// Counts cases of a problem; returns whether it is new, and so worth a line.
  @discardableResult
  public mutating func add(
    _ kind: Kind, _ subject: String = "", reason: String = "", count: Int = 1
  ) -> Bool {
    var subject = Self.cut(subject)
    let known = problems.lazy.filter { $0.kind == kind }
    if known.count >= Self.subjectLimit, !known.contains(where: { $0.subject == subject }) {
      subject = Self.otherSubjects
    }
    guard let index = problems.firstIndex(where: { $0.kind == kind && $0.subject == subject }) else {
      insert(Problem(kind: kind, subject: subject, reason: Self.clause(reason), count: max(0, count)))
      return true
    }
    let old = problems[index]
    let (sum, overflows) = old.count.addingReportingOverflow(max(0, count))
    problems[index] = Problem(
      kind: kind, subject: subject, reason: old.reason, count: overflows ? .max : sum)
    return false
  }

  /// Replaces a problem's count with its current state; returns whether the problem is new.
  @discardableResult
  public mutating func set(
    _ kind: Kind, _ subject: String = "", reason: String = "", count: Int = 0
  ) -> Bool {
    let isNew = !has(kind, subject)
    clear(kind, subject)
    add(kind, subject, reason: reason, count: count)
    return isNew
  }

  /// Whether a problem is known.
  public func has(_ kind: Kind, _ subject: String = "") -> Bool {
    problems.contains { $0.kind == kind && $0.subject == Self.cut(subject) }
  }

  /// Removes a problem that passed without a loss; returns whether there was one.
  @discardableResult
  public mutating func clear(_ kind: Kind, _ subject: String = "") -> Bool {
    let count = problems.count
    problems.removeAll { $0.kind == kind && $0.subject == Self.cut(subject) }
    return problems.count < count
  }

  /// Adds the problems of another part.
  public mutating func merge(_ other: Health) {
    for problem in other.problems {
      add(problem.kind, problem.subject, reason: problem.reason, count: problem.count)
    }
  }

  private mutating func insert(_ problem: Problem) {
    let order = Kind.allCases
    let place = order.firstIndex(of: problem.kind) ?? order.count
    let index = problems.firstIndex { (order.firstIndex(of: $0.kind) ?? order.count) > place }
    problems.insert(problem, at: index ?? problems.count)
  }

  private static func cut(_ text: String) -> String {
    text.utf8.count <= textLimit ? text : text.prefix(textLimit) + "…"
  }

  /// A reason that goes on in a sentence: it doesn't end one itself.
  private static func clause(_ reason: String) -> String {
    var reason = cut(reason)
    while let last = reason.last, last.isWhitespace || ".?!".contains(last) { reason.removeLast() }
    return reason
  }

  /// One JSON object: `{"good": …, "problems": [{"kind": …, "subject": …, "count": …, "sentence": …}]}`.
  package func write(to json: inout JSONWriter) {
    json.object {
      $0.member("good", isGood)
      $0.array("problems") {
        for problem in problems {
          $0.object {
            $0.member("kind", problem.kind.rawValue)
            $0.member("subject", problem.subject)
            $0.member("count", problem.count)
            $0.member("sentence", problem.sentence)
          }
        }
      }
    }
  }

  /// One line for each problem; empty if there is none.
  public var text: String { problems.map { "problem: \($0.sentence)" }.joined(separator: "\n") }
}
