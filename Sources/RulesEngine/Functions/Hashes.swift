internal import COpenSSL

extension Functions {
  /// Hashes of a String's UTF-8, in lower-case hexadecimal.
  static let hashes: [Function] = [
    // MD2 makes 18 rounds over 48 bytes for every 16 bytes of the text.
    Function(string: "md2", weight: 64) { .string(hexadecimal(MD2.digest(Array($0.utf8)))) },
    hash("md5", EVP_md5), hash("sha1", EVP_sha1), hash("sha224", EVP_sha224), hash("sha256", EVP_sha256),
    hash("sha384", EVP_sha384), hash("sha512", EVP_sha512),
  ]

  private static func hash(_ name: String, _ algorithm: @escaping @Sendable () -> OpaquePointer?) -> Function
  {
    Function(string: name) { text in
      var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
      var size: UInt32 = 0
      let bytes = Array(text.utf8)
      guard EVP_Digest(bytes, bytes.count, &digest, &size, algorithm(), nil) == 1 else { return .undefined }
      return .string(hexadecimal(digest[..<Int(size)]))
    }
  }

  private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
