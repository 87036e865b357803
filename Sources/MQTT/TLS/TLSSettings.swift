/// How a client proves the broker's identity and its own. The safe choice is the default everywhere: TLS 1.2 at
/// least, the broker's certificate and host name verified.
public struct TLSSettings: Sendable, Equatable {
  /// Whom the broker's certificate must come from.
  public enum Trust: Sendable, Equatable {
    /// The certificates in this PEM file.
    case file(String)
    /// The operating system's certificate store.
    case systemRoots
  }

  /// Whom the broker's certificate must come from.
  public var trust: Trust
  /// The protocol to ask for by ALPN: `x-amzn-mqtt-ca` for AWS IoT Core on port 443.
  public var applicationProtocol: String?
  /// The name the broker's certificate must carry; the host that is connected to if nil.
  public var serverName: String?

  /// Settings that trust `trust`.
  public init(trust: Trust, applicationProtocol: String? = nil, serverName: String? = nil) {
    self.trust = trust
    self.applicationProtocol = applicationProtocol
    self.serverName = serverName
  }
}

/// Where a device's certificate and private key are, as PEM files.
public struct DeviceCredentialFiles: Sendable, Equatable {
  /// The certificate, followed by intermediate certificates if it has any.
  public var certificate: String
  /// The private key.
  public var privateKey: String
  /// The passphrase of an encrypted key.
  public var passphrase: String?

  /// The two files, and the key's passphrase.
  public init(certificate: String, privateKey: String, passphrase: String? = nil) {
    self.certificate = certificate
    self.privateKey = privateKey
    self.passphrase = passphrase
  }
}
