import Glibc

/// Where a store is: a file, or a server.
public enum StoreLocation: Sendable {
  /// A SQLite file.
  case file(String)
  /// A server that takes InfluxDB's line protocol.
  case lineProtocol(LineProtocolServer)
  /// PostgreSQL, by libpq's URL.
  case postgres(String)

  /// Reads `influx+https://…`, `influx+http://…`, `postgres://…`, or a path; see `docs/store.md`.
  ///
  /// Throws `StoreError` of kind `invalid` that names what is wrong.
  public init(_ text: String) throws(StoreError) {
    if text.hasPrefix("influx+http://") || text.hasPrefix("influx+https://") {
      self = .lineProtocol(try LineProtocolServer(String(text.dropFirst("influx+".count))))
    } else if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") {
      self = .postgres(text)
    } else if text.contains("://") {
      throw StoreError(
        .invalid,
        "'\(text)' is no store: give a file, influx+http://HOST:PORT?db=NAME, influx+https://…, or postgres://…"
      )
    } else {
      self = .file(text)
    }
  }

  /// Opens a table of it for charts.
  package func charts(table: String) throws(StoreError) -> any ChartSource {
    switch self {
    case .file(let path): LocalChartSource(try StoreReader(path: path), table: table)
    case .lineProtocol(let server): try LineProtocolChartSource(server, table: table)
    case .postgres(let url): try PostgresChartSource(url, table: table)
    }
  }

  /// Opens it for writing; a file is made if there is none.
  public func open() throws(StoreError) -> any PointStore {
    switch self {
    case .file(let path): try LocalStore(path: path)
    case .lineProtocol(let server): try LineProtocolStore(server)
    case .postgres(let url): try PostgresStore(url)
    }
  }
}

/// A server that takes line protocol, and how to sign in.
public struct LineProtocolServer: Sendable {
  /// The versions of InfluxDB's write API.
  public enum API: Int, Sendable { case v1 = 1, v2, v3 }

  /// Scheme, host, port and path, without a slash at the end.
  public let base: String
  /// Which API it has.
  public let api: API
  /// The parameters of a write, `db=sensorDB`, percent-encoded.
  let query: String
  /// The database, or bucket.
  public let database: String
  let user: String?
  let password: String?
  let token: String?
  let authorityFile: String?
  let compresses: Bool
  let timeoutMilliseconds: Int

  /// Reads a URL whose parameters are `db` (InfluxDB 1 and 3, VictoriaMetrics), or `org` and `bucket` (InfluxDB 2), and
  /// `version`, `token-file`, `ca`, `gzip` and `timeout`. A token may be in `TRUCKSENSOR_STORE_TOKEN` instead.
  init(_ url: String) throws(StoreError) {
    let parts = url.split(separator: "?", maxSplits: 1).map(String.init)
    guard let schemeEnd = parts[0].firstRange(of: "://") else {
      throw StoreError(.invalid, "'\(url)' is no URL")
    }
    let scheme = parts[0][..<schemeEnd.upperBound]
    var rest = String(parts[0][schemeEnd.upperBound...])
    var user: String?
    var password: String?
    let authority = rest.prefix { $0 != "/" }
    if let at = authority.lastIndex(of: "@") {
      let credentials = rest[..<at].split(separator: ":", maxSplits: 1).map(String.init)
      user = Self.decoded(credentials.first ?? "")
      password = credentials.count > 1 ? Self.decoded(credentials[1]) : nil
      rest = String(rest[rest.index(after: at)...])
    }
    guard let first = rest.first, first != "/", first != ":" else {
      throw StoreError(.invalid, "'\(url)' has no host")
    }
    while rest.hasSuffix("/") { rest.removeLast() }
    var parameters: [String: String] = [:]
    for pair in (parts.count > 1 ? parts[1] : "").split(separator: "&") {
      let sides = pair.split(separator: "=", maxSplits: 1).map { Self.decoded(String($0)) }
      guard sides.count == 2 else { throw StoreError(.invalid, "'\(pair)' is no parameter of a store's URL") }
      parameters[sides[0]] = sides[1]
    }
    let known = ["db", "org", "bucket", "version", "token-file", "ca", "gzip", "timeout"]
    if let unknown = parameters.keys.sorted().first(where: { !known.contains($0) }) {
      throw StoreError(
        .invalid, "a store's URL has no parameter '\(unknown)'; it has: \(known.joined(separator: ", "))")
    }
    switch parameters["version"] {
    case nil: api = parameters["bucket"] == nil ? .v1 : .v2
    case "1": api = .v1
    case "2": api = .v2
    case "3": api = .v3
    case let other?: throw StoreError(.invalid, "version is 1, 2 or 3, not '\(other)'")
    }
    guard let database = parameters["bucket"] ?? parameters["db"] else {
      throw StoreError(.invalid, "'\(url)' needs ?db=sensorDB, or ?org=…&bucket=… for InfluxDB 2")
    }
    self.database = database
    switch api {
    case .v1: query = "db=\(Self.encoded(database))"
    case .v2: query = "org=\(Self.encoded(parameters["org"] ?? ""))&bucket=\(Self.encoded(database))"
    case .v3: query = "db=\(Self.encoded(database))"
    }
    base = scheme + rest
    self.user = user
    self.password = password
    authorityFile = parameters["ca"]
    compresses = parameters["gzip"] != "false"
    guard let timeout = Double(parameters["timeout"] ?? "10"), timeout > 0, timeout <= 3600 else {
      throw StoreError(.invalid, "timeout is a number of seconds")
    }
    timeoutMilliseconds = Int(timeout * 1000)
    if let path = parameters["token-file"] {
      guard let file = fopen(path, "re") else {
        throw StoreError(.invalid, "\(path) can't be read: \(String(cString: strerror(errno)))")
      }
      defer { fclose(file) }
      var line = [CChar](repeating: 0, count: 4096)
      guard fgets(&line, 4096, file) != nil else { throw StoreError(.invalid, "\(path) is empty") }
      let bytes = line.prefix { $0 != 0 && $0 != 10 && $0 != 13 }.map(UInt8.init(bitPattern:))
      token = String(decoding: bytes, as: UTF8.self)
    } else {
      token = getenv("TRUCKSENSOR_STORE_TOKEN").map { String(cString: $0) }
    }
  }

  /// Where a write goes.
  var writeURL: String {
    switch api {
    case .v1: "\(base)/write?\(query)"
    case .v2: "\(base)/api/v2/write?\(query)"
    case .v3: "\(base)/api/v3/write_lp?\(query)"
    }
  }

  var authorization: String? {
    token.map { api == .v2 ? "Authorization: Token \($0)" : "Authorization: Bearer \($0)" }
  }

  static func encoded(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
        UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return result
  }

  private static func decoded(_ text: String) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"),
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
