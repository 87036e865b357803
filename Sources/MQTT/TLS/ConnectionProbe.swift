import Files
import Glibc

internal import COpenSSL

/// The steps to a broker one by one, each waited for: for a diagnosis, not for traffic.
public enum ConnectionProbe {
  /// What a handshake agreed on.
  public struct TLSReport: Sendable {
    /// Such as `TLSv1.3`.
    public let version: String
    /// The cipher suite.
    public let cipher: String
    /// The subject of the broker's certificate.
    public let server: String
  }

  private static let timeoutSeconds = 5
  /// A broker of TLS 1.3 refuses our certificate only after our side is done.
  private static let alertMilliseconds: Int32 = 500

  /// The addresses of a host name. Throws `unreachable` with the resolver's reason.
  public static func addresses(of host: String) throws(MQTTError) -> [String] {
    switch NameResolver.lookUp(host, flags: AI_ADDRCONFIG) {
    case .success(let addresses): return addresses
    case .failure(let failure):
      throw MQTTError(
        .unreachable, "'\(host)' has no address: \(failure.message); check its spelling and the DNS")
    }
  }

  /// Whether TCP reaches the address; throws `unreachable` with the system's reason.
  public static func connect(to address: String, port: UInt16) throws(MQTTError) {
    close(try open(address, port))
  }

  private static func open(_ address: String, _ port: UInt16) throws(MQTTError) -> Int32 {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICHOST
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(address, String(port), &hints, &list) == 0, let entry = list?.pointee else {
      throw MQTTError(.unreachable, "\(address) is not an IP address")
    }
    defer { freeaddrinfo(list) }
    let socket = Glibc.socket(entry.ai_family, entry.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { throw MQTTError(.system, systemError(errno)) }
    var time = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(socket, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
    }
    guard Glibc.connect(socket, entry.ai_addr, entry.ai_addrlen) == 0 else {
      // A connect that times out by SO_SNDTIMEO says that it is still in progress.
      let reason = errno == EINPROGRESS ? "no answer within \(timeoutSeconds) s" : systemError(errno)
      close(socket)
      throw MQTTError(.unreachable, "can't reach \(address):\(port): \(reason)")
    }
    return socket
  }

  /// A TLS handshake as a device; throws `credentials` where one side doesn't accept the other, `unreachable` where the
  /// other side doesn't speak TLS.
  public static func handshake(
    address: String, port: UInt16, serverName: String, tls: TLSContext, credentials: DeviceCredentials?
  ) throws(MQTTError) -> TLSReport {
    let socket = try open(address, port)
    defer { close(socket) }
    ERR_clear_error()
    let peer = TLSPeer(serverName: serverName, credentials: credentials)
    guard let ssl = SSL_new(tls.handle), SSL_set_fd(ssl, socket) == 1 else {
      throw MQTTError(.system, "can't set up TLS: \(TLSErrorText.last())")
    }
    defer { SSL_free(ssl) }
    tls.connecting = peer
    defer { tls.connecting = nil }
    let place = "\(serverName):\(port)"
    guard SSL_connect(ssl) == 1 else {
      if let failure = peer.failure(host: place) { throw failure }
      throw MQTTError(
        .unreachable,
        "\(place) doesn't answer in TLS (\(TLSErrorText.last())); it may be another service, or a port without TLS"
      )
    }
    var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    if poll(&entry, 1, alertMilliseconds) > 0 {
      var byte: UInt8 = 0
      if SSL_read(ssl, &byte, 1) <= 0, let failure = peer.failure(host: place) { throw failure }
    }
    let subject = SSL_get0_peer_certificate(ssl).flatMap { X509_get_subject_name($0) }
    var name = [CChar](repeating: 0, count: 256)
    if let subject { X509_NAME_oneline(subject, &name, Int32(clamping: name.count)) }
    return TLSReport(
      version: String(cString: SSL_get_version(ssl)),
      cipher: SSL_get_current_cipher(ssl).map { String(cString: SSL_CIPHER_get_name($0)) } ?? "",
      server: String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
  }
}
