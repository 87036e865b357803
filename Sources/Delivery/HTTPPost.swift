internal import CCurl
import Glibc

/// One POST.
enum HTTPPost {
  private static let timeoutMilliseconds = 10_000
  static let missing = "libcurl isn't installed; run 'apt-get install libcurl4'"

  /// Posts JSON; what went wrong, or nil.
  static func send(_ body: [UInt8], to url: String) -> String? {
    guard let handle = ts_http_new() else { return missing }
    defer { ts_http_free(handle) }
    let header = strdup("Content-Type: application/json")
    defer { free(header) }
    let headers: [UnsafePointer<CChar>?] = [header.map { UnsafePointer($0) }, nil]
    let status = ts_http_request(handle, url, headers, body, body.count, nil, nil, nil, timeoutMilliseconds)
    if (200..<300).contains(status) { return nil }
    var count = 0
    let answer = ts_http_answer(handle, &count)
    let text = String(decoding: UnsafeRawBufferPointer(start: answer, count: min(count, 200)), as: UTF8.self)
    return "\(Address.withoutSecrets(url)): " + (status == 0 ? text : "status \(status)")
  }
}

/// Addresses of servers.
enum Address {
  /// The address without the user, the password and the query, which often hold a token.
  static func withoutSecrets(_ url: String) -> String {
    let parts = url.split(separator: "://", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return "the address" }
    let place = parts[1].prefix { !"/?#".contains($0) }
    return "\(parts[0])://\(place.split(separator: "@").last ?? "")"
  }
}
