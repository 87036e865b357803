import Files

/// The key pairs whose signatures are accepted, from a file in the form of `~/.aws/credentials`.
public struct AWSCredentials: Sendable {
  /// Secrets by access key.
  let secrets: [String: String]

  /// Reads the file. Returns nil if there is none; any key is accepted then, and signatures aren't checked.
  ///
  /// Throws `AWSAPIError` naming file and line.
  public init?(file path: String) throws(AWSAPIError) {
    guard Files.exists(path) else { return nil }
    let text: String
    do {
      text = try Files.readText(path)
    } catch {
      throw AWSAPIError(description: "\(error)")
    }
    var secrets: [String: String] = [:]
    var key: String?
    for (index, line) in text.split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline
    ).enumerated() {
      let line = line.trimmed
      if line.isEmpty || line.hasPrefix("#") || line.hasPrefix(";") { continue }
      if line.hasPrefix("[") {
        key = nil
        continue
      }
      guard let equals = line.firstIndex(of: "=") else {
        throw AWSAPIError(description: "\(path):\(index + 1): write NAME = VALUE")
      }
      let value = String(line[line.index(after: equals)...].trimmed)
      switch String(line[..<equals].trimmed) {
      case "aws_access_key_id": key = value
      case "aws_secret_access_key":
        guard let key else {
          throw AWSAPIError(
            description: "\(path):\(index + 1): aws_access_key_id must come before the secret")
        }
        secrets[key] = value
      default: continue
      }
    }
    guard !secrets.isEmpty else {
      throw AWSAPIError(
        description:
          "\(path) has no aws_access_key_id with an aws_secret_access_key; remove it to accept any key")
    }
    self.secrets = secrets
  }
}

/// Why the API isn't available.
public struct AWSAPIError: Error, CustomStringConvertible {
  /// What is wrong and what to do.
  public let description: String
}

extension Substring {
  fileprivate var trimmed: Substring {
    var text = drop { $0.isWhitespace }
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }
}
