import CommandLine
import LocalCloud
import MQTT

/// What this folder's registry knows of a refusal by the local broker, which itself only says `not authorized`.
enum Refusal {
  /// The reason for one of `devices` and what to do; nil if it isn't the local broker's, or the registry knows of none.
  static func reason(_ error: any Error, devices: [String], _ arguments: ParsedArguments) -> String? {
    guard let error = error as? MQTTError, error.kind == .credentials || error.kind == .refused,
      arguments.command.option(named: "endpoint") != nil, !arguments.has("endpoint")
    else { return nil }
    return Admission.refusal(
      among: devices, certificateFile: arguments.string("cert"), clientID: arguments.string("client-id"))
  }

  /// The same for a command that signs in as its `--device`.
  static func reason(_ error: any Error, _ arguments: ParsedArguments) -> String? {
    let option = arguments.command.option(named: "device")
    guard let device = arguments.string("device") ?? option?.defaultText else { return nil }
    return reason(error, devices: [device], arguments)
  }
}
