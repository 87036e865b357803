import Files
import FoundationEssentials
import Glibc

internal import COpenSSL

/// A problem with credentials that work now but need attention.
public struct CredentialWarning: Sendable, Equatable, CustomStringConvertible {
  /// What needs attention.
  public enum Kind: Sendable, Equatable {
    /// Other users may read (or change) the private key.
    case keyReadableByOthers
    /// The certificate expires within `warningDays`.
    case expiresSoon
  }

  /// A certificate that expires in fewer days leads to a warning.
  public static let warningDays = 30

  /// What needs attention.
  public let kind: Kind
  /// The file concerned.
  public let path: String
  /// The problem, the file and what to do.
  public let message: String
  /// The message.
  public var description: String { message }

  /// nil if only the owner has access to the key.
  init?(keyPath: String, mode: mode_t) {
    guard mode & 0o077 != 0 else { return nil }
    kind = .keyReadableByOthers
    path = keyPath
    let digits = String(mode & 0o7777, radix: 8)
    let padded = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    message = "\(keyPath) is readable by others (mode \(padded)); run 'chmod 600 \(keyPath)'"
  }

  /// nil if the certificate doesn't expire soon, or already has.
  init?(path: String, expiring date: Date, now: Date) {
    let left = date.timeIntervalSince(now)
    guard left >= 0, left < TimeInterval(Self.warningDays) * 86_400 else { return nil }
    kind = .expiresSoon
    self.path = path
    message = "\(path) expires on \(CalendarDay.text(date)); replace it before that date"
  }
}

/// Credentials that passed every check.
public struct CheckedCredentials: Sendable, Equatable {
  /// A summary of the device's certificate.
  public let certificate: CertificateSummary
  /// What needs attention, the key first.
  public let warnings: [CredentialWarning]
}

/// Checks a device's credentials before they are used, so that a problem is reported by name and not by a failed
/// handshake.
///
/// In order: the certificate file, the key file, the CA files, the pair, its strength, its times, client authentication, the
/// issuer.
/// - Parameters:
///   - certificate: The device's certificate file, PEM; issuing certificates may follow in it.
///   - key: Its private key file, PEM.
///   - ca: The file of the CA that issued the *server's* certificate; nil for the system's CAs.
///   - passphrase: For an encrypted key.
///   - issuedBy: The file of the CA that must have issued the *device's* certificate; nil to skip this check. AWS's devices
///     and servers have different CAs; those of the local broker have the same.
///   - now: The current time.
/// - Returns: A summary of the certificate, and warnings.
/// - Throws: The first problem, as an `IdentityError` that names the file and what to do next.
public func checkCredentials(
  certificate: String, key: String, ca: String? = nil, passphrase: String? = nil, issuedBy: String? = nil,
  now: Date = Date()
) throws(IdentityError) -> CheckedCredentials {
  func check() throws(IdentityError) -> CheckedCredentials {
    try checkPair(
      certificate: certificate, key: key, ca: ca, passphrase: passphrase, issuedBy: issuedBy, now: now)
  }
  do throws(IdentityError) {
    return try check()
  } catch {
    // Another process may be writing the pair, or was killed while writing it. Locking the folder waits for the former and undoes
    // the latter.
    guard [.keyMismatch, .fileMissing].contains(error.code), Files.isFolder(Files.folder(of: key)),
      (try? LockedFolder(Files.folder(of: key))) != nil
    else { throw error }
    return try check()
  }
}

private func checkPair(
  certificate: String, key: String, ca: String?, passphrase: String?, issuedBy: String?, now: Date
) throws(IdentityError) -> CheckedCredentials {
  let certificateFile = try Files.contents(of: certificate, role: .deviceCertificate)
  let chain = try Certificate.parse(certificateFile.bytes, path: certificate, role: .deviceCertificate)
  let device = chain[0]
  let keyFile = try Files.contents(of: key, role: .deviceKey)
  let privateKey = try PrivateKey.parse(keyFile.bytes, path: key, role: .deviceKey, passphrase: passphrase)
  if let ca { try checkAuthorities(ca, now: now) }
  let issuers = if let issuedBy { try checkAuthorities(issuedBy, now: now) } else { [Certificate]() }

  guard device.matches(privateKey) else {
    throw .keyMismatch(key: key, certificate: certificate, .deviceKey)
  }
  if let weakness = device.weakness { throw .tooWeak(certificate, weakness) }
  guard now <= device.notAfter else { throw .expired(certificate, .deviceCertificate, on: device.notAfter) }
  guard now >= device.notBefore else {
    throw .notYetValid(certificate, from: device.notBefore, now: now)
  }
  if let why = device.clientAuthenticationObstacle {
    throw .clientAuthenticationForbidden(certificate, why: why)
  }
  if let issuedBy, let reason = device.chainProblem(through: chain.dropFirst(), to: issuers, now: now) {
    throw .notIssued(certificate, by: issuedBy, issuer: device.issuer, reason: reason)
  }
  return CheckedCredentials(
    certificate: CertificateSummary(device),
    warnings: [
      CredentialWarning(keyPath: key, mode: keyFile.mode),
      CredentialWarning(path: certificate, expiring: device.notAfter, now: now),
    ].compactMap(\.self))
}

/// A bundle may hold expired CAs: it is rejected only if all have expired, or none is valid yet.
@discardableResult
private func checkAuthorities(_ path: String, now: Date) throws(IdentityError) -> [Certificate] {
  let authorities = try Certificate.parse(
    Files.contents(of: path, role: .authorityCertificate).bytes, path: path, role: .authorityCertificate)
  if let last = authorities.map(\.notAfter).max(), last < now {
    throw .expired(path, .authorityCertificate, on: last)
  }
  if let first = authorities.map(\.notBefore).min(), first > now {
    throw .notYetValid(path, from: first, now: now)
  }
  return authorities
}
