import Glibc
import Synchronization
import Time

internal import CMicroHTTPD

/// The connections of a server, and how long each may take.
///
/// The library limits only how long a connection may be silent. Here a client has a deadline for a whole request and
/// another for taking the whole answer, and the one that has waited longest makes room when there are too many.
final class OpenConnections: Sendable {
  /// How many connections may be open, and how many of them for event streams.
  struct Limits {
    /// Connections that wait, send a request or take an answer.
    var requests = 512
    /// Readers of event streams.
    var streams = 1488
    /// Seconds from connecting, or from the end of the previous answer, to the end of a request.
    var requestSeconds = 15
    /// Seconds for taking an answer.
    var answerSeconds = 60

    /// The same with fewer connections if the process may not open that many files; some are left for everything else.
    func fitting(descriptors: Int) -> Limits {
      var limits = self
      let available = max(16, descriptors - 128 - HTTPServer.spareConnections)
      limits.requests = min(requests, max(8, available / 3))
      limits.streams = min(streams, available - limits.requests)
      return limits
    }
  }

  private enum Activity { case request, handling, answer, stream }

  private struct Connection {
    let socket: Int32
    var activity = Activity.request
    /// When the activity began.
    var since: MonotonicTime
    /// Whether its socket is shut down already; the library closes it.
    var isEnding = false
  }

  private let limits: Limits
  /// By the address of the library's connection; used by the server's thread and by the timer.
  private let open: Mutex<[UInt: Connection]> = Mutex([:])

  init(_ limits: Limits) { self.limits = limits }

  /// A client has connected.
  func add(_ connection: OpaquePointer) {
    let socket = ts_http_socket(connection)
    guard socket >= 0 else { return }
    let key = UInt(bitPattern: connection)
    open.withLock { open in
      open[key] = Connection(socket: socket, since: .now())
      let waiting = open.filter { $0.value.activity != .stream && !$0.value.isEnding }
      guard waiting.count > limits.requests else { return }
      // An answer is worth more than a client that says nothing.
      let oldest = waiting.min {
        ($0.value.activity == .request ? 0 : 1, $0.value.since.nanoseconds)
          < ($1.value.activity == .request ? 0 : 1, $1.value.since.nanoseconds)
      }
      if let oldest { Self.end(oldest.key, &open) }
    }
  }

  /// The library is about to close a connection.
  func remove(_ connection: OpaquePointer) {
    let key = UInt(bitPattern: connection)
    open.withLock { _ = $0.removeValue(forKey: key) }
  }

  /// A request is complete; its answer is being made, however long that takes.
  func handling(_ connection: OpaquePointer) { begin(.handling, connection) }

  /// The answer is being sent.
  func answering(_ connection: OpaquePointer) { begin(.answer, connection) }

  /// The answer was sent; the next request may come.
  func answered(_ connection: OpaquePointer) { begin(.request, connection) }

  /// The answer is an event stream; false if there are too many.
  func streaming(_ connection: OpaquePointer) -> Bool {
    let key = UInt(bitPattern: connection)
    return open.withLock { open in
      guard open.values.count(where: { $0.activity == .stream }) < limits.streams else { return false }
      open[key]?.activity = .stream
      return true
    }
  }

  /// Ends connections whose time is over.
  func endLate(_ now: MonotonicTime) {
    open.withLock { open in
      for (key, connection) in open where !connection.isEnding {
        let seconds: Int
        switch connection.activity {
        case .request: seconds = limits.requestSeconds
        case .answer: seconds = limits.answerSeconds
        case .handling, .stream: continue
        }
        if now.since(connection.since) >= Int64(seconds) * 1_000_000_000 { Self.end(key, &open) }
      }
    }
  }

  private func begin(_ activity: Activity, _ connection: OpaquePointer) {
    let key = UInt(bitPattern: connection)
    open.withLock { open in
      open[key]?.activity = activity
      open[key]?.since = .now()
    }
  }

  /// Shuts the socket down, so that the library finds it at its end. It is still open: the library says, under the same
  /// lock, when it closes it.
  private static func end(_ key: UInt, _ open: inout [UInt: Connection]) {
    guard let connection = open[key] else { return }
    shutdown(connection.socket, Int32(SHUT_RDWR))
    open[key]?.isEnding = true
  }
}
