import Glibc

internal import CMicroHTTPD

/// A request as far as handlers need it.
public struct HTTPRequest: Sendable {
  /// The path, percent-decoded, always beginning with '/'.
  public let path: String
}

/// An answer.
public struct HTTPResponse: Sendable {
  /// The status code.
  public let status: Int
  /// The media type of the body.
  public let contentType: String
  /// The content.
  public let body: [UInt8]

  /// An answer with a text.
  public init(_ status: Int, _ text: String, contentType: String = "text/plain; charset=utf-8") {
    self.status = status
    self.contentType = contentType
    body = Array(text.utf8)
  }
}

/// No server could be started.
public struct HTTPError: Error, CustomStringConvertible {
  /// The port that was asked for.
  public let port: UInt16
  private let reason: Int32

  fileprivate init(port: UInt16, reason: Int32) {
    self.port = port
    self.reason = reason
  }

  /// What is wrong and what to do.
  public var description: String {
    "can't listen on 127.0.0.1:\(port): \(String(cString: strerror(reason))); choose another port"
  }
}

/// An HTTP server on the loopback interface for GET and HEAD, in a thread of its own.
///
/// Requests whose Host isn't this machine are refused, so that a web page can't reach it under a name of its own
/// (DNS rebinding).
public final class HTTPServer: Sendable {
  /// The port that it listens on.
  public let port: UInt16
  private nonisolated(unsafe) let daemon: OpaquePointer
  // nonisolated(unsafe): the library's handle may be used from any thread, and is freed once, in deinit.
  private let site: Site

  /// What the library's callback gets.
  private final class Site: Sendable {
    let handler: @Sendable (HTTPRequest) -> HTTPResponse
    init(_ handler: @escaping @Sendable (HTTPRequest) -> HTTPResponse) { self.handler = handler }
  }

  private static let connectionLimit: UInt32 = 256
  private static let timeoutSeconds: UInt32 = 30
  private static let connectionMemory = 32_768

  /// Starts to listen; port 0 takes any free one. `handler` is called on the server's thread. The caller has blocked
  /// the signals that it wants for itself.
  public init(port: UInt16, handler: @escaping @Sendable (HTTPRequest) -> HTTPResponse) throws(HTTPError) {
    site = Site(handler)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    errno = 0
    let started = ts_http_start(
      &address,
      { context, connection, url, method, _, _, uploaded, state in
        guard let context, let connection, let url, let method else { return .NO }
        return HTTPServer.answer(context, connection, url, method, uploaded, state)
      }, Unmanaged.passUnretained(site).toOpaque(), Self.connectionLimit, Self.timeoutSeconds,
      Self.connectionMemory)
    guard let started else { throw HTTPError(port: port, reason: errno == 0 ? EADDRINUSE : errno) }
    daemon = started
    self.port = ts_http_port(started)
  }

  deinit { MHD_stop_daemon(daemon) }

  private static func answer(
    _ context: UnsafeMutableRawPointer, _ connection: OpaquePointer, _ url: UnsafePointer<CChar>,
    _ method: UnsafePointer<CChar>, _ uploaded: UnsafeMutablePointer<Int>?,
    _ state: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  ) -> MHD_Result {
    // The first call comes with the headers, the next when the request is complete.
    if state?.pointee == nil {
      state?.pointee = context
      return .YES
    }
    if let uploaded, uploaded.pointee > 0 {
      uploaded.pointee = 0
      return .YES
    }
    let host = MHD_lookup_connection_value(connection, .HEADER_KIND, "Host").map { String(cString: $0) }
    let response: HTTPResponse
    if !isLoopback(host) {
      response = HTTPResponse(421, "this server is for 127.0.0.1 and localhost only\n")
    } else if !["GET", "HEAD"].contains(String(cString: method)) {
      response = HTTPResponse(405, "only GET and HEAD are answered\n")
    } else {
      let site = Unmanaged<Site>.fromOpaque(context).takeUnretainedValue()
      response = site.handler(HTTPRequest(path: String(cString: url)))
    }
    var body = response.body
    let count = body.count
    let made = body.withUnsafeMutableBytes {
      MHD_create_response_from_buffer(count, $0.baseAddress, .RESPMEM_MUST_COPY)
    }
    guard let made else { return .NO }
    defer { MHD_destroy_response(made) }
    MHD_add_response_header(made, "Content-Type", response.contentType)
    MHD_add_response_header(made, "X-Content-Type-Options", "nosniff")
    return MHD_queue_response(connection, UInt32(response.status), made)
  }

  static func isLoopback(_ host: String?) -> Bool {
    guard let host else { return false }
    let name = host.hasPrefix("[") ? host : String(host.prefix { $0 != ":" })
    return name == "127.0.0.1" || name.lowercased() == "localhost" || name.hasPrefix("[::1]")
  }
}
