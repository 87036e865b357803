/// The certificates that may sign in to the local broker, and as whom: the file of the broker's plugin (see
/// Sources/BrokerPlugin/permissions.h). A certificate that isn't in it is refused.
public struct ClientTable: Sendable, Equatable {
  /// What a certificate may be used for.
  public enum State: String, Sendable {
    /// A device's certificate that may sign in.
    case active
    /// A device's certificate that may not sign in for now.
    case inactive
    /// A device's certificate that may never sign in again.
    case revoked
    /// A certificate of the cloud itself: it may sign in, also with reserved client identifiers.
    case cloud
  }

  /// What one certificate may do as one user.
  public struct Entry: Sendable, Equatable {
    /// SHA-256 of the DER form in hexadecimal.
    public var certificateId: String
    /// The user of the access control list.
    public var user: String
    /// See `State`.
    public var state: State
    /// Patterns (`*`, `?`) of client identifiers that it may connect with.
    public var connects: [String]
    /// Patterns of topic filters that it may subscribe to.
    public var subscribes: [String]
    /// Patterns of topics that it may publish retained messages to.
    public var retains: [String]

    /// An entry.
    public init(
      certificateId: String, user: String, state: State, connects: [String] = [], subscribes: [String] = [],
      retains: [String] = []
    ) {
      self.certificateId = certificateId
      self.user = user
      self.state = state
      self.connects = connects
      self.subscribes = subscribes
      self.retains = retains
    }
  }

  /// The entries; a certificate may have several, for several things.
  public var entries: [Entry] = []
  /// Patterns of client identifiers that only the cloud's own certificates may use.
  public var reserved: [String] = []

  /// An empty table: nobody may sign in.
  public init() {}

  /// The file's text.
  /// - Parameter list: What the users may publish.
  public func text(_ list: AccessControlList) -> String {
    // A certificate without a valid fingerprint can't sign in, whatever a damaged registry says.
    let entries = entries.filter { entry in
      entry.certificateId.utf8.count == 64
        && entry.certificateId.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
    }
    var text = "trucksensor clients 2\n"
    for pattern in reserved { text += "reserved\t\(pattern)\n" }
    for entry in entries {
      text += "certificate\t\(entry.certificateId)\t\(entry.state.rawValue)\t\(entry.user)\n"
      for pattern in entry.connects { text += "connect\t\(pattern)\n" }
      for pattern in entry.subscribes { text += "subscribe\t\(pattern)\n" }
      for pattern in entry.retains { text += "retain\t\(pattern)\n" }
      for rule in list.sortedRules(of: entry.user) {
        switch rule.access {
        case .write, .readWrite: text += "publish\t\(rule.topicFilter)\n"
        case .deny: text += "deny\t\(rule.topicFilter)\n"
        case .read: break
        }
      }
    }
    return text + "end\t\(entries.count)\n"
  }
}
