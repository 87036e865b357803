import Files

/// The folder of policy documents: `policies/NAME.json`.
public struct PolicyFolder: Sendable {
  /// The folder.
  public let path: String

  /// The folder at `path`; touches no file.
  public init(_ path: String) { self.path = path }

  /// The file of a policy.
  public func file(of name: String) -> String { Files.join(path, name + ".json") }

  /// The policies' names, in order; empty if the folder doesn't exist.
  public func names() throws(FileError) -> [String] {
    guard Files.exists(path) else { return [] }
    return try Files.list(path, suffix: ".json").map { String($0.dropLast(".json".count)) }
  }

  /// Reads a policy.
  /// - Throws: `IdentityError` if AWS doesn't accept the name, the file can't be read or the document is invalid.
  public func policy(_ name: String) throws(IdentityError) -> PolicyDocument {
    try Registry.check(policyName: name)
    let file = file(of: name)
    return try PolicyDocument(Files.contents(of: file, role: .policy).bytes, file: file)
  }
}
