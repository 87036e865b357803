import Dispatch
import HTTP

/// The services that speak REST JSON. The method and the path of a request identify its operation.
final class RESTServices: Sendable {
  private let operations: [RESTOperation]
  /// Runs one request after another: they change the same files, and none takes long.
  private let queue = DispatchQueue(label: "AWS IoT")

  /// Services with these operations.
  init(_ operations: [RESTOperation]) {
    // Of two operations that match, the one with more fixed segments is used: `/principals/things`.
    self.operations = operations.sorted { $0.fixedSegments > $1.fixedSegments }
  }

  /// Answers asynchronously. Throws `UnknownOperationException` for an unknown operation.
  func answer(
    _ request: SignedRequest, finish: @escaping @Sendable (HTTPResponse) -> Void
  ) throws(AWSFault) {
    let http = request.http
    let path = http.target.prefix { $0 != "?" }.split(separator: "/")
    for operation in operations {
      guard let values = operation.match(http.method, path) else { continue }
      queue.async {
        do throws(AWSFault) {
          switch try operation.action(operation.request(request, path: values)) {
          case .now(let response): finish(response)
          case .later(let work): work(finish)
          }
        } catch {
          finish(error.restResponse)
        }
      }
      return
    }
    throw .unknownOperation("\(http.method) \(http.path.prefix(200)) (\(request.service))")
  }
}
