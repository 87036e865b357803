import Files

internal import COpenSSL

/// The TLS settings shared by all connections of one loop. One OpenSSL context for all clients instead of one each
/// saves 23 KiB a client and a third of the handshake's time.
///
/// libmosquitto makes each connection's `SSL` and begins its handshake inside one call, so a connection gets its
/// certificate, server name and host verification from the info callback at the handshake's start; `connecting` says
/// for whom.
public final class TLSContext {
  let handle: OpaquePointer
  /// The connection whose handshake begins inside the library call being made.
  var connecting: TLSPeer?

  /// Loads the trusted certificates; throws `MQTTError` of kind `credentials` if they can't be used.
  public init(_ settings: TLSSettings) throws(MQTTError) {
    ERR_clear_error()
    guard let context = SSL_CTX_new(TLS_client_method()) else {
      throw MQTTError(.system, "can't set up TLS: \(TLSErrorText.last())")
    }
    handle = context
    guard ts_ssl_ctx_set_min_tls12(context) == 1 else {
      throw MQTTError(.system, "can't require TLS 1.2: \(TLSErrorText.last())")
    }
    ts_ssl_ctx_set_modes(context)
    switch settings.trust {
    case .file(let path):
      do throws(FileError) {
        _ = try Files.read(path)
      } catch {
        throw MQTTError(
          .credentials, "can't read the CA's certificate \(path): \(error.reason); give its file with --ca")
      }
      guard SSL_CTX_load_verify_file(context, path) == 1 else {
        throw MQTTError(
          .credentials, "\(path) can't be read as the CA's PEM certificate: \(TLSErrorText.last())")
      }
    case .systemRoots:
      SSL_CTX_set_default_verify_paths(context)
    }
    if let name = settings.applicationProtocol {
      guard (1...255).contains(name.utf8.count) else {
        throw MQTTError(.invalidSettings, "the ALPN protocol name must have 1 to 255 bytes")
      }
      let wire = [UInt8(clamping: name.utf8.count)] + Array(name.utf8)
      SSL_CTX_set_alpn_protos(context, wire, UInt32(clamping: wire.count))
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, recordVerification)
    SSL_CTX_set_ex_data(context, TLSPeer.contextIndex, Unmanaged.passUnretained(self).toOpaque())
    SSL_CTX_set_info_callback(context, observeHandshake)
    ts_ssl_ctx_on_session(context, keepSession)
  }

  deinit { SSL_CTX_free(handle) }
}

/// One connection's side of TLS: whom it expects, who it is, and what it learned when that failed.
final class TLSPeer {
  static let connectionIndex = ts_ssl_new_index()
  static let contextIndex = ts_ssl_ctx_new_index()

  let serverName: String
  let credentials: DeviceCredentials?
  private(set) var handshakeDone = false
  /// What the broker sent before it closed: "unknown ca", "certificate expired", ...
  private(set) var receivedAlert: String?
  /// Why the broker's certificate was not believed (an `X509_V_ERR_…` code).
  private(set) var verificationError: CInt?

  /// What the next handshake resumes: half the time and processor time of a full one. A ticket is for one connection (RFC 8446,
  /// appendix C.4), and a handshake that fails has used it up, so that the next one is a full one.
  private var session: OpaquePointer?
  /// Whether the last handshake resumed a session.
  private(set) var hasResumed = false
  /// The protocol and cipher of the last handshake: `TLSv1.3, TLS_AES_256_GCM_SHA384`.
  private(set) var negotiated = ""

  init(serverName: String, credentials: DeviceCredentials?) {
    self.serverName = serverName
    self.credentials = credentials
  }

  deinit { SSL_SESSION_free(session) }

  fileprivate func keep(_ session: OpaquePointer) {
    SSL_SESSION_free(self.session)
    self.session = session
  }

  fileprivate func begin(_ ssl: OpaquePointer) {
    handshakeDone = false
    receivedAlert = nil
    verificationError = nil
    SSL_set_ex_data(ssl, Self.connectionIndex, Unmanaged.passUnretained(self).toOpaque())
    // An address is verified as an address and not sent as a name (RFC 6066 section 3).
    if X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), serverName) == 1 {
      ts_ssl_set_server_name(ssl, nil)
    } else {
      SSL_set1_host(ssl, serverName)
      ts_ssl_set_server_name(ssl, serverName)
    }
    if let credentials {
      SSL_use_certificate(ssl, credentials.certificate)
      for next in credentials.chain { ts_ssl_add_chain_certificate(ssl, next) }
      SSL_use_PrivateKey(ssl, credentials.privateKey)
    }
    if let session {
      SSL_set_session(ssl, session)
      SSL_SESSION_free(session)
      self.session = nil
    }
    ERR_clear_error()
  }

  fileprivate func finish(_ ssl: OpaquePointer) {
    // TLS 1.3's tickets end a handshake, too.
    guard !handshakeDone else { return }
    hasResumed = SSL_session_reused(ssl) == 1
    let cipher = SSL_get_current_cipher(ssl).map { String(cString: SSL_CIPHER_get_name($0)) }
    negotiated = ([String(cString: SSL_get_version(ssl))] + (cipher.map { [$0] } ?? [])).joined(
      separator: ", ")
    handshakeDone = true
  }
  fileprivate func received(alert: String) { receivedAlert = alert }
  fileprivate func failedVerification(_ code: CInt) {
    if verificationError == nil { verificationError = code }
  }

  /// The sentence for a connection that TLS ended, or nil if TLS knows of nothing wrong.
  func failure(host: String) -> MQTTError? {
    if let verificationError {
      let reason = String(cString: X509_verify_cert_error_string(Int(verificationError)))
      let advice =
        switch verificationError {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
          "it was not issued for '\(serverName)'; connect with a name that the certificate has"
        case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID:
          "it isn't valid at this machine's time; check the clock, or renew the broker's certificate"
        default:
          "it wasn't issued by the trusted CA; give the broker's CA file with --ca"
        }
      return MQTTError(
        .credentials, "the certificate of \(host) was not accepted (\(reason)): \(advice)")
    }
    guard let receivedAlert else { return nil }
    let advice =
      switch receivedAlert {
      case "unknown CA":
        "its CA is not the one that the broker trusts; use a certificate that this broker's CA issued"
      case "certificate expired": "it has expired; create a new one"
      case "certificate revoked":
        "it is revoked or inactive, or no policy allows it to connect; for the local broker, 'trucksensor doctor NAME' tells which"
      case "certificate required", "handshake failure":
        "the broker requires one; give it with --cert and --key"
      default: "see the broker's log for the reason"
      }
    return MQTTError(
      .credentials, "\(host) refused our certificate (TLS alert '\(receivedAlert)'): \(advice)")
  }
}

private func peer(of ssl: OpaquePointer?) -> TLSPeer? {
  guard let ssl, let data = SSL_get_ex_data(ssl, TLSPeer.connectionIndex) else { return nil }
  return Unmanaged<TLSPeer>.fromOpaque(data).takeUnretainedValue()
}

private func observeHandshake(_ ssl: OpaquePointer?, _ event: CInt, _ value: CInt) {
  guard let ssl else { return }
  if event & SSL_CB_HANDSHAKE_START != 0, peer(of: ssl) == nil,
    let data = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), TLSPeer.contextIndex)
  {
    Unmanaged<TLSContext>.fromOpaque(data).takeUnretainedValue().connecting?.begin(ssl)
  }
  guard let peer = peer(of: ssl) else { return }
  if event & SSL_CB_HANDSHAKE_DONE != 0 { peer.finish(ssl) }
  if event & SSL_CB_ALERT != 0, event & SSL_CB_READ != 0 {
    let text = String(cString: SSL_alert_desc_string_long(value))
    // Every clean close sends this one.
    if text != "close notify" { peer.received(alert: text) }
  }
}

private func keepSession(_ ssl: OpaquePointer?, _ session: OpaquePointer?) -> CInt {
  guard let peer = peer(of: ssl), let session else { return 0 }
  peer.keep(session)
  return 1
}

private func recordVerification(_ accepted: CInt, _ store: OpaquePointer?) -> CInt {
  if accepted != 1, let store,
    let data = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx())
  {
    peer(of: OpaquePointer(data))?.failedVerification(X509_STORE_CTX_get_error(store))
  }
  return accepted
}
