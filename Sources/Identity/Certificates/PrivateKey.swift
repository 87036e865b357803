internal import COpenSSL

/// Owns an OpenSSL key.
///
/// `@unchecked`: the handle is set once, and OpenSSL lets threads read and sign with one key at the same time
/// (openssl-threads(7)).
final class PrivateKey: @unchecked Sendable {
  let handle: OpaquePointer

  private init(owning handle: OpaquePointer) { self.handle = handle }

  deinit { EVP_PKEY_free(handle) }

  static func generate(_ kind: KeyKind) throws(IdentityError) -> PrivateKey {
    ERR_clear_error()
    let handle =
      switch kind {
      case .ecP256: ts_evp_generate_p256()
      case .rsa2048: ts_evp_generate_rsa2048()
      }
    guard let handle else { throw .cryptography("make a private key") }
    return PrivateKey(owning: handle)
  }

  /// Reads the first private key of PEM text; `path` is only used in error messages.
  static func parse(
    _ bytes: [UInt8], path: String, role: FileRole, passphrase: String? = nil
  ) throws(IdentityError) -> PrivateKey {
    guard !bytes.isEmpty else { throw .empty(path, role) }
    var request = PassphraseRequest(passphrase: passphrase.map { Array($0.utf8) })
    let handle = withUnsafeMutablePointer(to: &request) { request in
      reading(bytes) { PEM_read_bio_PrivateKey($0, nil, answerPassphrase, request) }
    }
    defer { ERR_clear_error() }
    if let handle { return PrivateKey(owning: handle) }
    if request.wasAsked { throw .passphrase(path, given: passphrase != nil) }
    if PEMText.contains("PRIVATE KEY-----", in: bytes) {
      throw .damaged(path, role, reason: OpenSSLReason.take())
    }
    throw .notPEM(path, role, hint: PEMText.hint(bytes, wanting: .privateKey))
  }

  /// PKCS#8 in PEM, not encrypted.
  func pem() throws(IdentityError) -> [UInt8] {
    ERR_clear_error()
    guard let bytes = bytesWritten({ PEM_write_bio_PrivateKey($0, handle, nil, nil, 0, nil, nil) == 1 })
    else {
      throw .cryptography("encode a private key")
    }
    return bytes
  }

  /// The form of the key's own algorithm in PEM, not encrypted: PKCS#1 for RSA, SEC 1 for elliptic curves.
  func traditionalPEM() throws(IdentityError) -> [UInt8] {
    ERR_clear_error()
    guard
      let bytes = bytesWritten({
        PEM_write_bio_PrivateKey_traditional($0, handle, nil, nil, 0, nil, nil) == 1
      })
    else { throw .cryptography("encode a private key") }
    return bytes
  }

  /// The public key in PEM.
  func publicPEM() throws(IdentityError) -> [UInt8] {
    ERR_clear_error()
    guard let bytes = bytesWritten({ PEM_write_bio_PUBKEY($0, handle) == 1 }) else {
      throw .cryptography("encode a public key")
    }
    return bytes
  }
}

/// The passphrase for OpenSSL's callback, and whether it asked for one.
private struct PassphraseRequest {
  let passphrase: [UInt8]?
  var wasAsked = false
}

/// Answers with the request's passphrase. Without this callback OpenSSL would ask on the terminal.
private func answerPassphrase(
  _ buffer: UnsafeMutablePointer<CChar>?, _ size: CInt, _ forWriting: CInt, _ data: UnsafeMutableRawPointer?
) -> CInt {
  guard let buffer, let request = data?.assumingMemoryBound(to: PassphraseRequest.self) else { return -1 }
  request.pointee.wasAsked = true
  guard let passphrase = request.pointee.passphrase, passphrase.count <= Int(size) else { return -1 }
  UnsafeMutableRawBufferPointer(start: buffer, count: Int(size)).copyBytes(from: passphrase)
  return CInt(passphrase.count)
}
