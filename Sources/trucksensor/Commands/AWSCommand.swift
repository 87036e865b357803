import AWSAPI
import CommandLine
import Glibc
import LocalCloud
import MQTT

/// `trucksensor aws`: the API for AWS's own clients.
enum AWSCommand: Command {
  static let description = CommandDescription(
    name: "aws", summary: "Serves the local cloud to AWS's own clients: aws, boto3, SDKs.",
    discussion:
      "Available now are Timestream's query and write services. 'trucksensor run' "
      + "serves it by itself; this is for a store that another process fills, or has filled. It listens on 127.0.0.1. "
      + "A request must be signed; with key pairs in data/aws-credentials (in the form of ~/.aws/credentials) only "
      + "their signatures count, otherwise any key is accepted.",
    options: [
      .value("store", "FILE", "the store", default: "data/sensorDB.sqlite", file: true),
      AWSOptions.port,
    ],
    example: "trucksensor aws &\nexport AWS_ENDPOINT_URL=http://127.0.0.1:4566\n"
      + "aws timestream-query query --query-string 'SELECT count(*) FROM truck01_sensors'",
    exitCodes: [
      (.success, "done"), (.usage, "wrong usage"), (.dataError, "data/aws-credentials is invalid"),
      (.unavailable, "no port"), (.interrupted, "interrupted"),
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
    "aws-port", "PORT", "the port for AWS's clients; the next free one if it is taken", default: "4566")

  static let forRun = [port, .flag("no-aws", "don't serve AWS's clients")]

  /// Starts the API over a store, and prints its address.
  ///
  /// `broker` is the local broker of this folder, whoever runs it.
  static func start(
    _ arguments: ParsedArguments, store: String, broker: @escaping MessageGateway.Broker
  ) throws -> AWSServer {
    let port = try arguments.integer("aws-port", in: 0...65_535)
    let server = try AWSServer(
      port: UInt16(clamping: port ?? Int(AWSServer.usualPort)), isFixed: port != nil, store: store,
      cloud: CloudResources(broker: broker), credentials: AWSCredentials(file: "data/aws-credentials"))
    StandardError.print("AWS clients: export AWS_ENDPOINT_URL=\(server.address)")
    return server
  }
}
