import HTTP
import Identity
import Numbers
import Text
import Time

internal import COpenSSL

/// A request signed with AWS Signature Version 4 in its header form (IAM User Guide, "Create a signed AWS API request").
struct SignedRequest: Sendable {
  /// The request itself.
  let http: HTTPRequest
  /// The access key that signed it.
  let accessKey: String
  /// The region that the client addresses.
  let region: String
  /// The service by its signing name: `timestream`, `iot`, `iotdata`, `sts`.
  let service: String
  private let date: Substring
  private let signedHeaders: [String]
  private let signature: String

  private static let algorithm = "AWS4-HMAC-SHA256"
  /// How far a client's clock may differ, in seconds.
  static let clockTolerance: Int64 = 300

  /// Reads the `Authorization` header, which is required even where no signature is checked: a web page can't send it to another
  /// origin without permission, so no web page can control this server.
  init(_ http: HTTPRequest) throws(AWSFault) {
    guard let authorization = http.headers["authorization"] else {
      throw AWSFault("MissingAuthenticationTokenException", status: 403, "Missing Authentication Token")
    }
    guard authorization.hasPrefix(Self.algorithm) else {
      throw AWSFault(
        "IncompleteSignatureException", status: 403,
        "the Authorization header must have an \(Self.algorithm) signature")
    }
    var parts: [Substring: Substring] = [:]
    for part in authorization.dropFirst(Self.algorithm.count).split(whereSeparator: { $0 == "," || $0 == " " }
    ) {
      guard let equals = part.firstIndex(of: "=") else { continue }
      parts[part[..<equals]] = part[part.index(after: equals)...]
    }
    let scope = (parts["Credential"] ?? "").split(separator: "/", omittingEmptySubsequences: false)
    guard scope.count >= 5, scope.last == "aws4_request", let headers = parts["SignedHeaders"],
      let signature = parts["Signature"]
    else {
      throw AWSFault(
        "IncompleteSignatureException", status: 403,
        "the Authorization header must have Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders and Signature"
      )
    }
    self.http = http
    // A key may contain slashes.
    accessKey = scope.dropLast(4).joined(separator: "/")
    date = scope[scope.count - 4]
    region = String(scope[scope.count - 3])
    service = String(scope[scope.count - 2])
    signedHeaders = headers.split(separator: ";").map(String.init)
    self.signature = String(signature)
    guard Self.isRegion(region) else {
      throw AWSFault("IncompleteSignatureException", status: 403, "'\(region)' is not the name of a region")
    }
  }

  private static func isRegion(_ text: String) -> Bool {
    (1...32).contains(text.utf8.count)
      && text.utf8.allSatisfy { ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x7A) || $0 == 0x2D }
  }

  /// Checks the signature with the key's secret. `now` is in nanoseconds since 1970.
  func verify(secret: String, now: Int64) throws(AWSFault) {
    let stamp = http.headers["x-amz-date"] ?? ""
    guard let time = Self.seconds(stamp), stamp.hasPrefix(date) else {
      throw AWSFault(
        "IncompleteSignatureException", status: 403, "x-amz-date must be a time such as 20241023T171403Z")
    }
    guard time.saturatingSubtract(now / 1_000_000_000).magnitude <= Self.clockTolerance.magnitude else {
      throw AWSFault(
        "InvalidSignatureException", status: 403,
        "Signature expired or not yet current: \(stamp) differs by more than \(Self.clockTolerance / 60) minutes from this clock"
      )
    }
    // Unsigned headers could come from anybody.
    for name in http.headers.keys where name == "host" || name.hasPrefix("x-amz-") {
      guard signedHeaders.contains(name) else {
        throw AWSFault("IncompleteSignatureException", status: 403, "'\(name)' must be a signed header")
      }
    }
    let body = Digest.sha256(http.body)
    guard (http.headers["x-amz-content-sha256"] ?? body) == body else {
      throw AWSFault(
        "InvalidSignatureException", status: 403, "x-amz-content-sha256 is not the hash of the body")
    }
    let scope = "\(date)/\(region)/\(service)/aws4_request"
    let text = "\(Self.algorithm)\n\(stamp)\n\(scope)\n\(Digest.sha256(Array(canonical(body).utf8)))"
    var key = Array("AWS4\(secret)".utf8)
    for part in [String(date), region, service, "aws4_request"] {
      key = Self.code(of: Array(part.utf8), key: key)
    }
    let expected = Self.code(of: Array(text.utf8), key: key).map {
      ($0 < 16 ? "0" : "") + String($0, radix: 16)
    }
    let given = Array(signature.utf8)
    // Takes the same time wherever the first difference is, so that time tells nothing about the signature.
    guard given.count == 64, CRYPTO_memcmp(Array(expected.joined().utf8), given, 64) == 0 else {
      throw AWSFault(
        "InvalidSignatureException", status: 403,
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method."
      )
    }
  }

  /// The seconds since 1970 of `20241023T171403Z`.
  private static func seconds(_ stamp: String) -> Int64? {
    let digits = Array(stamp.utf8)
    guard digits.count == 16, digits[8] == UInt8(ascii: "T"), digits[15] == UInt8(ascii: "Z") else {
      return nil
    }
    let text = String(stamp)
    func part(_ range: Range<Int>) -> String { String(text.dropFirst(range.lowerBound).prefix(range.count)) }
    let iso =
      "\(part(0..<4))-\(part(4..<6))-\(part(6..<8))T\(part(9..<11)):\(part(11..<13)):\(part(13..<15))Z"
    return Timestamp.parse(iso).map { $0 / 1_000_000_000 }
  }

  /// The canonical request that the client has signed; `body` is the body's hash.
  private func canonical(_ body: String) -> String {
    let target = http.target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let query = (target.count > 1 ? target[1] : "").split(separator: "&").map { pair in
      pair.contains("=") ? String(pair) : pair + "="
    }.sorted()
    let headers = signedHeaders.map { name in
      let value = (http.headers[name] ?? "").split(separator: " ").joined(separator: " ")
      return "\(name):\(value)\n"
    }
    return [
      // The signature covers the path percent-encoded once more than it is sent.
      http.method, PercentEncoding.encoded(target.first ?? "/", keeping: "/"), query.joined(separator: "&"),
      headers.joined(),
      signedHeaders.joined(separator: ";"), body,
    ].joined(separator: "\n")
  }

  /// The HMAC with SHA-256 (RFC 2104).
  private static func code(of bytes: [UInt8], key: [UInt8]) -> [UInt8] {
    var code = [UInt8](repeating: 0, count: 32)
    var length: UInt32 = 0
    HMAC(EVP_sha256(), key, Int32(clamping: key.count), bytes, bytes.count, &code, &length)
    return code
  }
}
