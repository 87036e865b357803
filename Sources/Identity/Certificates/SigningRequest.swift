internal import COpenSSL

/// Owns a certificate signing request (PKCS#10) whose signature was checked.
final class SigningRequest {
  private let handle: OpaquePointer
  /// The request's key; lives as long as the request.
  let publicKey: OpaquePointer

  /// Throws `invalidRequestFile` for a text that is not a request, or a request that isn't signed by its own key.
  init(_ bytes: [UInt8], file: String) throws(IdentityError) {
    ERR_clear_error()
    defer { ERR_clear_error() }
    guard let handle = reading(bytes, { PEM_read_bio_X509_REQ($0, nil, nil, nil) }) else {
      throw IdentityError(
        .invalidRequestFile, path: file,
        "\(file) is not a certificate signing request in PEM form; make one with 'openssl req -new -key KEY -out \(file)'"
      )
    }
    guard let key = X509_REQ_get0_pubkey(handle), X509_REQ_verify(handle, key) == 1 else {
      X509_REQ_free(handle)
      throw IdentityError(
        .invalidRequestFile, path: file, "\(file) isn't signed by its own key, or was changed; make it again")
    }
    self.handle = handle
    publicKey = key
  }

  deinit { X509_REQ_free(handle) }
}
