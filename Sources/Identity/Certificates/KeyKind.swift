internal import COpenSSL

/// The kinds of private keys that can be created; AWS IoT Core accepts both.
public enum KeyKind: String, Sendable, CaseIterable {
  /// Elliptic curve NIST P-256: small and quick, the default.
  case ecP256
  /// RSA with 2048 bits, for devices that support nothing else.
  case rsa2048

  /// RSA may also be used for key transport in TLS 1.2, which a server's key usage must allow.
  var serverKeyUsage: String {
    switch self {
    case .ecP256: "critical,digitalSignature"
    case .rsa2048: "critical,digitalSignature,keyEncipherment"
    }
  }
}
