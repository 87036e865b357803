import ColdChain
import CommandLine
import Dashboard
import Files
import Glibc
import HTTP
import MQTT
import Store
import Time

/// `trucksensor dashboard`: the live page for an existing store.
enum DashboardCommand: Command {
  static let description = CommandDescription(
    name: "dashboard", summary: "Serves the dashboard of a store as a web page.",
    discussion:
      "Use this command for a store that no run is writing, or that another process writes: 'trucksensor run' serves the same page itself. "
      + "The page is at http://127.0.0.1:8080. To serve it on another address, give a certificate, its key and a token.",
    options: StoreOptions.existing + DashboardOptions.listening + [
      .value("table", "TABLE", "the table of the trucks' readings", default: "truck01_sensors")
    ], example: "trucksensor dashboard --port 8081",
    exitCodes: [
      (.success, "done"), (.usage, "wrong usage"), (.unavailable, "no store, or no free port"),
      (.interrupted, "interrupted"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let store = try StoreOptions.location(arguments)
    // Says at once what is wrong with it.
    _ = try store.charts(table: arguments.string("table") ?? "truck01_sensors").measures()
    Signals.block([SIGINT, SIGTERM])
    let loop = try EventLoop()
    let page = try DashboardRunner(arguments, store: store, publisher: nil, loop: loop)
    try loop.onSignal([SIGINT, SIGTERM]) { _ in loop.stop() }
    loop.run()
    page.stop(loop)
    return .interrupted
  }
}

/// The options for the page's address.
enum DashboardOptions {
  static let listening: [CommandDescription.Option] = [
    .value("port", "PORT", "the dashboard's port; the next free one if it is in use", default: "8080"),
    .value(
      "address", "ADDRESS",
      "the address to listen on; any but 127.0.0.1 needs --tls-cert, --tls-key and --token-file",
      default: "127.0.0.1"),
    .value("tls-cert", "FILE", "the dashboard's certificate, PEM", file: true),
    .value("tls-key", "FILE", "its key, PEM", file: true),
    .value("token-file", "FILE", "a file with the token that browsers must send as /?token=…", file: true),
  ]

  static let forRun: [CommandDescription.Option] =
    listening.map { option in
      var option = option
      if option.name == "port" || option.name == "address" {
        option = .value(
          "dashboard-\(option.name)", option.placeholder ?? "", option.help, default: option.defaultText)
      }
      return option
    } + [.flag("no-dashboard", "don't serve the dashboard")]

  /// Checks the ports that a run takes, before it starts anything.
  static func checkPorts(_ arguments: ParsedArguments) throws(UsageError) {
    _ = try arguments.integer("dashboard-port", in: 0...65_535)
    _ = try arguments.integer("aws-port", in: 0...65_535)
  }

  static func settings(_ arguments: ParsedArguments, store: StoreLocation) throws -> (
    DashboardSettings, fixed: Bool
  ) {
    let prefix = arguments.command.option(named: "dashboard-port") == nil ? "" : "dashboard-"
    let port = try arguments.integer("\(prefix)port", in: 0...65_535)
    var http = HTTPSettings(port: UInt16(clamping: port ?? 8080))
    http.address = arguments.string("\(prefix)address") ?? "127.0.0.1"
    if let certificate = arguments.string("tls-cert"), let key = arguments.string("tls-key") {
      http.tls = (try Files.readText(certificate), try Files.readText(key))
    }
    var settings = DashboardSettings(store: store, http: http)
    if let file = arguments.string("token-file") {
      let token = String(try Files.readText(file).prefix { !$0.isWhitespace })
      guard token.count >= 16,
        token.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) })
      else {
        throw arguments.error(
          "--token-file must hold at least 16 letters and digits; 'openssl rand -hex 16' makes a token")
      }
      settings.token = token
    }
    if !http.address.hasPrefix("127."), http.tls == nil || settings.token == nil {
      throw arguments.error("an address other than 127.0.0.1 needs --tls-cert, --tls-key and --token-file")
    }
    settings.table =
      arguments.command.option(named: "table") == nil
      ? settings.table : arguments.string("table") ?? settings.table
    return (settings, port != nil)
  }
}

/// The alert rules on disk.
enum AlertFile {
  static let name = "alerts.json"
  static let path = Files.join(RuleFiles.folder, name)
}
