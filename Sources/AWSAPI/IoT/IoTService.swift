import Dispatch
import Files
import HTTP
import Identity
import JSON
import LocalCloud
import MQTT

/// The parts of the local cloud that the API shows and changes: the same files that `provision` and `run` use.
package struct CloudResources: Sendable {
  /// The registry's file.
  var registryPath = LocalCloud.registryFile
  /// The policy documents.
  var policies = LocalCloud.policies
  /// The folder of the rule documents. A run rereads changed documents within a second.
  var rulesFolder = "rules"
  /// The connection kits of `provision`.
  var kitFolder = LocalCloud.certificateFolder
  /// The certificates that the API has made or registered, `ID.pem`.
  var certificateFolder = Workspace.data("certificates")
  /// The device shadows.
  var shadowFolder = Workspace.data("shadows")
  /// The local broker; nil if none is running.
  let broker: MessageGateway.Broker
  /// Publishes to the local broker and reads from it.
  let gateway: MessageGateway

  /// The resources of the current folder. Touches no file. Throws `MQTTError` if the system has no descriptors left.
  package init(broker: @escaping MessageGateway.Broker) throws(MQTTError) {
    self.broker = broker
    gateway = try MessageGateway(broker)
  }

  /// The CA that signs certificates, created if it is missing.
  func authority() throws(IdentityError) -> CertificateAuthority { try LocalCloud.authority() }
}

/// AWS IoT's control plane over the local registry (AWS IoT API reference).
///
/// Every request reads the files again, because `provision` and text editors change them, too.
final class IoTService: Sendable {
  let cloud: CloudResources

  init(_ cloud: CloudResources) { self.cloud = cloud }

  /// All operations.
  var operations: [RESTOperation] {
    endpointOperations + thingTypeOperations + thingOperations + thingGroupOperations
      + billingGroupOperations + certificateOperations + policyOperations + attachmentOperations
      + authorizationOperations + tagOperations + topicRuleOperations + searchOperations
  }

  /// The registry as it is now.
  func registry() throws(AWSFault) -> Registry {
    try attempt { () throws(IdentityError) in try Registry.read(cloud.registryPath) }
  }

  /// Changes the registry's file; if `body` throws, nothing changes.
  func change<Value>(
    _ body: (inout Registry) throws(AWSFault) -> Value
  ) throws(AWSFault) -> Value {
    try attempt { () throws(IdentityError) in
      try Registry.update(cloud.registryPath) { registry throws(IdentityError) -> Result<Value, AWSFault> in
        var changed = registry
        do throws(AWSFault) {
          let value = try body(&changed)
          registry = changed
          return .success(value)
        } catch {
          return .failure(error)
        }
      }
    }.get()
  }

  /// Runs `body` and translates its error into the one of AWS's models.
  func attempt<Value>(_ body: () throws(IdentityError) -> Value) throws(AWSFault) -> Value {
    do throws(IdentityError) {
      return try body()
    } catch {
      throw AWSFault(error)
    }
  }

  /// The name at the end of an AWS IoT ARN, with any region and account; nil if `text` isn't an ARN of that kind.
  static func name(inARN text: String, of kind: String) -> String? {
    let parts = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
    guard parts.count == 6, parts[0] == "arn", parts[2] == "iot", parts[5].hasPrefix(kind + "/") else {
      return nil
    }
    return String(parts[5].dropFirst(kind.utf8.count + 1))
  }

  // MARK: Endpoint

  private var endpointOperations: [RESTOperation] {
    [
      RESTOperation(
        "DescribeEndpoint", "GET /endpoint", [.query("endpointType", .text(length: 0...128))],
        action: describeEndpoint)
    ]
  }

  /// Answers with the local broker's address, and its port unless clients use that by default.
  private func describeEndpoint(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let type = request.text("endpointType") ?? "iot:Data-ATS"
    guard ["iot:Data", "iot:Data-ATS"].contains(type) else {
      throw .invalidRequest("Endpoint type \(type.prefix(128)) is not available in trucksensor's local cloud")
    }
    let port = cloud.broker()?.port ?? Self.usualPort
    return .json {
      $0.member("endpointAddress", port == Self.usualPort ? "localhost" : "localhost:\(port)")
    }
  }

  private static let usualPort: UInt16 = 8883
}

extension AWSFault {
  /// An error of the registry, the CA or a policy's document.
  init(_ error: IdentityError) {
    switch error.code {
    case .notFound: self = .resourceNotFound(error.message)
    case .conflict: self.init("ResourceAlreadyExistsException", status: 409, error.message)
    case .limitExceeded: self.init("LimitExceededException", status: 410, error.message)
    case .inUse: self.init("DeleteConflictException", status: 409, error.message)
    case .invalidPolicy: self.init("MalformedPolicyException", error.message)
    case .invalidRequest, .invalidName, .invalidRequestFile, .damaged, .notPEM, .empty, .tooWeak, .tooLarge:
      self = .invalidRequest(error.message)
    default: self.init("InternalFailureException", status: 500, error.message)
    }
  }

  /// A file that can't be read or written.
  init(_ error: FileError) { self.init("InternalFailureException", status: 500, "\(error)") }
}
