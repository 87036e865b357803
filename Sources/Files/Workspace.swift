import Synchronization

/// The folders in which commands keep their files, relative to where they are run.
public struct Workspace: Sendable, Equatable {
  /// The local cloud's side: CA, broker, registry, stores.
  public var data: String
  /// The devices' side: certificates and keys, named as in AWS's connection kit.
  public var certificates: String

  /// Names the folders.
  public init(data: String = "data", certificates: String = "certs") {
    self.data = data
    self.certificates = certificates
  }

  /// The folders of this process. The command line sets them once, before a command begins; each file belongs to exactly
  /// one workspace, so passing it through every call would only let two parts of a process disagree.
  public static var current: Workspace {
    get { chosen.withLock { $0 } }
    set { chosen.withLock { $0 = newValue } }
  }

  private static let chosen = Mutex(Workspace())

  /// The path of a file of the local cloud.
  public static func data(_ name: String) -> String { Files.join(current.data, name) }
}
