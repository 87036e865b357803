import FoundationEssentials

internal import COpenSSL

/// The checks that a server will make.
extension Certificate {
  /// Why the extensions forbid client authentication, as part of a sentence; nil if they don't.
  var clientAuthenticationObstacle: String? {
    defer { ERR_clear_error() }
    let extendedUsage = X509_get_extended_key_usage(handle)
    let usage = X509_get_key_usage(handle)
    let signs = UInt32(KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT)
    if extendedUsage != .max, extendedUsage & UInt32(XKU_SSL_CLIENT) == 0 {
      return "its extended key usage lacks clientAuth"
    }
    if usage != .max, usage & signs == 0 { return "its key usage lacks digitalSignature" }
    return X509_check_purpose(handle, X509_PURPOSE_SSL_CLIENT, 0) == 1 ? nil : "its extensions forbid it"
  }

  /// OpenSSL's reason why no chain leads from this certificate through `intermediates` to one of `authorities`; nil if one does.
  /// The authority needn't be a root.
  func chainProblem(
    through intermediates: some Sequence<Certificate>, to authorities: [Certificate], now: Date
  ) -> String? {
    ERR_clear_error()
    defer { ERR_clear_error() }
    let outOfMemory = "out of memory"
    guard let store = X509_STORE_new() else { return outOfMemory }
    defer { X509_STORE_free(store) }
    for authority in authorities { X509_STORE_add_cert(store, authority.handle) }
    guard let untrusted = ts_x509_stack_new() else { return outOfMemory }
    defer { ts_x509_stack_free(untrusted) }
    // The stack doesn't own the certificates, so they are kept alive here.
    let intermediates = Array(intermediates)
    return withExtendedLifetime(intermediates) {
      for intermediate in intermediates { _ = ts_x509_stack_push(untrusted, intermediate.handle) }
      guard let context = X509_STORE_CTX_new(), X509_STORE_CTX_init(context, store, handle, untrusted) == 1
      else { return outOfMemory }
      defer { X509_STORE_CTX_free(context) }
      X509_STORE_CTX_set_flags(context, UInt(X509_V_FLAG_PARTIAL_CHAIN))
      if let seconds = UnixSeconds.of(now) { X509_STORE_CTX_set_time(context, 0, seconds) }
      guard X509_verify_cert(context) != 1 else { return nil }
      return String(cString: X509_verify_cert_error_string(Int(X509_STORE_CTX_get_error(context))))
    }
  }
}
