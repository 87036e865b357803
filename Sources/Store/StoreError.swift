/// An error of a store.
public struct StoreError: Error, Sendable, CustomStringConvertible {
  /// The kinds that a program tells apart.
  public enum Kind: Sendable {
    /// Another process is writing; a later attempt may succeed.
    case locked
    /// No space, or a limit on the file's size.
    case full
    /// The file or its folder can't be written.
    case readOnly
    /// The file's content contradicts itself.
    case damaged
    /// The file is something else.
    case notAStore
    /// Made by a newer version of this program.
    case newerVersion
    /// There is no such file, table, or server.
    case missing
    /// A statement that SQL or this store refuses.
    case statement
    /// Its time limit was reached, or the user interrupted.
    case interrupted
    /// An invalid URL, name or value.
    case invalid
    /// A server can't be reached, or has a temporary failure.
    case unreachable
    /// A server refuses the credentials.
    case refused
    /// Reading or writing failed otherwise.
    case system
  }

  /// What kind it is.
  public let kind: Kind
  /// A sentence for a person: what happened, where, what to do.
  public let message: String

  /// An error of `kind`.
  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  /// The message.
  public var description: String { message }

  /// Whether the same write may succeed later.
  public var isRetryable: Bool {
    switch kind {
    case .locked, .full, .readOnly, .damaged, .missing, .unreachable, .refused, .system, .notAStore,
      .newerVersion, .interrupted:
      true
    case .statement, .invalid: false
    }
  }
}
