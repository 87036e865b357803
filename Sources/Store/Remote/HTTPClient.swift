internal import CCurl
internal import CZlib
import Glibc

/// Requests to one server over a connection that is kept.
final class HTTPClient {
  private let handle: OpaquePointer
  private let server: LineProtocolServer

  init(_ server: LineProtocolServer) throws(StoreError) {
    guard let handle = ts_http_new() else {
      throw StoreError(.system, "libcurl isn't installed; run 'apt-get install libcurl4'")
    }
    // From here on 'deinit' frees it.
    self.handle = handle
    self.server = server
  }

  deinit { ts_http_free(handle) }

  /// Sends a request, a POST if there is a body, and returns the status and the text of the answer.
  ///
  /// Throws `StoreError` of kind `unreachable` if no answer came.
  func send(_ url: String, body: [UInt8]? = nil) throws(StoreError) -> (status: Int, text: String) {
    var headers: [String] = []
    var content = body
    if let body, server.compresses, body.count > 512 {
      let compressed = [UInt8](unsafeUninitializedCapacity: ts_gzip_bound(body.count)) { buffer, count in
        count = ts_gzip(body, body.count, buffer.baseAddress, buffer.count)
      }
      if !compressed.isEmpty {
        content = compressed
        headers.append("Content-Encoding: gzip")
      }
    }
    if body != nil { headers.append("Content-Type: text/plain; charset=utf-8") }
    if let authorization = server.authorization { headers.append(authorization) }
    var pointers: [UnsafePointer<CChar>?] = headers.map { UnsafePointer(strdup($0)) }
    defer { for pointer in pointers { free(UnsafeMutableRawPointer(mutating: pointer)) } }
    pointers.append(nil)
    let status = ts_http_request(
      handle, url, pointers, content, content?.count ?? 0, server.user, server.password, server.authorityFile,
      server.timeoutMilliseconds)
    var count = 0
    let text = ts_http_answer(handle, &count)
    let answer = UnsafeRawBufferPointer(start: text, count: count)
    let result = String(decoding: answer, as: UTF8.self)
    guard status > 0 else {
      throw StoreError(.unreachable, "\(server): \(server.secrets.hidden(in: result))")
    }
    return (status, result)
  }
}
