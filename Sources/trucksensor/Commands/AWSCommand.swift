import AWSAPI
import CommandLine
import Files
import Glibc
import LocalCloud
import MQTT

/// `trucksensor aws`: the API for AWS's own clients.
enum AWSCommand: Command {
  static let description = CommandDescription(
    name: "aws", summary: "Serves the local cloud to the AWS CLI, boto3 and AWS's SDKs.",
    discussion:
      "Serves Timestream (query, write), AWS IoT (iot, iot-data) and STS over this folder's store, registry, policies and "
      + "rules. 'trucksensor run' does the same; use this command when no run is active. Publishing and reading retained "
      + "messages need a run's broker. The server listens on 127.0.0.1.\n\n"
      + "Requests must be signed. If data/aws-credentials (same format as ~/.aws/credentials) has key pairs, only "
      + "signatures by these keys are accepted; otherwise any key is.",
    options: [
      .value("store", "FILE", "the store", default: "data/sensorDB.sqlite", file: true),
      AWSOptions.port,
    ],
    example: "trucksensor aws &\nexport AWS_ENDPOINT_URL=http://127.0.0.1:4566\naws iot list-things\n"
      + "aws timestream-query query --query-string 'SELECT count(*) FROM truck01_sensors'",
    exitCodes: [
      (.success, "done"), (.usage, "wrong usage"), (.dataError, "data/aws-credentials is invalid"),
      (.unavailable, "no free port"), (.interrupted, "interrupted"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let path = try StoreOptions.file(arguments)
    Signals.block([SIGINT, SIGTERM])
    let loop = try EventLoop()
    let server = try AWSOptions.start(arguments, store: path, broker: LocalCloud.runningBroker)
    try loop.onSignal([SIGINT, SIGTERM]) { _ in loop.stop() }
    loop.run()
    withExtendedLifetime(server) {}
    return .interrupted
  }
}

/// Where the API listens.
enum AWSOptions {
  static let port = CommandDescription.Option.value(
    "aws-port", "PORT", "the port for AWS clients; the next free one if it is in use", default: "4566")

  static let forRun = [port, .flag("no-aws", "don't serve AWS clients")]

  /// Starts the API over a store, and prints its address.
  ///
  /// `broker` is the local broker of this folder, of any run.
  static func start(
    _ arguments: ParsedArguments, store: String, broker: @escaping MessageGateway.Broker
  ) throws -> AWSServer {
    let port = try arguments.integer("aws-port", in: 0...65_535)
    let server = try AWSServer(
      port: UInt16(clamping: port ?? Int(AWSServer.usualPort)), isFixed: port != nil, store: store,
      cloud: CloudResources(broker: broker),
      credentials: AWSCredentials(file: Workspace.data("aws-credentials")))
    if port == nil, server.port != AWSServer.usualPort {
      StandardError.print("Port \(AWSServer.usualPort) is in use; AWS clients connect to \(server.port).")
    }
    StandardError.print("AWS clients: export AWS_ENDPOINT_URL=\(server.address)")
    return server
  }
}
