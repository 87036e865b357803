internal import COpenSSL

/// The properties that a summary shows.
extension Certificate {
  var serialNumber: String {
    guard let number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(handle), nil) else { return "" }
    defer { BN_free(number) }
    guard let digits = BN_bn2hex(number) else { return "" }
    defer { ts_openssl_free(digits) }
    return String(cString: digits)
  }

  var fingerprint: String {
    var digest = [UInt8](repeating: 0, count: 32)
    var count: UInt32 = 0
    guard X509_digest(handle, EVP_sha256(), &digest, &count) == 1 else { return "" }
    return hexadecimal(digest)
  }

  var keyType: String {
    guard let key = X509_get0_pubkey(handle) else {
      ERR_clear_error()
      return "unknown"
    }
    switch EVP_PKEY_get_base_id(key) {
    case EVP_PKEY_RSA: return "RSA \(EVP_PKEY_get_bits(key))"
    case EVP_PKEY_EC:
      var name = [CChar](repeating: 0, count: 64)
      guard EVP_PKEY_get_group_name(key, &name, name.count, nil) == 1 else { return "EC" }
      let group = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      return "EC " + (group == "prime256v1" ? "P-256" : group)
    case let other: return OBJ_nid2sn(other).map { String(cString: $0) } ?? "unknown"
    }
  }

  var alternativeNames: [String] {
    guard let names = ts_x509_alternative_names(handle) else { return [] }
    defer { GENERAL_NAMES_free(names) }
    return (0..<max(0, ts_general_names_count(names))).map { index in
      var start: UnsafePointer<UInt8>?
      var count: CInt = 0
      let type = ts_general_name(names, index, &start, &count)
      let bytes = Array(UnsafeBufferPointer(start: start, count: Int(count)))
      // Bytes that aren't printable ASCII are escaped: otherwise a name could look like another.
      let text = bytes.map {
        (0x20..<0x7F).contains($0) ? String(Unicode.Scalar($0)) : "\\x" + hexadecimal([$0])
      }
      .joined()
      switch type {
      case GEN_DNS: return "DNS:" + text
      case GEN_EMAIL: return "email:" + text
      case GEN_URI: return "URI:" + text
      case GEN_IPADD: return "IP:" + (AlternativeNames.description(ofAddress: bytes) ?? hexadecimal(bytes))
      default: return "other"
      }
    }
  }

  /// The part of the certificate that has less than 112 bits of security, which OpenSSL's level 2 rejects; nil if none has.
  var weakness: String? {
    guard let key = X509_get0_pubkey(handle) else {
      ERR_clear_error()
      return "key"
    }
    if EVP_PKEY_get_security_bits(key) < 112 { return "key (\(keyType))" }
    var digest: CInt = 0
    var bits: CInt = 0
    guard X509_get_signature_info(handle, &digest, nil, &bits, nil) == 1 else { return nil }
    return bits < 112 ? "signature (\(OBJ_nid2sn(digest).map { String(cString: $0) } ?? "unknown"))" : nil
  }
}

extension PrivateKey {
  /// SHA-256 of the public key's DER form in hexadecimal; as random as the key.
  func fingerprint() throws(IdentityError) -> String {
    ERR_clear_error()
    var digest = [UInt8](repeating: 0, count: 32)
    guard let der = bytesWritten({ i2d_PUBKEY_bio($0, handle) == 1 }),
      EVP_Digest(der, der.count, &digest, nil, EVP_sha256(), nil) == 1
    else { throw .cryptography("encode a public key") }
    return hexadecimal(digest)
  }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(
    decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
