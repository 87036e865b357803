import Text

/// The actions that a policy of AWS IoT can allow ("AWS IoT Core policy actions", developer guide).
///
/// An unknown action doesn't make a policy malformed, and AWS documents no check: it matches nothing. Here it leads to a warning.
enum PolicyActions {
  private static let known: [String] =
    [
      "Connect", "DeleteConnection", "GetRetainedMessage", "ListRetainedMessages", "Publish", "Receive",
      "RetainPublish", "Subscribe",
      "DeleteThingShadow", "GetThingShadow", "ListNamedShadowsForThing", "UpdateThingShadow",
      "AssumeRoleWithCertificate", "CreateCertificateFromCsr", "CreateKeysAndCertificate", "RegisterThing",
    ].map { "iot:\($0)" }
    + [
      "DescribeJobExecution", "GetPendingJobExecutions", "StartNextPendingJobExecution", "UpdateJobExecution",
    ].flatMap { ["iotjobsdata:\($0)", "iot:\($0)"] }

  /// Why a request's action is invalid, as part of a sentence; nil if it is valid.
  static func problem(withRequested action: String) -> String? {
    if known.contains(where: { $0.lowercased() == action.lowercased() }) { return nil }
    return "'\(action)' is not an action of AWS IoT\(advice(action))"
  }

  /// Why a pattern of a policy's `Action` or `NotAction` matches no action, as part of a sentence; nil if it matches one.
  static func problem(with action: String) -> String? {
    if let pattern = PolicyPattern(action), known.contains(where: { pattern.matches($0, ignoringCase: true) })
    {
      return nil
    }
    return "'\(action)' is not an action of AWS IoT and matches nothing\(advice(action))"
  }

  /// The action that was probably meant; the service's prefix is often forgotten.
  private static func advice(_ action: String) -> String {
    let nearest =
      NearestName.of(action, among: known)
      ?? (action.contains(":") ? nil : NearestName.of("iot:\(action)", among: known))
    return nearest.map { "; did you mean '\($0)'?" } ?? ""
  }
}
