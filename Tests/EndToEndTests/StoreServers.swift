import Foundation
import Testing

/// A time-series server from Debian, on a free port of loopback, with its files in the test's folder.
final class StoreServer {
  enum Kind: String, CaseIterable { case influxDB, victoriaMetrics, postgreSQL }

  let kind: Kind
  let port: UInt16
  private let process: Trucksensor.Running
  private let folder: URL

  private static let postgresBinaries: String? = {
    let root = "/usr/lib/postgresql"
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    return versions.compactMap { Int($0) }.max().map { "\(root)/\($0)/bin" }
  }()

  static func program(_ kind: Kind) -> String? {
    let path =
      switch kind {
      case .influxDB: "/usr/bin/influxd"
      case .victoriaMetrics: "/usr/bin/victoria-metrics"
      case .postgreSQL: (postgresBinaries ?? "") + "/postgres"
      }
    return FileManager.default.isExecutableFile(atPath: path) ? path : nil
  }

  init(_ kind: Kind, in truck: Trucksensor) throws {
    self.kind = kind
    let program = try #require(Self.program(kind))
    port = UInt16.random(in: 21_000...28_000)
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "trucksensor-server-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let data = folder.appendingPathComponent("data").path
    switch kind {
    case .influxDB:
      try """
      reporting-disabled = true
      bind-address = "127.0.0.1:\(port + 1)"
      [meta]
        dir = "\(data)/meta"
      [data]
        dir = "\(data)/data"
        wal-dir = "\(data)/wal"
      [http]
        bind-address = "127.0.0.1:\(port)"
        log-enabled = false
      [monitor]
        store-enabled = false
      """.write(to: folder.appendingPathComponent("influxdb.conf"), atomically: true, encoding: .utf8)
      process = try .init(
        URL(fileURLWithPath: program), ["-config", folder.appendingPathComponent("influxdb.conf").path],
        in: truck.folder)
    case .victoriaMetrics:
      // Its defaults drop points older than a month, and count one that came twice twice.
      process = try .init(
        URL(fileURLWithPath: program),
        [
          "-httpListenAddr=127.0.0.1:\(port)", "-storageDataPath=\(data)", "-retentionPeriod=100y",
          "-dedup.minScrapeInterval=1ms", "-search.latencyOffset=0s", "-selfScrapeInterval=0",
        ], in: truck.folder)
    case .postgreSQL:
      // It doesn't run as root. Changing the user resets the signal that Running asks for.
      let isRoot = getuid() == 0
      if isRoot { _ = try Self.shell("chown postgres '\(folder.path)'") }
      let user = isRoot ? "setpriv --reuid=postgres --regid=postgres --clear-groups --pdeathsig KILL " : ""
      let binaries = Self.postgresBinaries ?? ""
      _ = try Self.shell("cd /; \(user)\(binaries)/initdb -D '\(data)' -U postgres -A trust >/dev/null 2>&1")
      process = try .init(
        URL(fileURLWithPath: "/bin/sh"),
        [
          "-c",
          "cd /; exec \(user)\(binaries)/postgres -D '\(data)' -p \(port) -c listen_addresses=127.0.0.1 -c unix_socket_directories='\(folder.path)'",
        ], in: truck.folder)
    }
    let check =
      switch kind {
      case .influxDB: "curl -fsS 127.0.0.1:\(port)/ping"
      case .victoriaMetrics: "curl -fsS 127.0.0.1:\(port)/health"
      case .postgreSQL: "psql -h 127.0.0.1 -p \(port) -U postgres -c 'SELECT 1'"
      }
    let deadline = Date().addingTimeInterval(30)
    while try Self.shell("\(check) >/dev/null 2>&1; echo $?") != "0\n" {
      try #require(Date() < deadline, "\(process.errorText)\(process.outputText)")
      poll(nil, 0, 100)
    }
    if kind == .influxDB {
      _ = try Self.shell(
        "curl -fsS -XPOST 127.0.0.1:\(port)/query --data-urlencode 'q=CREATE DATABASE sensorDB'")
    }
  }

  deinit {
    process.end(kind == .postgreSQL ? SIGINT : SIGTERM)
    try? FileManager.default.removeItem(at: folder)
  }

  var url: String {
    switch kind {
    case .influxDB, .victoriaMetrics: "influx+http://127.0.0.1:\(port)?db=sensorDB"
    case .postgreSQL: "postgres://postgres@127.0.0.1:\(port)/postgres"
    }
  }

  func pause() { process.interrupt(SIGSTOP) }

  /// What a shell command prints.
  static func shell(_ command: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
  }
}
