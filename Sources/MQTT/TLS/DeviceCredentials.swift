internal import COpenSSL

/// A device's certificate, its chain and its private key, read once and shared by all its connections.
public final class DeviceCredentials {
  let certificate: OpaquePointer
  let chain: [OpaquePointer]
  let privateKey: OpaquePointer

  /// Reads both files; throws `MQTTError` of kind `credentials` naming the file that can't be used.
  public init(_ files: DeviceCredentialFiles) throws(MQTTError) {
    ERR_clear_error()
    guard let file = BIO_new_file(files.certificate, "r") else {
      throw MQTTError(.credentials, "can't read the certificate \(files.certificate)")
    }
    defer { BIO_free(file) }
    guard let first = PEM_read_bio_X509(file, nil, nil, nil) else {
      throw MQTTError(
        .credentials, "\(files.certificate) is not a PEM certificate: \(TLSErrorText.last())")
    }
    var rest: [OpaquePointer] = []
    while let next = PEM_read_bio_X509(file, nil, nil, nil) { rest.append(next) }
    do {
      privateKey = try Self.readKey(files)
    } catch {
      X509_free(first)
      for next in rest { X509_free(next) }
      throw error
    }
    certificate = first
    chain = rest
    ERR_clear_error()
  }

  deinit {
    X509_free(certificate)
    for next in chain { X509_free(next) }
    EVP_PKEY_free(privateKey)
  }

  private static func readKey(_ files: DeviceCredentialFiles) throws(MQTTError) -> OpaquePointer {
    guard let file = BIO_new_file(files.privateKey, "r") else {
      throw MQTTError(.credentials, "can't read the private key \(files.privateKey)")
    }
    defer { BIO_free(file) }
    // An empty passphrase keeps OpenSSL from asking on the terminal.
    let key = (files.passphrase ?? "").withCString { passphrase in
      PEM_read_bio_PrivateKey(file, nil, copyPassphrase, UnsafeMutableRawPointer(mutating: passphrase))
    }
    guard let key else {
      throw MQTTError(
        .credentials,
        "\(files.privateKey) is not a usable PEM private key (\(TLSErrorText.last())); "
          + "if it is encrypted, give its passphrase")
    }
    return key
  }
}

private func copyPassphrase(
  _ buffer: UnsafeMutablePointer<CChar>?, _ size: CInt, _ forWriting: CInt, _ data: UnsafeMutableRawPointer?
) -> CInt {
  guard let buffer, let data else { return 0 }
  let passphrase = data.assumingMemoryBound(to: CChar.self)
  var length = 0
  while length < size, passphrase[length] != 0 {
    buffer[length] = passphrase[length]
    length += 1
  }
  return CInt(length)
}

enum TLSErrorText {
  /// OpenSSL's reason of the earliest error that is queued, without codes and source files.
  static func last() -> String {
    let code = ERR_get_error()
    ERR_clear_error()
    guard code != 0, let reason = ERR_reason_error_string(code) else { return "unknown reason" }
    return String(cString: reason)
  }
}
