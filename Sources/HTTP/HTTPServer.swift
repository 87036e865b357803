import Dispatch
import Glibc
import Time

internal import CMicroHTTPD

/// Where a server listens, and who may ask.
public struct HTTPSettings: Sendable {
  /// The port; 0 takes any free one.
  public var port: UInt16
  /// An IPv4 address.
  public var address = "127.0.0.1"
  /// Certificate and key, both PEM; without them it is plain HTTP.
  public var tls: (certificate: String, key: String)?
  /// The number of connections that wait, send a request or take an answer. Of more the one that has waited longest is
  /// closed, so that clients that say nothing don't keep others out.
  public var requestConnections = 512
  /// The number of readers of event streams; further ones are refused.
  public var streamConnections = 1488
  /// How long a client may take to send a whole request, from connecting or from the answer before.
  public var requestSeconds = 15
  /// How long a client may take to receive a whole answer.
  public var answerSeconds = 60
  /// Requests a second; further ones are refused.
  public var requestRate = 2000

  /// Settings for loopback.
  public init(port: UInt16) { self.port = port }
}

/// An HTTP server for GET, HEAD and POST without a body, in a thread of its own.
///
/// On loopback, requests whose Host isn't this machine are refused, so that a web page can't reach the server through a
/// name of its own (DNS rebinding).
public final class HTTPServer: Sendable {
  /// The port that it listens on.
  public let port: UInt16
  // nonisolated(unsafe): the library's handle may be used from any thread, and is freed once, in deinit.
  private nonisolated(unsafe) let daemon: OpaquePointer
  private let site: Site
  // nonisolated(unsafe): made in init, cancelled in deinit.
  private nonisolated(unsafe) let timer: any DispatchSourceTimer

  /// What the library's callback gets.
  /// @unchecked Sendable: the counters are touched by the server's one thread only.
  private final class Site: @unchecked Sendable {
    let handler: @Sendable (HTTPRequest) -> HTTPResponse
    /// The address, if it is one of this machine's own.
    let loopback: String?
    let requestRate: Int
    let connections: OpenConnections
    var second = 0
    var requests = 0
    let feeds: [EventFeed]

    init(
      _ settings: HTTPSettings, _ feeds: [EventFeed],
      _ handler: @escaping @Sendable (HTTPRequest) -> HTTPResponse
    ) {
      self.feeds = feeds
      self.handler = handler
      loopback = settings.address.hasPrefix("127.") ? settings.address : nil
      connections = OpenConnections(
        .init(
          requests: settings.requestConnections, streams: settings.streamConnections,
          requestSeconds: settings.requestSeconds, answerSeconds: settings.answerSeconds
        ).fitting(descriptors: Self.descriptors))
      requestRate = settings.requestRate
    }

    /// How many files and sockets this process may have open.
    private static var descriptors: Int {
      var limit = rlimit()
      guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
      return Int(clamping: limit.rlim_cur)
    }

    func isTooMuch() -> Bool {
      let now = time(nil)
      if now != second { (second, requests) = (now, 0) }
      requests += 1
      return requests > requestRate
    }
  }

  /// After so long without a byte the library closes a connection that isn't waiting for an event.
  private static let timeoutSeconds: UInt32 = 30
  /// Bytes for a connection's request line and headers: what bounds the tables of both.
  private static let connectionMemory = 16_384
  /// Connections beyond the limits that the library may hold while those that were ended are closed.
  static let spareConnections = 64
  private static let headerNames = ["Authorization", "Cookie", "Last-Event-ID", "X-Requested-With", "Origin"]

  /// Starts to listen on loopback.
  public convenience init(port: UInt16, handler: @escaping @Sendable (HTTPRequest) -> HTTPResponse)
    throws(HTTPError)
  {
    try self.init(HTTPSettings(port: port), handler: handler)
  }

  /// Starts to listen. The streams of `feeds` end when the server does. `handler` is called on the server's thread. The
  /// caller has blocked the signals that it wants for itself.
  public init(
    _ settings: HTTPSettings, feeds: [EventFeed] = [],
    handler: @escaping @Sendable (HTTPRequest) -> HTTPResponse
  ) throws(HTTPError) {
    site = Site(settings, feeds, handler)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = settings.port.bigEndian
    guard inet_pton(AF_INET, settings.address, &address.sin_addr) == 1 else {
      throw HTTPError(description: "'\(settings.address)' is not an IPv4 address")
    }
    errno = 0
    let connections = settings.requestConnections + settings.streamConnections + Self.spareConnections
    let started = ts_http_start(
      &address,
      { context, connection, url, method, _, _, uploaded, state in
        guard let context, let connection, let url, let method else { return .NO }
        return HTTPServer.answer(context, connection, url, method, uploaded, state)
      },
      { context, connection, _, code in
        guard let context, let connection else { return }
        let connections = HTTPServer.site(context).connections
        if code == .CONNECTION_NOTIFY_STARTED {
          connections.add(connection)
        } else {
          connections.remove(connection)
        }
      },
      { context, connection, _, _ in
        guard let context, let connection else { return }
        HTTPServer.site(context).connections.answered(connection)
      }, Unmanaged.passUnretained(site).toOpaque(), UInt32(clamping: connections), Self.timeoutSeconds,
      Self.connectionMemory, settings.tls?.certificate, settings.tls?.key)
    guard let started else {
      let reason = errno == 0 ? (settings.tls == nil ? EADDRINUSE : EINVAL) : errno
      throw HTTPError(
        description:
          "can't listen on \(settings.address):\(settings.port): \(String(cString: strerror(reason)))"
          + (settings.tls == nil
            ? "; choose another port" : "; choose another port, or look at certificate and key"))
    }
    daemon = started
    port = ts_http_port(started)
    timer = DispatchSource.makeTimerSource(queue: .global())
    timer.schedule(deadline: .now() + 1, repeating: 1, leeway: .milliseconds(100))
    timer.setEventHandler { [connections = site.connections] in connections.endLate(.now()) }
    timer.resume()
  }

  deinit {
    timer.cancel()
    // A suspended connection keeps the library from stopping.
    for feed in site.feeds { feed.close() }
    MHD_stop_daemon(daemon)
  }

  private static func site(_ context: UnsafeMutableRawPointer) -> Site {
    Unmanaged<Site>.fromOpaque(context).takeUnretainedValue()
  }

  private static func answer(
    _ context: UnsafeMutableRawPointer, _ connection: OpaquePointer, _ url: UnsafePointer<CChar>,
    _ method: UnsafePointer<CChar>, _ uploaded: UnsafeMutablePointer<Int>?,
    _ state: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  ) -> MHD_Result {
    // The library calls first when it has the headers, and again when the request is complete.
    if state?.pointee == nil {
      state?.pointee = context
      return .YES
    }
    if let uploaded, uploaded.pointee > 0 {
      // No request here has a body; one is discarded as it comes.
      uploaded.pointee = 0
      return .YES
    }
    let site = site(context)
    site.connections.answering(connection)
    let host = header(connection, "Host")
    let name = String(cString: method)
    let response: HTTPResponse
    if site.isTooMuch() {
      response = HTTPResponse(429, "too many requests\n")
    } else if let address = site.loopback, !HostName.isLoopback(host, address: address) {
      response = HTTPResponse(421, "this server is for 127.0.0.1 and localhost only\n")
    } else if !["GET", "HEAD", "POST"].contains(name) {
      response = HTTPResponse(405, "only GET, HEAD and POST are answered\n")
    } else {
      var headers: [String: String] = [:]
      for field in headerNames { headers[field.lowercased()] = header(connection, field) }
      let answer = site.handler(
        HTTPRequest(method: name, path: String(cString: url), query: query(connection), headers: headers))
      response =
        answer.events == nil || site.connections.streaming(connection)
        ? answer : HTTPResponse(503, "there are too many readers; try again later\n")
    }
    return send(response, connection)
  }

  private static func send(_ response: HTTPResponse, _ connection: OpaquePointer) -> MHD_Result {
    let made: OpaquePointer?
    if let events = response.events {
      made = events.response(connection, lastSeen: header(connection, "Last-Event-ID").flatMap { Int($0) })
    } else {
      var body = response.body
      let count = body.count
      made = body.withUnsafeMutableBytes {
        MHD_create_response_from_buffer(count, $0.baseAddress, .RESPMEM_MUST_COPY)
      }
    }
    guard let made else { return .NO }
    defer { MHD_destroy_response(made) }
    MHD_add_response_header(made, "Content-Type", response.contentType)
    MHD_add_response_header(made, "X-Content-Type-Options", "nosniff")
    MHD_add_response_header(made, "Cache-Control", "no-store")
    for (name, value) in response.headers { MHD_add_response_header(made, name, value) }
    return MHD_queue_response(connection, UInt32(response.status), made)
  }

  private static func header(_ connection: OpaquePointer, _ name: String) -> String? {
    MHD_lookup_connection_value(connection, .HEADER_KIND, name).map { String(cString: $0) }
  }

  private static func query(_ connection: OpaquePointer) -> [String: String] {
    let found = Found()
    MHD_get_connection_values(
      connection, .GET_ARGUMENT_KIND,
      { data, _, key, value in
        guard let data, let key else { return .YES }
        let found = Unmanaged<Found>.fromOpaque(data).takeUnretainedValue()
        found.values[String(cString: key)] = value.map { String(cString: $0) } ?? ""
        return .YES
      }, Unmanaged.passUnretained(found).toOpaque())
    return found.values
  }

  private final class Found { var values: [String: String] = [:] }
}
