import Text

/// Where a store is: a file, or a server. Its description shows neither a password nor a token.
public enum StoreLocation: Sendable, CustomStringConvertible {
  /// A SQLite file.
  case file(String)
  /// A server that takes InfluxDB's line protocol.
  case lineProtocol(LineProtocolServer)
  /// PostgreSQL.
  case postgres(PostgresServer)

  /// Reads `influx+https://…`, `influx+http://…`, `postgres://…`, or a path; see `docs/store.md`.
  ///
  /// Throws `StoreError` of kind `invalid` that names what is wrong.
  public init(_ text: String) throws(StoreError) {
    if text.isEmpty { throw StoreError(.invalid, "the store's name is empty") }
    if text.utf8.contains(where: { $0 < 0x20 }) {
      throw StoreError(.invalid, "the store's name contains a control character")
    }
    if text.hasPrefix("influx+http://") || text.hasPrefix("influx+https://") {
      self = .lineProtocol(try LineProtocolServer(StoreURL(text)))
    } else if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") {
      self = .postgres(try PostgresServer(text))
    } else if text.contains("://") {
      throw StoreError(
        .invalid,
        "'\(StoreURL.printable(text))' is not a store: give a file, influx+http://HOST:PORT?db=NAME, influx+https://…, "
          + "or postgres://…"
      )
    } else {
      self = .file(text)
    }
  }

  /// The database, and organization where the server has those, at a server whose URL names none.
  ///
  /// Throws `StoreError` of kind `invalid` if the URL isn't one of a server that takes line protocol.
  public static func destination(
    _ url: String, database: String, organization: String?
  ) throws(StoreError) -> StoreLocation {
    guard url.hasPrefix("influx+http://") || url.hasPrefix("influx+https://") else {
      throw StoreError(
        .invalid, "'\(StoreURL.printable(url))' is not a destination: give influx+http(s)://HOST:PORT")
    }
    let isBucket = url.contains("version=2")
    let name = PercentEncoding.encoded(database)
    var parameters = isBucket ? "bucket=\(name)" : "db=\(name)"
    if isBucket { parameters += "&org=\(PercentEncoding.encoded(organization ?? ""))" }
    return try StoreLocation(url + (url.contains("?") ? "&" : "?") + parameters)
  }

  /// The location without a password or token, for messages.
  public var description: String {
    switch self {
    case .file(let path): path
    case .lineProtocol(let server): server.description
    case .postgres(let server): server.description
    }
  }

  /// Opens a table of it for charts.
  package func charts(table: String) throws(StoreError) -> any ChartSource {
    switch self {
    case .file(let path): LocalChartSource(try StoreReader(path: path), table: table)
    case .lineProtocol(let server): try LineProtocolChartSource(server, table: table)
    case .postgres(let server): try PostgresChartSource(server, table: table)
    }
  }

  /// Opens it for writing; a file is made if there is none.
  public func open() throws(StoreError) -> any PointStore {
    switch self {
    case .file(let path): try LocalStore(path: path)
    case .lineProtocol(let server): try LineProtocolStore(server)
    case .postgres(let server): try PostgresStore(server)
    }
  }
}
