internal import COpenSSL

/// OpenSSL's error queue, of which each thread has its own.
enum OpenSSLReason {
  /// The earliest error's reason in words, without codes and source files; empties the queue.
  static func take() -> String {
    let code = ERR_get_error()
    ERR_clear_error()
    guard code != 0, let reason = ERR_reason_error_string(code) else { return "unknown reason" }
    return String(cString: reason)
  }

  /// Whether the last error says that the text has no (further) PEM block of the wanted kind.
  static var isMissingStartLine: Bool {
    let code = ERR_peek_last_error()
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE
  }
}

/// What `body` writes into a memory BIO; nil if it fails. The BIO's memory is wiped when it is freed.
func bytesWritten(_ body: (OpaquePointer) -> Bool) -> [UInt8]? {
  guard let bio = BIO_new(BIO_s_mem()) else { return nil }
  defer { BIO_free(bio) }
  guard body(bio) else { return nil }
  var start: UnsafeMutablePointer<CChar>?
  let count = ts_bio_memory(bio, &start)
  guard count >= 0 else { return nil }
  return Array(UnsafeRawBufferPointer(start: start, count: count))
}

/// What `body` reads from a memory BIO over `bytes`.
func reading<Result>(_ bytes: [UInt8], _ body: (OpaquePointer) -> Result?) -> Result? {
  ERR_clear_error()
  return bytes.withUnsafeBytes { buffer -> Result? in
    guard let bio = BIO_new_mem_buf(buffer.baseAddress, CInt(clamping: buffer.count)) else { return nil }
    defer { BIO_free(bio) }
    return body(bio)
  }
}
