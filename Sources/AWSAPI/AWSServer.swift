import HTTP
import JSON
import Text
import Time

/// The AWS services that run on this machine, on one port, for AWS's clients: the command line, boto3 and the SDKs of other
/// languages. `--endpoint-url` or AWS_ENDPOINT_URL directs them here.
public final class AWSServer: Sendable {
  /// The default port, which local AWS emulators commonly use.
  public static let usualPort: UInt16 = 4566
  /// The maximum size of a request's body, in bytes.
  private static let bodyBytes = 4 << 20

  private let server: HTTPServer

  /// Listens on loopback at `port` or, if that port is taken and `isFixed` is false, at the next free one.
  ///
  /// `store` is the database's file, which may be created later; `cloud` is what the AWS IoT services show and change. If
  /// `credentials` are given, only requests that they sign are accepted.
  package init(
    port: UInt16 = usualPort, isFixed: Bool = false, store: String, cloud: CloudResources,
    credentials: AWSCredentials?
  ) throws(HTTPError) {
    let service = AWSServices(
      query: TimestreamQueryService(store: store), write: TimestreamWriteService(store: store),
      rest: RESTServices(IoTService(cloud).operations + IoTDataService(cloud).operations),
      credentials: credentials)
    var candidate = port
    while true {
      do {
        var settings = HTTPSettings(port: candidate)
        settings.methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
        settings.bodyLimit = Self.bodyBytes
        server = try HTTPServer(settings, asynchronous: { service.answer($0, finish: $1) })
        return
      } catch {
        guard !isFixed, candidate < UInt16.max, candidate - port < 100 else { throw error }
        candidate += 1
      }
    }
  }

  /// The port at which it listens.
  public var port: UInt16 { server.port }

  /// The address for `AWS_ENDPOINT_URL`.
  public var address: String { "http://127.0.0.1:\(server.port)" }

  static func jsonResponse(_ json: JSONWriter) -> HTTPResponse {
    HTTPResponse(200, json.bytes, contentType: "application/x-amz-json-1.0")
  }
}

/// Routes each request to its service and operation.
struct AWSServices: Sendable {
  let query: TimestreamQueryService
  let write: TimestreamWriteService
  let rest: RESTServices
  let credentials: AWSCredentials?

  private static let timestreamTarget = "Timestream_20181101."

  func answer(_ http: HTTPRequest, finish: @escaping @Sendable (HTTPResponse) -> Void) {
    let identifier = UniqueID.make()
    let finish: @Sendable (HTTPResponse) -> Void = { response in
      var response = response
      response.headers.append(("x-amzn-RequestId", identifier))
      finish(response)
    }
    let target = http.headers["x-amz-target"]
    do throws(AWSFault) {
      let request = try SignedRequest(http)
      try check(request)
      guard let target else {
        if request.service == CallerIdentity.service {
          return finish(CallerIdentity.answer(request, identifier: identifier))
        }
        return try rest.answer(request, finish: finish)
      }
      guard target.hasPrefix(Self.timestreamTarget) else {
        throw .unknownOperation(String(target.prefix(200)))
      }
      try timestream(String(target.dropFirst(Self.timestreamTarget.count)), request, finish)
    } catch {
      finish(target == nil ? error.restResponse : error.jsonResponse)
    }
  }

  private func check(_ request: SignedRequest) throws(AWSFault) {
    guard let credentials else { return }
    guard let secret = credentials.secrets[request.accessKey] else {
      throw AWSFault(
        "UnrecognizedClientException", status: 403, "The security token included in the request is invalid.")
    }
    try request.verify(secret: secret, now: Timestamp.now)
  }

  private func timestream(
    _ operation: String, _ request: SignedRequest, _ finish: @escaping @Sendable (HTTPResponse) -> Void
  ) throws(AWSFault) {
    guard request.http.method == "POST" else {
      throw .unknownOperation("\(request.http.method) \(operation)")
    }
    if TimestreamWriteService.hasOperation(operation) {
      return try write.answer(operation, request, finish: finish)
    }
    let input = try AWSInput(request.http.body)
    switch operation {
    case "DescribeEndpoints": finish(endpoints(request))
    case "Query": try query.query(input, finish: finish)
    case "CancelQuery": finish(try query.cancel(input))
    case "PrepareQuery": finish(try query.prepare(input))
    default: throw .unknownOperation(String(operation.prefix(100)))
    }
  }

  /// The address at which the client reached this server, with its scheme: SDKs put https:// before an address without one.
  private func endpoints(_ request: SignedRequest) -> HTTPResponse {
    var json = JSONWriter()
    json.object {
      $0.array("Endpoints") {
        $0.object {
          $0.member("Address", "http://" + (request.http.headers["host"] ?? "127.0.0.1"))
          $0.member("CachePeriodInMinutes", 1440)
        }
      }
    }
    return AWSServer.jsonResponse(json)
  }
}
