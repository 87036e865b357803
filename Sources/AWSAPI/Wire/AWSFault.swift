import HTTP
import JSON

/// An error of AWS's service models; its name is the exception that SDKs raise.
struct AWSFault: Error {
  /// The error's name in the service's model.
  let name: String
  /// The HTTP status that the model gives it.
  let status: Int
  /// What is wrong, for a person.
  let message: String
  /// Further members that the model gives the error, such as `resourceArn`.
  var members: [(name: String, value: String)] = []
  /// The rejected records of Timestream's `RejectedRecordsException`.
  var rejected: [RejectedRecord] = []

  init(
    _ name: String, status: Int = 400, _ message: String, members: [(name: String, value: String)] = []
  ) {
    self.name = name
    self.status = status
    self.message = message
    self.members = members
  }

  /// A request that contradicts the service's model or its state.
  static func validation(_ message: String) -> AWSFault { AWSFault("ValidationException", message) }

  /// An AWS operation that isn't available here.
  static func unknownOperation(_ name: String) -> AWSFault {
    AWSFault("UnknownOperationException", "\(name) is not available in trucksensor's local cloud")
  }

  /// The answer of a service that speaks REST JSON, such as AWS IoT.
  var restResponse: HTTPResponse {
    var json = JSONWriter()
    json.object {
      $0.member("message", message)
      for (name, value) in members { $0.member(name, value) }
    }
    var response = HTTPResponse(status, json.bytes, contentType: "application/json")
    response.headers.append(("x-amzn-ErrorType", name))
    return response
  }

  /// The answer of a service that speaks JSON 1.0, such as Timestream.
  var jsonResponse: HTTPResponse {
    var json = JSONWriter()
    json.object {
      $0.member("__type", "com.amazonaws.timestream.v20181101#\(name)")
      $0.member("Message", message)
      // Models differ in the case of this member's first letter, so both are sent.
      $0.member("message", message)
      if !rejected.isEmpty {
        $0.array("RejectedRecords") { for record in rejected { record.write(to: &$0) } }
      }
    }
    var response = HTTPResponse(status, json.bytes, contentType: "application/x-amz-json-1.0")
    response.headers.append(("x-amzn-ErrorType", name))
    return response
  }
}
