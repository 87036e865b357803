import CommandLine
import Files
import Identity
import LocalCloud
import MQTT

/// What this folder's registry knows of a refusal by the local broker, which itself only says `not authorized`.
enum Refusal {
  /// Why one of `devices` may not sign in and what to do; nil if the error isn't the local broker's, or the registry knows of no
  /// reason.
  static func reason(_ error: any Error, devices: [String], _ arguments: ParsedArguments) -> String? {
    guard isLocal(error, arguments) else { return nil }
    return Admission.refusal(
      among: devices.map { ($0, nil) }, certificateFile: arguments.string("cert"),
      clientID: arguments.string("client-id"))
  }

  /// Why one of `devices` may not publish to its topic, which only counts if the broker didn't allow something.
  static func topicReason(
    _ error: any Error, devices: [(name: String, topic: TopicName)], _ arguments: ParsedArguments
  ) -> String? {
    guard isLocal(error, arguments), (error as? MQTTError)?.isNotAuthorized == true else { return nil }
    return Admission.refusal(
      among: devices.map { ($0.name, $0.topic) }, certificateFile: arguments.string("cert"),
      clientID: arguments.string("client-id"))
  }

  /// The reason for one of `devices` whose certificate was replaced after `start`, in seconds since 1970: the command still has the
  /// old one.
  static func replacement(
    _ error: any Error, devices: [String], since start: Double, _ arguments: ParsedArguments
  ) -> String? {
    guard isLocal(error, arguments), !arguments.has("cert") else { return nil }
    for device in devices {
      guard let kit = try? ConnectionKit(directory: LocalCloud.certificateFolder, deviceName: device),
        let stamp = Files.stamp(of: kit.certificatePath),
        Double(stamp.seconds) + Double(stamp.nanoseconds) / 1e9 > start
      else { continue }
      return "\(device): its certificate was replaced in the meantime; start again to use the new one"
    }
    return nil
  }

  /// The same for a command that signs in as its `--device`.
  static func reason(_ error: any Error, _ arguments: ParsedArguments) -> String? {
    let option = arguments.command.option(named: "device")
    guard let device = arguments.string("device") ?? option?.defaultText else { return nil }
    return reason(error, devices: [device], arguments)
  }

  /// Whether an error is a refusal by the local broker.
  private static func isLocal(_ error: any Error, _ arguments: ParsedArguments) -> Bool {
    guard let error = error as? MQTTError, error.kind == .credentials || error.kind == .refused else {
      return false
    }
    return arguments.command.option(named: "endpoint") != nil && !arguments.has("endpoint")
  }
}
