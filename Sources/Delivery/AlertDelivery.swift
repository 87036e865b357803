import Dispatch
import Synchronization

/// Takes alerts to people: posts them to webhooks, and mails them.
///
/// Works on a thread of its own. What fails is tried again twice; then `onProblem` hears why.
public final class AlertDelivery: Sendable {
  /// Where alerts go.
  public struct Settings: Sendable {
    /// Addresses that get each alert as a POST of its JSON.
    public var webhooks: [String] = []
    /// The mail server: `smtp://HOST:PORT`, or `smtps://USER:PASSWORD@HOST`.
    public var mailServer = "smtp://localhost:25"
    /// The mails' sender.
    public var mailSender = "trucksensor@localhost"
    /// Who gets mails.
    public var mailRecipients: [String] = []

    /// Settings that send nothing.
    public init() {}

    /// Whether anything is sent.
    public var isEmpty: Bool { webhooks.isEmpty && mailRecipients.isEmpty }
  }

  /// What is sent: to one webhook, or one mail to all recipients.
  private enum Target: Sendable {
    case webhook(String)
    case mail
  }

  private let settings: Settings
  private let onProblem: @Sendable (String) -> Void
  private let queue = DispatchQueue(label: "alert delivery")
  private let pending = DispatchGroup()
  private let waiting = Atomic(0)
  /// Seconds before the second and the third attempt.
  private static let pauses = [1.0, 5.0]
  /// Deliveries that wait at most; a store with a million alerts must not fill the memory.
  private static let waitingLimit = 1000

  /// Delivers as `settings` say; `onProblem` is called on another thread.
  public init(_ settings: Settings, onProblem: @escaping @Sendable (String) -> Void) {
    self.settings = settings
    self.onProblem = onProblem
  }

  /// Sends an alert: its JSON, and the sentence that a person reads.
  public func deliver(_ payload: [UInt8], _ sentence: String) {
    let targets =
      settings.webhooks.map { Target.webhook($0) } + (settings.mailRecipients.isEmpty ? [] : [.mail])
    for target in targets {
      guard waiting.load(ordering: .relaxed) < Self.waitingLimit else {
        onProblem("an alert isn't delivered, because \(Self.waitingLimit) are waiting: \(sentence)")
        return
      }
      waiting.add(1, ordering: .relaxed)
      pending.enter()
      queue.async { self.attempt(target, payload, sentence, failures: 0) }
    }
  }

  /// Waits until everything is delivered or has finally failed, for at most `seconds`.
  public func finish(within seconds: Double) {
    let count = waiting.load(ordering: .relaxed)
    guard pending.wait(timeout: .now() + seconds) == .timedOut else { return }
    onProblem("\(count) alert\(count == 1 ? " isn't" : "s aren't") delivered yet and given up")
  }

  private func attempt(_ target: Target, _ payload: [UInt8], _ sentence: String, failures: Int) {
    let problem: String?
    switch target {
    case .webhook(let url): problem = HTTPPost.send(payload, to: url)
    case .mail: problem = Mail(settings, payload, sentence).send()
    }
    if problem != nil, failures < Self.pauses.count {
      queue.asyncAfter(deadline: .now() + Self.pauses[failures]) {
        self.attempt(target, payload, sentence, failures: failures + 1)
      }
      return
    }
    if let problem { onProblem("can't deliver the alert '\(sentence)': \(problem)") }
    waiting.subtract(1, ordering: .relaxed)
    pending.leave()
  }
}
