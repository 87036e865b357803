import Files
import Glibc
import Numbers
import Text

/// A server that takes line protocol, and how to sign in.
public struct LineProtocolServer: Sendable, CustomStringConvertible {
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
  /// What no message shows.
  let secrets: Secrets
  private static let parameters = ["db", "org", "bucket", "version", "token-file", "ca", "gzip", "timeout"]

  /// Takes a URL whose parameters are `db` (InfluxDB 1 and 3, VictoriaMetrics), or `org` and `bucket` (InfluxDB 2), and
  /// `version`, `token-file`, `ca`, `gzip` and `timeout`. A token may be in `TRUCKSENSOR_STORE_TOKEN` instead.
  init(_ url: StoreURL) throws(StoreError) {
    let parameters = url.parameters
    if let unknown = parameters.keys.sorted().first(where: { !Self.parameters.contains($0) }) {
      throw StoreError(
        .invalid,
        "a store's URL has no parameter '\(unknown)'; it has: \(Self.parameters.joined(separator: ", "))")
    }
    switch parameters["version"] {
    case nil: api = parameters["bucket"] == nil ? .v1 : .v2
    case "1": api = .v1
    case "2": api = .v2
    case "3": api = .v3
    case let other?: throw StoreError(.invalid, "version is 1, 2 or 3, not '\(other)'")
    }
    guard !url.host.isEmpty, !url.host.hasPrefix(":") else {
      throw StoreError(.invalid, "the store's URL has no host")
    }
    var path = url.path
    while path.hasSuffix("/") { path.removeLast() }
    base = url.scheme.dropFirst("influx+".count) + "://" + url.host + path
    guard let database = parameters["bucket"] ?? parameters["db"], !database.isEmpty else {
      throw StoreError(.invalid, "\(base) needs ?db=sensorDB, or ?org=…&bucket=… for InfluxDB 2")
    }
    self.database = database
    switch api {
    case .v1: query = "db=\(PercentEncoding.encoded(database))"
    case .v2:
      query =
        "org=\(PercentEncoding.encoded(parameters["org"] ?? ""))&bucket=\(PercentEncoding.encoded(database))"
    case .v3: query = "db=\(PercentEncoding.encoded(database))"
    }
    user = url.user
    password = url.password
    authorityFile = parameters["ca"]
    compresses = parameters["gzip"] != "false"
    guard let timeout = NumberText.double(parameters["timeout"] ?? "10"), timeout >= 0.001, timeout <= 3600
    else {
      throw StoreError(.invalid, "timeout is a number of seconds from 0.001 to 3600")
    }
    timeoutMilliseconds = Int(saturated: timeout * 1000)
    token =
      try parameters["token-file"].map { path throws(StoreError) in try Self.token(path) }
      ?? getenv("TRUCKSENSOR_STORE_TOKEN").map { String(cString: $0) }
    if let token, token.utf8.contains(where: { $0 < 0x21 || $0 > 0x7E }) {
      throw StoreError(
        .invalid, "the store's token contains a blank or a character that isn't allowed in an HTTP header")
    }
    secrets = Secrets([url.password, token, token.map { PercentEncoding.encoded($0) }].compactMap { $0 })
  }

  /// The first line of a file.
  private static func token(_ path: String) throws(StoreError) -> String {
    let text: String
    do throws(FileError) {
      text = try Files.readText(path, limit: 65_536)
    } catch {
      throw StoreError(.invalid, error.description)
    }
    let line = text.prefix { !$0.isNewline }
    guard !line.isEmpty else { throw StoreError(.invalid, "\(path) is empty") }
    return String(line)
  }

  /// Its address, with the user's name, without password or token.
  public var description: String {
    guard let user, let host = base.firstRange(of: "://") else { return "influx+\(base)?\(query)" }
    return
      "influx+\(base[..<host.upperBound])\(PercentEncoding.encoded(user))@\(base[host.upperBound...])?\(query)"
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
}
