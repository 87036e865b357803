/// Tells what a file may be that OpenSSL couldn't read.
enum PEMText {
  enum Wanted { case certificate, privateKey }

  static func contains(_ text: String, in bytes: [UInt8]) -> Bool {
    let wanted = Array(text.utf8)
    guard let first = wanted.first, bytes.count >= wanted.count else { return false }
    return bytes.indices.dropLast(wanted.count - 1).contains { start in
      bytes[start] == first && bytes[start..<(start + wanted.count)].elementsEqual(wanted)
    }
  }

  static func hint(_ bytes: [UInt8], wanting wanted: Wanted) -> String? {
    if wanted == .certificate, contains("PRIVATE KEY-----", in: bytes) {
      return "it holds a private key: are the certificate and the key swapped?"
    }
    if wanted == .privateKey, contains("BEGIN CERTIFICATE-----", in: bytes) {
      return "it holds a certificate: are the certificate and the key swapped?"
    }
    if wanted == .privateKey, contains("PUBLIC KEY-----", in: bytes) {
      return "it holds a public key; give the private one"
    }
    if contains("BEGIN CERTIFICATE REQUEST", in: bytes) || contains("BEGIN NEW CERTIFICATE", in: bytes) {
      return "it holds a request for a certificate; give the certificate that was made from it"
    }
    if bytes.starts(with: [0x30, 0x82]) || bytes.starts(with: [0x30, 0x81]) {
      let command = wanted == .certificate ? "x509" : "pkey"
      return "it looks like DER; convert it with 'openssl \(command) -inform DER -in FILE -out NEW'"
    }
    return nil
  }
}
