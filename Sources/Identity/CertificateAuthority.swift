import Files
import FoundationEssentials
import Glibc

internal import COpenSSL

/// A new certificate and its private key. Printing it shows neither; the key is only in `privateKeyPEM`.
public struct IssuedCertificate: Sendable, CustomStringConvertible, CustomReflectable {
  /// The certificate, PEM.
  public let certificatePEM: String
  /// The private key, PKCS#8 in PEM, not encrypted: keep it out of logs, and in files of mode 0600.
  public let privateKeyPEM: String
  /// The same key in the form that AWS IoT issues: PKCS#1 for RSA keys, SEC 1 for elliptic curves.
  package let traditionalPrivateKeyPEM: String
  /// The public key, SubjectPublicKeyInfo in PEM.
  package let publicKeyPEM: String

  /// A description without the key.
  public var description: String { "a certificate of \(certificatePEM.utf8.count) bytes and its private key" }
  /// Without children, so that `dump` and failed expectations don't show the key.
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// The local certificate authority: `root-CA.crt` and `root-CA.private.key` in a folder, created on first use.
///
/// Certificates follow RFC 5280: version 3, SHA-256, a serial number of 16 random bytes, subject and authority key identifiers.
/// Their validity begins five minutes before `now`, because clocks differ.
public struct CertificateAuthority: Sendable {
  /// How long the CA's own certificate is valid: 3650 days.
  public static let validityDays = 3650
  static let clockSkew: TimeInterval = 300

  /// The CA's certificate file, which clients and the broker use.
  public let certificatePath: String
  /// The CA's private key file, mode 0600.
  public let privateKeyPath: String
  /// Whether the initializer created the CA or its certificate.
  public let isNew: Bool
  /// Problems that don't stop the CA from working but need attention.
  public let warnings: [CredentialWarning]

  private let certificate: Certificate
  private let key: PrivateKey

  /// Loads the CA of `directory`, or creates the folder and a CA in it.
  ///
  /// A key without a certificate, which a killed run may leave behind, gets a new certificate. The CA's name is derived from the
  /// key, so certificates issued earlier stay valid. Processes that do this at the same time wait for each other.
  /// - Parameters:
  ///   - directory: The folder of the certificates, such as `certs`.
  ///   - keyKind: The kind of a new CA's key.
  ///   - now: The current time.
  /// - Throws: `IdentityError` with the file: unreadable, damaged, not a CA, expired, a key that doesn't match, a foreign root
  ///   without a key, or a folder that can't be written.
  public init(
    directory: String, keyKind: KeyKind = .ecP256, now: Date = Date()
  ) throws(IdentityError) {
    let certificatePath = Files.join(directory, ConnectionKit.rootFileName)
    let keyPath = Files.join(directory, ConnectionKit.rootKeyFileName)
    self.certificatePath = certificatePath
    self.privateKeyPath = keyPath
    let folder = try LockedFolder.lock(directory)
    let hasKey = Files.exists(keyPath)
    var warnings: [CredentialWarning] = []
    if hasKey {
      let file = try Files.contents(of: keyPath, role: .authorityKey)
      key = try PrivateKey.parse(file.bytes, path: keyPath, role: .authorityKey)
      if let warning = CredentialWarning(keyPath: keyPath, mode: file.mode) { warnings.append(warning) }
    } else if Files.exists(certificatePath) {
      throw .authorityKeyMissing(key: keyPath, certificate: certificatePath)
    } else {
      key = try PrivateKey.generate(keyKind)
    }
    isNew = !Files.exists(certificatePath)
    if isNew {
      certificate = try Self.makeCertificate(of: key, now: now)
      let keyFile = hasKey ? [] : [(ConnectionKit.rootKeyFileName, try key.pem(), mode_t(0o600))]
      try folder.write(keyFile + [(ConnectionKit.rootFileName, certificate.pem(), 0o644)])
    } else {
      certificate = try Self.load(certificatePath, key: key, keyPath: keyPath, now: now)
      if let warning = CredentialWarning(path: certificatePath, expiring: certificate.notAfter, now: now) {
        warnings.append(warning)
      }
    }
    self.warnings = warnings
  }

  /// A summary of the CA's certificate.
  public var summary: CertificateSummary { CertificateSummary(certificate) }

  /// The CA's certificate, PEM.
  public func certificatePEM() throws(IdentityError) -> String {
    String(decoding: try certificate.pem(), as: UTF8.self)
  }

  /// Issues a certificate and a key for a device: for client authentication only, valid for `days` but no longer than the CA.
  /// - Throws: `invalidName` unless AWS IoT accepts `commonName` as a thing's name, `invalidValidity` unless `days` is from 1 day
  ///   to 100 years, `expired` if the CA has expired.
  public func issueDevice(
    commonName: String, days: Int = 365, keyKind: KeyKind = .ecP256, now: Date = Date()
  ) throws(IdentityError) -> IssuedCertificate {
    try ConnectionKit.validate(deviceName: commonName)
    return try issue(
      commonName, days: days, keyKind: keyKind, now: now,
      extensions: Self.deviceExtensions)
  }

  /// Issues a certificate and a key for a server: for server authentication only, with the given names and addresses.
  /// - Parameters:
  ///   - commonName: 1 to 64 bytes; clients check the alternative names instead.
  ///   - dnsNames: Host names; a leading `*.` is allowed.
  ///   - ipAddresses: IPv4 or IPv6 addresses as inet_pton(3) reads them.
  /// - Throws: `invalidName` or `invalidAlternativeName` for a name that a certificate can't hold, or if there is none;
  ///   `invalidValidity` and `expired` as for devices.
  public func issueServer(
    commonName: String, dnsNames: [String] = [], ipAddresses: [String] = [], days: Int = 365,
    keyKind: KeyKind = .ecP256, now: Date = Date()
  ) throws(IdentityError) -> IssuedCertificate {
    guard (1...64).contains(commonName.utf8.count), !commonName.unicodeScalars.contains(where: \.isUnsafe)
    else {
      throw IdentityError(
        .invalidName, "a server's common name has 1 to 64 bytes and no control characters; use its host name")
    }
    let names = try AlternativeNames.text(dnsNames: dnsNames, ipAddresses: ipAddresses)
    return try issue(
      commonName, days: days, keyKind: keyKind, now: now,
      extensions: [
        (NID_key_usage, keyKind.serverKeyUsage),
        (NID_ext_key_usage, "serverAuth"),
        (NID_subject_alt_name, names),
      ])
  }

  /// Issues a certificate for the key of a certificate signing request (PKCS#10, PEM): the key stays with the device. The
  /// request's names and extensions are ignored.
  /// - Throws: `invalidRequestFile` for a text that isn't a request or isn't signed by its own key, `tooWeak`, and as for
  ///   devices.
  public func signDevice(
    request: [UInt8], file: String, commonName: String, days: Int = 365, now: Date = Date()
  ) throws(IdentityError) -> String {
    try ConnectionKit.validate(deviceName: commonName)
    let request = try SigningRequest(request, file: file)
    let issued = try template(
      commonName, days: days, now: now, extensions: Self.deviceExtensions
    ).signed(publicKey: request.publicKey, signer: key, issuer: certificate)
    if let weakness = issued.weakness { throw .tooWeak(file, weakness) }
    return String(decoding: try issued.pem(), as: UTF8.self)
  }

  private static let deviceExtensions: [(nid: CInt, value: String)] = [
    (NID_key_usage, "critical,digitalSignature"), (NID_ext_key_usage, "clientAuth"),
  ]

  private func issue(
    _ commonName: String, days: Int, keyKind: KeyKind, now: Date, extensions: [(nid: CInt, value: String)]
  ) throws(IdentityError) -> IssuedCertificate {
    let deviceKey = try PrivateKey.generate(keyKind)
    let issued = try template(commonName, days: days, now: now, extensions: extensions).signed(
      for: deviceKey, by: (certificate, key))
    return IssuedCertificate(
      certificatePEM: String(decoding: try issued.pem(), as: UTF8.self),
      privateKeyPEM: String(decoding: try deviceKey.pem(), as: UTF8.self),
      traditionalPrivateKeyPEM: String(decoding: try deviceKey.traditionalPEM(), as: UTF8.self),
      publicKeyPEM: String(decoding: try deviceKey.publicPEM(), as: UTF8.self))
  }

  private func template(
    _ commonName: String, days: Int, now: Date, extensions: [(nid: CInt, value: String)]
  ) throws(IdentityError) -> CertificateTemplate {
    guard (1...36_525).contains(days) else {
      throw IdentityError(.invalidValidity, "a certificate can't be valid for \(days) days; use 1 to 36525")
    }
    guard now <= certificate.notAfter else {
      throw .expired(certificatePath, .authorityCertificate, on: certificate.notAfter)
    }
    return CertificateTemplate(
      commonName: commonName, notBefore: now - Self.clockSkew,
      notAfter: min(now + TimeInterval(days) * 86_400, certificate.notAfter),
      extensions: [(NID_basic_constraints, "critical,CA:FALSE")] + extensions + [
        (NID_subject_key_identifier, "hash"),
        (NID_authority_key_identifier, "keyid:always"),
      ])
  }

  /// The beginning of every local CA's common name.
  package static let namePrefix = "trucksensor local CA"

  private static func makeCertificate(of key: PrivateKey, now: Date) throws(IdentityError) -> Certificate {
    try CertificateTemplate(
      commonName: "\(namePrefix) \(key.fingerprint().prefix(8))", notBefore: now - clockSkew,
      notAfter: now + TimeInterval(validityDays) * 86_400,
      extensions: [
        (NID_basic_constraints, "critical,CA:TRUE,pathlen:0"),
        (NID_key_usage, "critical,keyCertSign,cRLSign"),
        (NID_subject_key_identifier, "hash"),
      ]
    ).signed(for: key, by: nil)
  }

  private static func load(
    _ path: String, key: PrivateKey, keyPath: String, now: Date
  ) throws(IdentityError) -> Certificate {
    let bytes = try Files.contents(of: path, role: .authorityCertificate).bytes
    let certificate = try Certificate.parse(bytes, path: path, role: .authorityCertificate)[0]
    guard certificate.matches(key) else {
      throw .keyMismatch(key: keyPath, certificate: path, .authorityKey)
    }
    guard certificate.isAuthority else { throw .notAnAuthority(path) }
    guard certificate.isSigned(by: key) else {
      throw .damaged(path, .authorityCertificate, reason: "its signature is wrong")
    }
    guard now <= certificate.notAfter else {
      throw .expired(path, .authorityCertificate, on: certificate.notAfter)
    }
    guard now >= certificate.notBefore else {
      throw .notYetValid(path, from: certificate.notBefore, now: now)
    }
    return certificate
  }
}
