import FoundationEssentials

internal import COpenSSL

/// The contents of a new certificate; `signed` creates it.
struct CertificateTemplate {
  var commonName: String
  var notBefore: Date
  var notAfter: Date
  /// In OpenSSL's syntax (x509v3_config(5)); use only validated text here.
  var extensions: [(nid: CInt, value: String)]

  /// A version 3 certificate for `key`, signed with SHA-256 by `issuer`, or self-signed if `issuer` is nil.
  func signed(
    for key: PrivateKey, by issuer: (certificate: Certificate, key: PrivateKey)?
  ) throws(IdentityError) -> Certificate {
    try signed(publicKey: key.handle, signer: issuer?.key ?? key, issuer: issuer?.certificate)
  }

  /// The same for a public key whose private key is elsewhere.
  func signed(
    publicKey: OpaquePointer, signer: PrivateKey, issuer: Certificate?
  ) throws(IdentityError) -> Certificate {
    ERR_clear_error()
    guard let handle = X509_new() else { throw .cryptography("make a certificate") }
    guard let certificate = try fill(handle, publicKey, signer, issuer) else {
      throw .cryptography("make a certificate for '\(commonName)'")
    }
    return certificate
  }

  /// Takes ownership of `handle`.
  private func fill(
    _ handle: OpaquePointer, _ publicKey: OpaquePointer, _ signer: PrivateKey, _ issuer: Certificate?
  ) throws(IdentityError) -> Certificate? {
    guard var first = UnixSeconds.of(notBefore), var last = UnixSeconds.of(notAfter), first <= last else {
      X509_free(handle)
      throw IdentityError(
        .invalidValidity,
        "a certificate can't be valid for that time; use dates between the years 1950 and 9999")
    }
    guard
      X509_set_version(handle, 2) == 1, setSerialNumber(handle), setName(handle),
      X509_set_issuer_name(
        handle, X509_get_subject_name(issuer?.handle ?? handle)) == 1,
      X509_time_adj_ex(X509_getm_notBefore(handle), 0, 0, &first) != nil,
      X509_time_adj_ex(X509_getm_notAfter(handle), 0, 0, &last) != nil,
      X509_set_pubkey(handle, publicKey) == 1,
      extensions.allSatisfy({
        ts_x509_add_extension(handle, issuer?.handle ?? handle, $0.nid, $0.value) == 1
      }),
      X509_sign(handle, signer.handle, EVP_sha256()) > 0
    else {
      X509_free(handle)
      return nil
    }
    return Certificate(owning: handle)
  }

  /// Sets a positive serial number of exactly 16 random bytes (RFC 5280 section 4.1.2.2 allows 20).
  private func setSerialNumber(_ handle: OpaquePointer) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 16)
    guard RAND_bytes(&bytes, CInt(bytes.count)) == 1 else { return false }
    bytes[0] = bytes[0] & 0x7F | 0x40
    guard let number = BN_bin2bn(bytes, CInt(bytes.count), nil) else { return false }
    defer { BN_free(number) }
    return BN_to_ASN1_INTEGER(number, X509_get_serialNumber(handle)) != nil
  }

  /// The string's type is given: if OpenSSL chose it, it would reject more than 64 characters, but a thing's name may have 128,
  /// and the broker identifies the device by it.
  private func setName(_ handle: OpaquePointer) -> Bool {
    let name = Array(commonName.utf8)
    return X509_NAME_add_entry_by_NID(
      X509_get_subject_name(handle), NID_commonName, V_ASN1_UTF8STRING, name, CInt(name.count), -1, 0) == 1
  }
}
