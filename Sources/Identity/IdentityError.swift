import FoundationEssentials

/// Why a certificate, a key, a name or an access rule can't be used, in one sentence for a person.
public struct IdentityError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong. `path` tells whether it concerns the device's file or the CA's.
  public enum Code: Sendable, Equatable, CaseIterable {
    /// A device name that AWS IoT doesn't accept as a thing's name, or that belongs to the CA's own files.
    case invalidName
    /// A DNS name or IP address that a certificate can't hold.
    case invalidAlternativeName
    /// A number of days or a time that certificates can't hold.
    case invalidValidity
    /// An access rule that would change the meaning of the ACL file.
    case invalidAccessRule
    /// There is no such file.
    case fileMissing
    /// The operating system doesn't let us read the file.
    case unreadable
    /// A folder, a pipe or a device where a file should be.
    case notAFile
    /// Far larger than any certificate or key.
    case tooLarge
    /// The file has no bytes.
    case empty
    /// No PEM block of the expected kind in the file.
    case notPEM
    /// A PEM block whose content can't be decoded.
    case damaged
    /// The key is encrypted and no passphrase was given.
    case passphraseMissing
    /// The key is encrypted with another passphrase.
    case passphraseWrong
    /// The private key belongs to another certificate.
    case keyMismatch
    /// The key or the signature is weaker than TLS accepts (112 bits of security).
    case tooWeak
    /// The certificate has expired.
    case expired
    /// The certificate isn't valid yet.
    case notYetValid
    /// Key usage or extended key usage forbid client authentication.
    case clientAuthenticationForbidden
    /// The certificate wasn't issued by the given CA.
    case notIssuedByAuthority
    /// The certificate isn't allowed to issue others.
    case notAnAuthority
    /// A CA certificate without its private key, which can't issue certificates.
    case authorityKeyMissing
    /// The file exists and may not be overwritten.
    case alreadyExists
    /// The operating system doesn't let us write.
    case unwritable
    /// OpenSSL failed unexpectedly.
    case cryptography
    /// An invalid policy document.
    case invalidPolicy
    /// A registry file that is damaged or has a newer version.
    case invalidRegistry
    /// A file that is not a certificate signing request, or one that isn't signed by its own key.
    case invalidRequestFile
    /// AWS's ResourceNotFoundException.
    case notFound
    /// AWS's ResourceAlreadyExistsException.
    case conflict
    /// AWS's LimitExceededException.
    case limitExceeded
    /// AWS's InvalidRequestException.
    case invalidRequest
    /// AWS's DeleteConflictException.
    case inUse
  }

  /// What is wrong.
  public let code: Code
  /// The file concerned, as the caller wrote it; nil if there is none.
  public let path: String?
  /// What happened, where, and what to do next. Never holds key material or a passphrase.
  public let message: String

  /// What an error is about.
  public enum Subject: Sendable {
    /// The registry, a policy or a request is wrong.
    case data
    /// The credentials of a device or of the CA are wrong.
    case credentials
    /// The operating system failed.
    case system
  }

  /// What the error is about.
  public var subject: Subject {
    switch code {
    case .invalidPolicy, .invalidRegistry, .invalidRequestFile, .notFound, .conflict, .limitExceeded,
      .invalidRequest, .inUse:
      .data
    case .unwritable: .system
    default: .credentials
    }
  }

  /// Makes an error from its parts.
  public init(_ code: Code, path: String? = nil, _ message: String) {
    self.code = code
    self.path = path
    self.message = message
  }

  /// The message.
  public var description: String { message }
}

/// The purpose of a file, which decides the advice in messages.
enum FileRole {
  case deviceCertificate, deviceKey, authorityCertificate, authorityKey, certificate, request, registry,
    policy

  var noun: String {
    switch self {
    case .deviceCertificate, .certificate: "certificate"
    case .deviceKey: "private key"
    case .authorityCertificate: "CA certificate"
    case .authorityKey: "CA's private key"
    case .request: "certificate signing request"
    case .registry: "registry"
    case .policy: "policy"
    }
  }

  var pemKind: String {
    switch self {
    case .deviceKey, .authorityKey: "private key"
    default: "certificate"
    }
  }

  /// What to do about a file that can't be repaired.
  var replacement: String {
    switch self {
    case .deviceCertificate: "delete it and its key, and the next run makes a new one"
    case .deviceKey: "delete it and its certificate, and the next run makes a new one"
    case .authorityCertificate, .authorityKey:
      "if it's the local CA, delete \(ConnectionKit.rootFileName), \(ConnectionKit.rootKeyFileName) and the "
        + "devices' certificates, and the next run makes new ones; otherwise get it again from its owner"
    case .certificate: "get a new one from its issuer"
    case .request: "make it again with 'openssl req -new -key KEY'"
    case .registry: "remove it: 'run' registers its devices again"
    case .policy: "write it again, as in policies/truckSensor-policy.json"
    }
  }
}

/// The messages of the module that several places use, or that give advice on files.
extension IdentityError {
  static func missing(_ path: String, _ role: FileRole) -> Self {
    let advice =
      switch role {
      case .deviceCertificate, .deviceKey:
        "check the path and the device's name, or make a new device with 'trucksensor provision thing NAME'"
      case .policy: "check the policy's name; 'trucksensor provision policy list' shows all"
      default: "check the path"
      }
    return Self(.fileMissing, path: path, "the \(role.noun) \(path) is missing; \(advice)")
  }

  static func unreadable(_ path: String, _ role: FileRole, reason: String) -> Self {
    Self(
      .unreadable, path: path,
      "can't read the \(role.noun) \(path): \(reason); give this user read permission on it and its folder")
  }

  static func notAFile(_ path: String, _ role: FileRole, isDirectory: Bool) -> Self {
    Self(
      .notAFile, path: path,
      "\(path) is \(isDirectory ? "a folder" : "not a regular file"); give the path of the \(role.noun) file")
  }

  static func tooLarge(_ path: String, _ role: FileRole, limit: Int) -> Self {
    Self(
      .tooLarge, path: path,
      "\(path) is larger than \(limit / 1024) KiB so it is not a \(role.noun); check the path")
  }

  static func empty(_ path: String, _ role: FileRole) -> Self {
    Self(.empty, path: path, "the \(role.noun) \(path) is empty; \(role.replacement)")
  }

  static func notPEM(_ path: String, _ role: FileRole, hint: String?) -> Self {
    Self(
      .notPEM, path: path,
      "\(path) doesn't contain a \(role.pemKind) in PEM form; \(hint ?? "check the path")")
  }

  static func damaged(_ path: String, _ role: FileRole, reason: String) -> Self {
    Self(.damaged, path: path, "the \(role.noun) \(path) is damaged (\(reason)); \(role.replacement)")
  }

  static func passphrase(_ path: String, given: Bool) -> Self {
    given
      ? Self(
        .passphraseWrong, path: path,
        "the private key \(path) can't be decrypted with the given passphrase; check the passphrase")
      : Self(
        .passphraseMissing, path: path,
        "the private key \(path) is encrypted; give its passphrase, or use a key without one")
  }

  static func keyMismatch(key: String, certificate: String, _ role: FileRole) -> Self {
    Self(
      .keyMismatch, path: key,
      "the private key \(key) doesn't belong to the certificate \(certificate); use the pair that was made "
        + "together, or \(role == .authorityKey ? role.replacement : "delete both, and the next run makes new ones")"
    )
  }

  static func expired(_ path: String, _ role: FileRole, on date: Date) -> Self {
    Self(.expired, path: path, "\(path) expired on \(CalendarDay.text(date)); \(role.replacement)")
  }

  static func notYetValid(_ path: String, from date: Date, now: Date) -> Self {
    Self(
      .notYetValid, path: path,
      "\(path) is only valid from \(CalendarDay.text(date)), and this machine's clock says "
        + "\(CalendarDay.text(now)); set the clock, or wait")
  }

  static func tooWeak(_ path: String, _ what: String) -> Self {
    Self(
      .tooWeak, path: path,
      "\(path) has a \(what) that TLS no longer accepts; make one with P-256 or RSA 2048 and SHA-256")
  }

  static func clientAuthenticationForbidden(_ path: String, why: String) -> Self {
    Self(
      .clientAuthenticationForbidden, path: path,
      "\(path) doesn't allow client authentication (\(why)); use a device's certificate, not a server's or CA's"
    )
  }

  static func notIssued(_ path: String, by authority: String, issuer: String, reason: String) -> Self {
    Self(
      .notIssuedByAuthority, path: path,
      "\(path) wasn't issued by the CA in \(authority) but by '\(issuer)' (\(reason)); delete it and its key, "
        + "and the next run makes a new one, or give the CA that issued it")
  }

  static func notAnAuthority(_ path: String) -> Self {
    Self(
      .notAnAuthority, path: path,
      "\(path) is not a CA certificate and can't issue others; \(FileRole.authorityCertificate.replacement)")
  }

  static func authorityKeyMissing(key: String, certificate: String) -> Self {
    Self(
      .authorityKeyMissing, path: key,
      "\(certificate) has no private key \(key) beside it, so no certificate can be made here: it is another "
        + "authority's root (such as AWS's); use another folder, or move it away and the next run makes a local CA"
    )
  }

  static func alreadyExists(_ path: String) -> Self {
    Self(
      .alreadyExists, path: path,
      "\(path) exists already and stays as it is; move it away first, or ask to overwrite it")
  }

  static func foreignRoot(_ path: String, key: String) -> Self {
    Self(
      .alreadyExists, path: path,
      "\(path) is the local CA whose key is \(key), and stays as it is; write this kit to another folder")
  }

  static func cryptography(_ action: String) -> Self {
    Self(.cryptography, "can't \(action): OpenSSL says '\(OpenSSLReason.take())'")
  }
}
