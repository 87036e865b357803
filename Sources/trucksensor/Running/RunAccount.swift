import Health
import MQTT

/// What the trucks of a run have had acknowledged, against what the engine's sessions have dealt with.
///
/// A value without I/O: the counts come in, the losses come out.
struct RunAccount {
  /// The topic of each truck.
  let topics: [TopicName]
  /// Whether the broker keeps the trucks' messages for a session that is away.
  let isKept: Bool
  /// Whether rules have changed, or counting began late: which messages met which rules is then known roughly only.
  private(set) var isRough = false

  /// The filters of each session's rules.
  private var filters: [[TopicFilter]] = []
  /// By session and truck, whether its rules take the truck's topic.
  private var takes: [[Bool]] = []
  /// Messages that sessions should have got, and that no rule takes, until the rules last changed.
  private var expectedBefore: [Int] = []
  private var unmatchedBefore = 0
  private var counted: [Int]

  init(topics: [TopicName], isKept: Bool) {
    self.topics = topics
    self.isKept = isKept
    counted = Array(repeating: 0, count: topics.count)
  }

  /// The counts don't tell any more which messages are missing.
  mutating func beRough() { isRough = true }

  /// The rules are now these; `acknowledged` is what each truck has had acknowledged until now.
  mutating func use(_ filters: [[TopicFilter]], acknowledged: [Int]) {
    guard filters != self.filters else { return }
    if !self.filters.isEmpty { isRough = true }
    unmatchedBefore = unmatched(acknowledged)
    expectedBefore = filters.indices.map { expected($0, acknowledged) }
    counted = acknowledged
    self.filters = filters
    takes = filters.map { filters in topics.map { topic in filters.contains { $0.matches(topic.text) } } }
  }

  /// The topics that no rule takes, each once, in the trucks' order.
  var unmatchedTopics: [String] {
    var seen: Set<String> = []
    return topics.indices.filter { !isTaken($0) && seen.insert(topics[$0].text).inserted }
      .map { topics[$0].text }
  }

  /// How many acknowledged messages no rule took.
  func unmatched(_ acknowledged: [Int]) -> Int {
    unmatchedBefore + sum(acknowledged) { !isTaken($0) }
  }

  /// How many messages a session should have dealt with.
  func expected(_ session: Int, _ acknowledged: [Int]) -> Int {
    guard takes.indices.contains(session) else { return 0 }
    let before = expectedBefore.indices.contains(session) ? expectedBefore[session] : 0
    return before + sum(acknowledged) { takes[session][$0] }
  }

  /// How many acknowledged messages the session that is most behind hasn't dealt with.
  func missing(_ acknowledged: [Int], settled: [Int]) -> Int {
    zip(takes.indices, settled).map { max(0, expected($0, acknowledged) - $1) }.max() ?? 0
  }

  /// What the end of a run says besides the counts.
  struct Ending {
    /// Whether the sessions have got all that the broker had for them.
    var isDrained: Bool
    /// Why the engine receives nothing any more, or messages are missing, if known.
    var loss: String?
    /// Whether the engine has ended before its time.
    var engineIsLost = false
    /// Whether the broker keeps what waits in a journal, whatever becomes of the engine's session.
    var isJournaled = false
    /// Messages that the journal had and has lost.
    var lostByJournal = 0
    /// Messages that the engine has received and that wait for the store, including those of earlier runs.
    var waiting = 0
  }

  /// Adds what is wrong at the end to a health.
  /// - Parameters:
  ///   - acknowledged: Messages that the broker has acknowledged, by truck.
  ///   - settled: Messages that are dealt with, by session.
  func conclude(acknowledged: [Int], settled: [Int], _ ending: Ending, health: inout Health) {
    let missing = max(missing(acknowledged, settled: settled), ending.lostByJournal)
    let sessionIsLost = ending.engineIsLost && !ending.isJournaled
    if !isKept, missing > 0 {
      guard !isRough || sessionIsLost else { return }
      let reason = "at QoS 0 a broker keeps no messages for a disconnected session; use --qos 1"
      health.add(.lost, reason: ending.loss ?? reason, count: missing)
    } else if ending.isDrained || sessionIsLost {
      if missing > 0, !isRough || sessionIsLost {
        health.add(.lost, reason: ending.loss ?? "", count: missing)
      }
    } else if max(missing, ending.waiting) > 0 {
      Self.note(waiting: max(missing, ending.waiting), health: &health)
    }
  }

  /// Notes how many messages wait in the broker: those that the store refuses are among them.
  static func note(waiting: Int, health: inout Health) {
    for problem in health.problems where problem.kind == .storeFails {
      health.set(.storeFails, reason: problem.reason)
    }
    health.clear(.waiting)
    if waiting > 0 { health.add(.waiting, count: waiting) }
  }

  /// Notes which topics no rule takes.
  func note(unmatched acknowledged: [Int], health: inout Health) {
    let topics = unmatchedTopics
    let count = unmatched(acknowledged)
    guard let first = topics.first ?? (count > 0 ? "a topic of before" : nil) else { return }
    let more = topics.count > 1 ? " and \(topics.count - 1) more topics" : ""
    health.set(.unmatched, "'\(first)'\(more)", reason: advice, count: count)
  }

  /// What to do about them.
  private var advice: String {
    let known = Set(filters.joined().map(\.pattern)).filter { !$0.hasPrefix("$aws/") }.sorted().prefix(5).map
    { "'\($0)'" }
    let from = known.isEmpty ? "no rule has a topic" : "the rules take \(known.joined(separator: ", "))"
    let filter = Self.filter(unmatchedTopics)
    return
      "\(from); publish there with --topic, or let FROM of a rule in rules/ name a filter such as '\(filter)'"
  }

  /// A filter for topics and their like: of several, the levels that differ; of one, the last level is likely a device's name.
  private static func filter(_ topics: [String]) -> String {
    let levels = topics.map { $0.split(separator: "/", omittingEmptySubsequences: false).map(String.init) }
    guard let first = levels.first, first.count > 1 else { return topics.first ?? "" }
    let alike = levels.filter { $0.count == first.count }
    guard alike.count > 1 else { return (first.dropLast() + ["+"]).joined(separator: "/") }
    return first.indices.map { place in alike.allSatisfy { $0[place] == first[place] } ? first[place] : "+" }
      .joined(separator: "/")
  }

  private func isTaken(_ truck: Int) -> Bool { takes.contains { $0[truck] } }

  private func sum(_ acknowledged: [Int], where isWanted: (Int) -> Bool) -> Int {
    zip(acknowledged, counted).enumerated().reduce(0) {
      $0 + (isWanted($1.offset) ? max(0, $1.element.0 - $1.element.1) : 0)
    }
  }
}
