import Dispatch
import Foundation
import Store

@testable import AWSAPI
@testable import HTTP
@testable import LocalCloud

extension Targets {
  /// The services over files of their own. The certificate authority's key is made once.
  nonisolated(unsafe) private static let services: AWSServices = {
    guard FileManager.default.changeCurrentDirectoryPath(folder) else { fatalError("can't enter \(folder)") }
    do {
      _ = try LocalStore(path: folder + "/sensorDB.sqlite")
      let cloud = try CloudResources(broker: { nil })
      return AWSServices(
        query: TimestreamQueryService(store: folder + "/sensorDB.sqlite"),
        write: TimestreamWriteService(store: folder + "/sensorDB.sqlite"),
        rest: RESTServices(IoTService(cloud).operations + IoTDataService(cloud).operations), credentials: nil)
    } catch {
      fatalError("\(error)")
    }
  }()

  /// A request to the services of AWS. Lines: the method and the target, or the operation of a service that has one path; then
  /// the body.
  static func awsAPI(_ bytes: [UInt8]) {
    let parts = parts(bytes, 2)
    let words = text(parts[0]).split(separator: " ", maxSplits: 1).map(String.init)
    guard let first = words.first else { return }
    var headers = [
      "authorization":
        "AWS4-HMAC-SHA256 Credential=AKID/20241023/eu-west-1/iot/aws4_request, SignedHeaders=host, Signature=0"
    ]
    var (method, target) = (first, "/")
    if words.count == 2 {
      target = words[1]
    } else {
      method = "POST"
      headers["x-amz-target"] = "Timestream_20181101." + first
    }
    let path = target.prefix { $0 != "?" }
    var request = HTTPRequest(
      method: method, target: target, path: path.removingPercentEncoding ?? String(path),
      query: queryItems(target), headers: headers)
    request.body = parts[1]
    let answered = DispatchSemaphore(value: 0)
    services.answer(request) { response in
      require((200..<600).contains(response.status), "status \(response.status)")
      let body = text(response.body)
      // Whether a broker runs isn't up to the request.
      require(
        response.status != 500 || body.contains("no local broker is running"), "an internal failure: \(body)")
      answered.signal()
    }
    // Queries have a time limit of their own.
    require(answered.wait(timeout: .now() + 60) == .success, "no answer")
  }

  private static func queryItems(_ target: String) -> [String: String] {
    let items = URLComponents(string: "http://localhost" + target)?.queryItems ?? []
    return Dictionary(items.map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { $1 })
  }
}
