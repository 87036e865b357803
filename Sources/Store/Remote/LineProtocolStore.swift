import FoundationEssentials
import Glibc
import Text
import Time

/// Writes points as InfluxDB line protocol over HTTP, to InfluxDB 1, 2 and 3, Timestream for InfluxDB, VictoriaMetrics
/// and what else takes it.
///
/// A point that is written again replaces itself, so a batch whose answer was lost is simply sent again.
public final class LineProtocolStore: PointStore {
  private let server: LineProtocolServer
  private let client: HTTPClient
  /// Waits between tries, in milliseconds.
  private static let pauses: [UInt32] = [100, 400]

  /// A store at a server, which isn't asked yet.
  public init(_ server: LineProtocolServer) throws(StoreError) {
    self.server = server
    client = try HTTPClient(server)
  }

  /// Writes records; what the server refuses of a batch is found by halving it.
  public func write(_ requests: [WriteRequest]) throws(StoreError) -> [Rejection] {
    let now = Timestamp.now
    var rejections: [Rejection] = []
    var lines: [(index: Int, text: [UInt8])] = []
    for (index, request) in requests.enumerated() {
      if let problem = RecordLimits.problem(withRequest: request, now: now)
        ?? LineProtocol.problem(with: request.record)
      {
        rejections.append(Rejection(index: index, reason: problem))
      } else {
        lines.append((index, LineProtocol.line(request)))
      }
    }
    try send(lines[...], &rejections)
    return rejections.sorted { $0.index < $1.index }
  }

  private func send(_ lines: ArraySlice<(index: Int, text: [UInt8])>, _ rejections: inout [Rejection])
    throws(StoreError)
  {
    guard let first = lines.first else { return }
    var body: [UInt8] = []
    for line in lines { body += line.text }
    let (status, text) = try sendWithRetries(body)
    switch status {
    case 200..<300: return
    case 400, 413, 422:
      // Some of it was refused: all that remains valid goes in again, which changes nothing.
      guard lines.count > 1 else {
        rejections.append(Rejection(index: first.index, reason: reason(text)))
        return
      }
      let middle = lines.startIndex + lines.count / 2
      try send(lines[..<middle], &rejections)
      try send(lines[middle...], &rejections)
    case 401, 403: throw StoreError(.refused, "\(server) refuses the credentials: \(reason(text))")
    case 404:
      throw StoreError(
        .missing,
        "\(server) doesn't know '\(server.database)', or has another API (?version=1, 2 or 3): "
          + reason(text))
    default: throw StoreError(.unreachable, "\(server) answers \(status): \(reason(text))")
    }
  }

  private func sendWithRetries(_ body: [UInt8]) throws(StoreError) -> (status: Int, text: String) {
    for pause in Self.pauses {
      do throws(StoreError) {
        let answer = try client.send(server.writeURL, body: body)
        if answer.status != 429, answer.status < 500 { return answer }
      } catch  where error.kind == .unreachable {}
      usleep(pause * 1000)
    }
    return try client.send(server.writeURL, body: body)
  }

  /// The server's sentence, which most wrap in JSON, without a password that it may quote.
  private func reason(_ text: String) -> String {
    struct Refusal: Decodable {
      let error: String?
      let message: String?
    }
    let refusal = try? JSONDecoder().decode(Refusal.self, from: Data(text.utf8))
    let sentence = refusal?.error ?? refusal?.message ?? text
    return server.secrets.hidden(in: String(sentence.prefix(300))).trimmingPrefix { $0.isWhitespace }
      .description
  }

  /// See `PointStore`: any answer to a ping says that there is a server.
  public func check() throws(StoreError) { _ = try client.send(server.base + "/ping") }

  /// See `PointStore`.
  public var isTransactional: Bool { false }

  /// See `PointStore`.
  public func transaction<Result>(_ work: () throws -> Result) throws -> Result { try work() }

  /// Asks in the server's own language: InfluxQL (InfluxDB 1), SQL (InfluxDB 3), PromQL (VictoriaMetrics); returns its
  /// JSON.
  public func query(_ statement: String) throws(StoreError) -> String {
    let text = PercentEncoding.encoded(statement)
    let url =
      switch server.api {
      case .v1: "\(server.base)/query?db=\(PercentEncoding.encoded(server.database))&epoch=ns&q=\(text)"
      case .v2:
        throw StoreError(.statement, "InfluxDB 2 uses Flux; use its own editor at \(server)")
      case .v3:
        "\(server.base)/api/v3/query_sql?db=\(PercentEncoding.encoded(server.database))&format=json&q=\(text)"
      }
    // VictoriaMetrics answers any InfluxQL with an empty success; a PromQL expression begins with neither word.
    let isSQL = ["select", "show"].contains(statement.prefix { !$0.isWhitespace }.lowercased())
    let answer = try client.send(isSQL ? url : "\(server.base)/api/v1/query?query=\(text)")
    guard (200..<300).contains(answer.status) else {
      throw StoreError(.statement, "\(server) answers \(answer.status): \(reason(answer.text))")
    }
    return answer.text
  }
}
