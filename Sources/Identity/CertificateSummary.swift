import Files
import FoundationEssentials

internal import COpenSSL

/// The properties of a certificate, for listings and messages.
public struct CertificateSummary: Sendable, Equatable {
  /// The subject as RFC 2253 writes it, control characters escaped: safe to print.
  public let subject: String
  /// The subject's (last) common name, unescaped: it may hold any character, so quote it before printing.
  public let commonName: String?
  /// The issuer as RFC 2253 writes it.
  public let issuer: String
  /// The issuer's (last) common name, unescaped.
  public let issuerCommonName: String?
  /// The serial number in hexadecimal, upper case, as `openssl x509 -serial` prints it.
  public let serialNumber: String
  /// The first second of its validity.
  public let notBefore: Date
  /// The last second of its validity.
  public let notAfter: Date
  /// SHA-256 of the DER form, 64 lower case hexadecimal digits: AWS IoT's certificateId.
  public let fingerprint: String
  /// The subject alternative names, in order, such as `DNS:localhost` and `IP:127.0.0.1`; other kinds are `other`.
  public let subjectAlternativeNames: [String]
  /// The key's algorithm and size, such as `EC P-256` or `RSA 2048`.
  public let keyType: String
  /// Whether it may issue other certificates.
  public let isAuthority: Bool

  /// Reads the first certificate of a PEM file.
  /// - Throws: `IdentityError` naming the file: missing, unreadable, empty, not PEM, damaged.
  public init(file path: String) throws(IdentityError) {
    self.init(
      try Certificate.parse(
        Files.contents(of: path, role: .certificate).bytes, path: path, role: .certificate)[0])
  }

  /// Reads the first certificate of PEM text; `source` names it in errors.
  public init(pem: some Sequence<UInt8>, source: String = "the text") throws(IdentityError) {
    self.init(try Certificate.parse(Array(pem), path: source, role: .certificate)[0])
  }

  init(_ certificate: Certificate) {
    subject = certificate.subject
    commonName = certificate.subjectCommonName
    issuer = certificate.issuer
    issuerCommonName = certificate.issuerCommonName
    serialNumber = certificate.serialNumber
    notBefore = certificate.notBefore
    notAfter = certificate.notAfter
    fingerprint = certificate.fingerprint
    subjectAlternativeNames = certificate.alternativeNames
    keyType = certificate.keyType
    isAuthority = certificate.isAuthority
  }
}
