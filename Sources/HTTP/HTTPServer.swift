import Dispatch
import Glibc
import Synchronization
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
  /// The number of connections that wait, send a request or take an answer. If there are more, the one that has waited longest is
  /// closed, so that clients that say nothing don't keep others out.
  public var requestConnections = 512
  /// The number of readers of event streams; further ones are refused.
  public var streamConnections = 1488
  /// How long a client may take to send a whole request, from connecting or from the answer before.
  public var requestSeconds = 15
  /// How long a client may take to receive a whole answer.
  public var answerSeconds = 60
  /// Requests per second; further requests are refused.
  public var requestRate = 2000
  /// The methods that are answered.
  public var methods = ["GET", "HEAD", "POST"]
  /// The largest body of a request, in bytes; a larger one is refused. With 0 bodies are discarded.
  public var bodyLimit = 0
  /// The bytes that the bodies of all requests on their way may take together.
  public var bodiesLimit = 1 << 26

  /// Settings for loopback.
  public init(port: UInt16) { self.port = port }
}

/// An HTTP server in a thread of its own.
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

  /// Called on the server's thread with a request and with what takes its answer, once, on any thread, now or later.
  public typealias Handler = @Sendable (HTTPRequest, @escaping @Sendable (HTTPResponse) -> Void) -> Void

  /// What the library's callbacks get.
  /// @unchecked Sendable: the counters are touched by the server's one thread only.
  private final class Site: @unchecked Sendable {
    let handler: Handler
    /// The address, if it is one of this machine's own.
    let loopback: String?
    let settings: HTTPSettings
    let connections: OpenConnections
    let feeds: [EventFeed]
    /// Requests whose answers are being made; none is added once the server ends.
    let unanswered = Mutex<(exchanges: Set<Exchange>, isEnding: Bool)>(([], false))
    var second = 0
    var requests = 0
    /// The size of the bodies of all requests on their way.
    var bodyBytes = 0

    init(_ settings: HTTPSettings, _ feeds: [EventFeed], _ handler: @escaping Handler) {
      self.feeds = feeds
      self.handler = handler
      self.settings = settings
      loopback = settings.address.hasPrefix("127.") ? settings.address : nil
      connections = OpenConnections(
        .init(
          requests: settings.requestConnections, streams: settings.streamConnections,
          requestSeconds: settings.requestSeconds, answerSeconds: settings.answerSeconds
        ).fitting(descriptors: Self.descriptors))
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
      return requests > settings.requestRate
    }
  }

  /// A request from its first line until its answer is sent.
  /// @unchecked Sendable: but for `stage`, touched by the server's one thread only.
  private final class Exchange: @unchecked Sendable, Hashable {
    enum Stage {
      case handling
      /// The library waits until the answer is there.
      case suspended
      case answered(HTTPResponse)
      /// The answer was sent, or the client has gone.
      case ended
    }

    let target: String
    let connection: OpaquePointer
    let stage = Mutex(Stage.handling)
    var hasHeaders = false
    var isHandled = false
    var body: [UInt8] = []
    /// The refusal of the body.
    var refusal: HTTPResponse?

    init(_ target: String, _ connection: OpaquePointer) {
      self.target = target
      self.connection = connection
    }

    /// Takes the answer; a second one is ignored.
    func finish(_ response: HTTPResponse) {
      stage.withLock { stage in
        switch stage {
        case .answered, .ended: return
        case .handling: break
        case .suspended: MHD_resume_connection(connection)
        }
        stage = .answered(response)
      }
    }

    /// The answer, or nil after asking the library to wait for it.
    func answerOrSuspension() -> HTTPResponse? {
      stage.withLock { stage in
        if case .answered(let response) = stage { return response }
        // Under the same lock as the answer: none can come in between.
        stage = .suspended
        MHD_suspend_connection(connection)
        return nil
      }
    }

    static func == (one: Exchange, other: Exchange) -> Bool { one === other }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
  }

  /// After so long without a byte the library closes a connection that isn't waiting for an event.
  private static let timeoutSeconds: UInt32 = 30
  /// Bytes for a connection's request line and headers: what bounds the tables of both.
  private static let connectionMemory = 16_384
  /// Connections beyond the limits that the library may hold while those that were ended are closed.
  static let spareConnections = 64

  /// Starts to listen on loopback.
  public convenience init(port: UInt16, handler: @escaping @Sendable (HTTPRequest) -> HTTPResponse)
    throws(HTTPError)
  {
    try self.init(HTTPSettings(port: port), handler: handler)
  }

  /// Starts to listen. The streams of `feeds` end when the server does. `handler` is called on the server's thread. The
  /// caller has blocked the signals that it wants for itself.
  public convenience init(
    _ settings: HTTPSettings, feeds: [EventFeed] = [],
    handler: @escaping @Sendable (HTTPRequest) -> HTTPResponse
  ) throws(HTTPError) {
    try self.init(settings, feeds: feeds) { request, finish in finish(handler(request)) }
  }

  /// Starts to listen, with answers that may come later. The caller has blocked the signals that it wants for itself.
  public init(
    _ settings: HTTPSettings, feeds: [EventFeed] = [], asynchronous handler: @escaping Handler
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
      { _, target, connection in
        guard let target, let connection else { return nil }
        return Unmanaged.passRetained(Exchange(String(cString: target), connection)).toOpaque()
      },
      { context, connection, url, method, _, data, uploaded, state in
        guard let context, let url, let method, let uploaded, let state = state?.pointee else { return .NO }
        let exchange = Unmanaged<Exchange>.fromOpaque(state).takeUnretainedValue()
        return HTTPServer.receive(HTTPServer.site(context), exchange, url, method, data, uploaded)
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
      { context, connection, state, _ in
        guard let context, let connection else { return }
        let site = HTTPServer.site(context)
        site.connections.answered(connection)
        guard let pointer = state?.pointee else { return }
        state?.pointee = nil
        let exchange = Unmanaged<Exchange>.fromOpaque(pointer).takeRetainedValue()
        exchange.stage.withLock { $0 = .ended }
        site.bodyBytes -= exchange.body.count
        site.unanswered.withLock { _ = $0.exchanges.remove(exchange) }
      }, Unmanaged.passUnretained(site).toOpaque(), UInt32(clamping: connections), Self.timeoutSeconds,
      Self.connectionMemory, settings.tls?.certificate, settings.tls?.key)
    guard let started else {
      let reason = errno == 0 ? (settings.tls == nil ? EADDRINUSE : EINVAL) : errno
      throw HTTPError(
        description:
          "can't listen on \(settings.address):\(settings.port): \(String(cString: strerror(reason)))"
          + (settings.tls == nil
            ? "; choose another port" : "; choose another port, or check the certificate and key"))
    }
    daemon = started
    port = ts_http_port(started)
    // A queue of its own: work on the global one can't delay it.
    timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "late connections"))
    timer.schedule(deadline: .now() + 1, repeating: 1, leeway: .milliseconds(100))
    timer.setEventHandler { [connections = site.connections] in connections.endLate(.now()) }
    timer.resume()
  }

  deinit {
    timer.cancel()
    // A suspended connection keeps the library from stopping.
    for feed in site.feeds { feed.close() }
    let unanswered = site.unanswered.withLock { state in
      state.isEnding = true
      return state.exchanges
    }
    for exchange in unanswered { exchange.finish(Self.ending) }
    MHD_stop_daemon(daemon)
  }

  private static func site(_ context: UnsafeMutableRawPointer) -> Site {
    Unmanaged<Site>.fromOpaque(context).takeUnretainedValue()
  }

  /// The library calls first when it has the headers, then with each piece of the body, with none when the request is
  /// complete, and once more after a suspension.
  private static func receive(
    _ site: Site, _ exchange: Exchange, _ path: UnsafePointer<CChar>, _ method: UnsafePointer<CChar>,
    _ data: UnsafePointer<CChar>?, _ uploaded: UnsafeMutablePointer<Int>
  ) -> MHD_Result {
    if !exchange.hasHeaders {
      exchange.hasHeaders = true
      // Refused before it is sent, where the client says how much it will be.
      if site.settings.bodyLimit > 0,
        let length = header(exchange.connection, "Content-Length").flatMap({ Int($0) }),
        length > site.settings.bodyLimit
      {
        return send(tooLarge(site), exchange.connection, site)
      }
      return .YES
    }
    if uploaded.pointee > 0 {
      if let data, site.settings.bodyLimit > 0, exchange.refusal == nil {
        let piece = UnsafeRawBufferPointer(start: data, count: uploaded.pointee)
        if exchange.body.count + piece.count > site.settings.bodyLimit {
          exchange.refusal = tooLarge(site)
        } else if site.bodyBytes + piece.count > site.settings.bodiesLimit {
          exchange.refusal = HTTPResponse(503, "too many requests at once; try again\n")
        } else {
          site.bodyBytes += piece.count
          exchange.body += piece
        }
      }
      uploaded.pointee = 0
      return .YES
    }
    if !exchange.isHandled {
      exchange.isHandled = true
      site.connections.handling(exchange.connection)
      handle(site, exchange, String(cString: path), String(cString: method))
    }
    let isEnding = site.unanswered.withLock { state in
      if !state.isEnding { state.exchanges.insert(exchange) }
      return state.isEnding
    }
    if isEnding { exchange.finish(ending) }
    guard let response = exchange.answerOrSuspension() else { return .YES }
    site.unanswered.withLock { _ = $0.exchanges.remove(exchange) }
    return send(response, exchange.connection, site)
  }

  private static let ending = HTTPResponse(503, "the server is ending\n")

  private static func tooLarge(_ site: Site) -> HTTPResponse {
    HTTPResponse(413, "the body of a request has at most \(site.settings.bodyLimit) bytes\n")
  }

  private static func handle(_ site: Site, _ exchange: Exchange, _ path: String, _ method: String) {
    let connection = exchange.connection
    if let refusal = exchange.refusal {
      exchange.finish(refusal)
    } else if site.isTooMuch() {
      exchange.finish(HTTPResponse(429, "too many requests\n"))
    } else if let address = site.loopback,
      !HostName.isLoopback(header(connection, "Host"), address: address)
    {
      exchange.finish(HTTPResponse(421, "this server is for 127.0.0.1 and localhost only\n"))
    } else if !site.settings.methods.contains(method) {
      let methods = site.settings.methods.joined(separator: ", ")
      var refusal = HTTPResponse(405, "allowed methods: \(methods)\n")
      refusal.headers = [("Allow", methods)]
      exchange.finish(refusal)
    } else {
      var headers: [String: String] = [:]
      for (name, value) in values(connection, .HEADER_KIND) { headers[name.lowercased()] = value }
      let query = Dictionary(values(connection, .GET_ARGUMENT_KIND)) { _, last in last }
      site.handler(
        HTTPRequest(
          method: method, target: exchange.target, path: path, query: query, headers: headers,
          body: exchange.body)
      ) { exchange.finish($0) }
    }
  }

  private static func send(_ answer: HTTPResponse, _ connection: OpaquePointer, _ site: Site) -> MHD_Result {
    site.connections.answering(connection)
    let response =
      answer.events == nil || site.connections.streaming(connection)
      ? answer : HTTPResponse(503, "there are too many readers; try again later\n")
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
    return MHD_queue_response(connection, UInt32(clamping: response.status), made)
  }

  private static func header(_ connection: OpaquePointer, _ name: String) -> String? {
    MHD_lookup_connection_value(connection, .HEADER_KIND, name).map { String(cString: $0) }
  }

  private static func values(_ connection: OpaquePointer, _ kind: MHD_ValueKind) -> [(String, String)] {
    let found = Found()
    MHD_get_connection_values(
      connection, kind,
      { data, _, key, value in
        guard let data, let key else { return .YES }
        let found = Unmanaged<Found>.fromOpaque(data).takeUnretainedValue()
        found.values.append((String(cString: key), value.map { String(cString: $0) } ?? ""))
        return .YES
      }, Unmanaged.passUnretained(found).toOpaque())
    return found.values
  }

  private final class Found { var values: [(String, String)] = [] }
}
