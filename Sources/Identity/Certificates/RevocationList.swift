import FoundationEssentials

internal import COpenSSL

/// Certificate revocation lists (RFC 5280 section 5).
enum RevocationList {
  private static let validity: TimeInterval = 365 * 86_400

  /// A list in PEM, signed by the authority that issued the certificates.
  static func pem(
    serialNumbers: [String], issuer: Certificate, key: PrivateKey, now: Date
  ) throws(IdentityError) -> String {
    ERR_clear_error()
    let problem = IdentityError.cryptography("make a certificate revocation list")
    guard let list = X509_CRL_new() else { throw problem }
    defer { X509_CRL_free(list) }
    // The authority's clock may be a little ahead of the broker's.
    guard let begin = time(now - CertificateAuthority.clockSkew), let end = time(now + validity) else {
      throw problem
    }
    defer {
      ASN1_TIME_free(begin)
      ASN1_TIME_free(end)
    }
    guard X509_CRL_set_version(list, 1) == 1,
      X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer.handle)) == 1,
      X509_CRL_set1_lastUpdate(list, begin) == 1, X509_CRL_set1_nextUpdate(list, end) == 1
    else { throw problem }
    for number in Set(serialNumbers).sorted() {
      var value: OpaquePointer?
      guard BN_hex2bn(&value, number) > 0, let value else { throw problem }
      defer { BN_free(value) }
      guard let serial = BN_to_ASN1_INTEGER(value, nil) else { throw problem }
      defer { ASN1_INTEGER_free(serial) }
      guard let entry = X509_REVOKED_new() else { throw problem }
      guard X509_REVOKED_set_serialNumber(entry, serial) == 1,
        X509_REVOKED_set_revocationDate(entry, begin) == 1, X509_CRL_add0_revoked(list, entry) == 1
      else {
        X509_REVOKED_free(entry)
        throw problem
      }
    }
    guard X509_CRL_sort(list) == 1, X509_CRL_sign(list, key.handle, EVP_sha256()) > 0,
      let bytes = bytesWritten({ PEM_write_bio_X509_CRL($0, list) == 1 })
    else { throw problem }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether PEM text holds a list with a good signature of the key.
  static func isSigned(_ text: [UInt8], by key: PrivateKey) -> Bool {
    defer { ERR_clear_error() }
    guard let list = reading(text, { PEM_read_bio_X509_CRL($0, nil, nil, nil) }) else { return false }
    defer { X509_CRL_free(list) }
    return X509_CRL_verify(list, key.handle) == 1
  }

  private static func time(_ date: Date) -> UnsafeMutablePointer<ASN1_TIME>? {
    guard let seconds = UnixSeconds.of(date) else { return nil }
    return ASN1_TIME_set(nil, seconds)
  }
}
