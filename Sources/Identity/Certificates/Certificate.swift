import FoundationEssentials

internal import COpenSSL

/// Owns an OpenSSL certificate.
///
/// `@unchecked`: the certificate doesn't change after it is created or parsed, and OpenSSL locks what it caches in it.
final class Certificate: @unchecked Sendable {
  let handle: OpaquePointer
  let notBefore: Date
  let notAfter: Date

  /// Takes ownership. If the times can't be read, frees the handle and returns nil.
  init?(owning handle: OpaquePointer) {
    guard let notBefore = Date(X509_get0_notBefore(handle)), let notAfter = Date(X509_get0_notAfter(handle))
    else {
      X509_free(handle)
      return nil
    }
    self.handle = handle
    self.notBefore = notBefore
    self.notAfter = notAfter
    // Fills the cache of extensions once, before threads share the certificate.
    _ = X509_check_purpose(handle, -1, 0)
    ERR_clear_error()
  }

  deinit { X509_free(handle) }

  /// Reads all certificates of PEM text, at least one; `path` is only used in error messages.
  static func parse(_ bytes: [UInt8], path: String, role: FileRole) throws(IdentityError) -> [Certificate] {
    guard !bytes.isEmpty else { throw .empty(path, role) }
    var certificates: [Certificate] = []
    var damage: String?
    _ = reading(bytes) { bio -> Void? in
      while damage == nil, let handle = PEM_read_bio_X509(bio, nil, nil, nil) {
        if let certificate = Certificate(owning: handle) {
          certificates.append(certificate)
        } else {
          damage = "its dates can't be read"
        }
      }
      if damage == nil, !OpenSSLReason.isMissingStartLine { damage = OpenSSLReason.take() }
      return nil
    }
    ERR_clear_error()
    if let damage { throw .damaged(path, role, reason: damage) }
    guard !certificates.isEmpty else {
      throw .notPEM(path, role, hint: PEMText.hint(bytes, wanting: .certificate))
    }
    return certificates
  }

  func pem() throws(IdentityError) -> [UInt8] {
    ERR_clear_error()
    guard let bytes = bytesWritten({ PEM_write_bio_X509($0, handle) == 1 }) else {
      throw .cryptography("encode a certificate")
    }
    return bytes
  }

  /// The issuer's name as RFC 2253 writes it, control characters escaped.
  var issuer: String { Self.text(of: X509_get_issuer_name(handle)) }
  var subject: String { Self.text(of: X509_get_subject_name(handle)) }
  var subjectCommonName: String? { Self.commonName(of: X509_get_subject_name(handle)) }
  var issuerCommonName: String? { Self.commonName(of: X509_get_issuer_name(handle)) }
  var isAuthority: Bool { X509_check_ca(handle) == 1 }

  func matches(_ key: PrivateKey) -> Bool {
    defer { ERR_clear_error() }
    return X509_check_private_key(handle, key.handle) == 1
  }

  func isSigned(by key: PrivateKey) -> Bool {
    defer { ERR_clear_error() }
    return X509_verify(handle, key.handle) == 1
  }

  private static func text(of name: OpaquePointer?) -> String {
    guard let name, let bytes = bytesWritten({ ts_x509_name_print($0, name) >= 0 }) else { return "" }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The last common name, which is the most specific and the one that servers use.
  private static func commonName(of name: OpaquePointer?) -> String? {
    var found: CInt = -1
    while case let next = X509_NAME_get_index_by_NID(name, NID_commonName, found), next >= 0 { found = next }
    guard found >= 0, let data = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, found)) else {
      return nil
    }
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = ASN1_STRING_to_UTF8(&bytes, data)
    defer { ts_openssl_free(bytes) }
    guard count >= 0 else {
      ERR_clear_error()
      return nil
    }
    return String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
  }
}
