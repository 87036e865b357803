extension Health.Problem {
  /// What happened, and what to do, for a person.
  public var sentence: String {
    switch kind {
    case .engineLost:
      return
        "The rules engine has ended\(because). What devices publish now is not stored by it; start it again when the cause is "
        + "gone."
    case .sessionForgotten:
      return
        "The broker has forgotten the rules engine's session. What waited there for the rules is lost; turn on "
        + "the broker's persistence, and let no other client use the engine's client identifier."
    case .storeFails:
      let waiting =
        count == 0 ? "" : " \(readings) \(verb("wait", "waits")) in the broker until it can be written."
      return "The store can't be written\(because).\(waiting)"
    case .notKept:
      return
        "\(readings) \(were) not stored in \(subject), because the store couldn't be written: \(reason). At QoS 0 "
        + "a broker keeps no messages; with --qos 1, they wait in the broker."
    case .notStored:
      return
        "\(readings) \(were) not stored in \(subject)\(because). Correct the rule or what the device sends; the "
        + "rule's error action has each message."
    case .outsideAcceptance:
      return
        "\(readings) \(were) not stored in \(subject), because the store doesn't accept the time: \(reason). "
        + "Correct the device's clock or --timestamps; for old readings extend the table's retention, see 'trucksensor "
        + "store tables --help'."
    case .notRepublished:
      return
        "\(messages) \(were) not republished to '\(subject)'\(because). Check the rule's topic and the policies."
    case .notDelivered:
      return
        "\(messages) \(were) not delivered to '\(subject)'\(because). Check the rule's action and its target."
    case .unreadable:
      return
        "A rule could not read a message on '\(subject)' \(count) time\(count == 1 ? "" : "s")\(because). Make the device send "
        + "JSON."
    case .unmatched:
      return
        "\(count == 0 ? "Readings" : readings) on \(subject) \(count == 0 ? "match" : verb("match", "matches")) "
        + "no rule and \(count == 0 ? "are" : verb("are", "is")) not stored\(because)."
    case .lost:
      return "\(readings) \(were) acknowledged by the broker and never reached the rules\(because)."
    case .waiting:
      return
        "\(count) acknowledged \(count == 1 ? "reading isn't" : "readings aren't") stored yet\(because); "
        + "\(verb("they wait", "it waits")) in data/broker, and the next run in this folder stores \(verb("them", "it"))."
    case .queueNotSaved:
      return
        "The broker could not save its waiting messages\(because). Free some space before the next start; readings "
        + "that wait may be lost."
    }
  }

  private var because: String { reason.isEmpty ? "" : ": \(reason)" }
  private var readings: String { count == 1 ? "1 reading" : "\(count) readings" }
  private var messages: String { count == 1 ? "1 message" : "\(count) messages" }
  private var were: String { verb("were", "was") }
  private func verb(_ many: String, _ one: String) -> String { count == 1 ? one : many }
}
