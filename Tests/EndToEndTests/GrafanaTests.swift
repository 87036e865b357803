import Foundation
import Testing

/// What is for Grafana: the dashboards against its schema and real stores, and the provisioning files.
@Suite(.enabled(if: Trucksensor.isBuilt), .serialized) struct GrafanaTests {
  private static let tools = Trucksensor.repository.appendingPathComponent(".build/aws-tools")
  private static let folder = Trucksensor.repository.appendingPathComponent("deploy/grafana")
  static var hasSDK: Bool {
    ((try? StoreServer.shell("'\(tools.path)/bin/python' -c 'import grafana_foundation_sdk' 2>&1; echo $?"))
      ?? "") == "0\n"
  }

  @Test(
    .enabled(if: hasSDK, "Grafana's SDK is missing; scripts/test.sh installs it"),
    arguments: ["sqlite", "postgres", "influxdb", "prometheus", "timestream"])
  func `a dashboard is of Grafana's schema, and its queries answer what the store has`(_ kind: String) throws
  {
    let truck = try Trucksensor()
    let server: StoreServer?
    switch kind {
    case "postgres":
      server = StoreServer.program(.postgreSQL) == nil ? nil : try StoreServer(.postgreSQL, in: truck)
    case "influxdb":
      server = StoreServer.program(.influxDB) == nil ? nil : try StoreServer(.influxDB, in: truck)
    case "prometheus":
      server =
        StoreServer.program(.victoriaMetrics) == nil ? nil : try StoreServer(.victoriaMetrics, in: truck)
    default: server = nil
    }
    if !["sqlite", "timestream"].contains(kind), server == nil {
      print("skipped: the server for \(kind) is not installed; scripts/setup.sh --tests installs it")
      return
    }
    let imported = try truck.run(
      "store", "import", "TruckSensorFiles/trucksensordata.csv", "--start", "2024-10-23T14:00:00Z", "--store",
      server?.url ?? "data/sensorDB.sqlite")
    #expect(imported.status == 0, "\(imported.errors)")
    // An alert, as the rule deploy/grafana/truckAlerts.json stores it.
    try truck.write(
      "time,device,rule,change,text\n2024-10-23T14:50:26Z,truckSensor01,voltage,raised,raised: Voltage below 11.95 V\n",
      to: "alerts.csv")
    let alerts = try truck.run(
      "store", "import", "alerts.csv", "--table", "truck01_alerts", "--dimension", "rule", "--dimension",
      "change", "--no-alerts", "--store", server?.url ?? "data/sensorDB.sqlite")
    #expect(alerts.status == 0 || kind == "prometheus", "\(alerts.errors)")
    // VictoriaMetrics shows new points within seconds.
    if kind == "prometheus" { poll(nil, 0, 3000) }
    var address = server.map { "127.0.0.1:\($0.port)" } ?? truck.path("data/sensorDB.sqlite")
    var cloud: Trucksensor.Running?
    if kind == "timestream" {
      let running = try truck.start("aws", "--aws-port", "0")
      try running.waitUntil { $0.errorText.contains("AWS_ENDPOINT_URL=") }
      address = String(try #require(running.errorText.firstMatch(of: /URL=http:\/\/(\S+)/)?.1))
      cloud = running
    }
    defer { cloud?.interrupt() }
    let checked = try Trucksensor.Running(
      Self.tools.appendingPathComponent("bin/python"),
      [
        Trucksensor.repository.appendingPathComponent("Tests/EndToEndTests/grafana.py").path,
        Self.folder.appendingPathComponent("dashboards/truck01-\(kind).json").path,
        address,
      ], in: truck.folder
    ).wait()
    #expect(checked.status == 0, "\(checked.errors.suffix(800))")
    let seen = try #require(checked.json as? [String: [Double]])
    #expect(seen["Maximum"] == [21.9, 12.11] && seen["Minimum"] == [-18.32, 11.81], "\(seen)")
    #expect(seen["Door openings"] == [13], "\(seen)")
    #expect(seen["Current"]?.count == 2 && seen["Average"]?.count == 2)
  }

  @Test func `the files are what the script writes, and the provisioning names them`() throws {
    let copy = try Trucksensor()
    try FileManager.default.createDirectory(atPath: copy.path("deploy"), withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: Self.folder, to: copy.folder.appendingPathComponent("deploy/grafana"))
    try FileManager.default.copyItem(
      at: Trucksensor.repository.appendingPathComponent("rules"),
      to: copy.folder.appendingPathComponent("rules"))
    _ = try StoreServer.shell("python3 '\(copy.path("deploy/grafana/make-dashboards.py"))'")
    let alerts = "provisioning/alerting/trucksensor.yaml"
    #expect(
      FileManager.default.contentsEqual(
        atPath: Self.folder.appendingPathComponent(alerts).path,
        andPath: copy.path("deploy/grafana/\(alerts)")))
    for kind in ["sqlite", "postgres", "influxdb", "prometheus", "timestream"] {
      let name = "dashboards/truck01-\(kind).json"
      #expect(
        FileManager.default.contentsEqual(
          atPath: Self.folder.appendingPathComponent(name).path, andPath: copy.path("deploy/grafana/\(name)"))
      )
      let sources = try String(
        contentsOf: Self.folder.appendingPathComponent("provisioning/datasources/trucksensor.yaml"),
        encoding: .utf8)
      #expect(sources.contains("uid: trucksensor-\(kind)\n"))
    }
  }

  @Test(.enabled(if: hasSDK, "scripts/test.sh installs what reads YAML"))
  func `the provisioning files have the keys that Grafana wants`() throws {
    let script = """
      import sys, yaml, sqlite3
      folder, store = sys.argv[1:3]
      sources = yaml.safe_load(open(folder + '/provisioning/datasources/trucksensor.yaml'))
      assert sources['apiVersion'] == 1
      for source in sources['datasources']:
          assert {'name', 'uid', 'type', 'access'} <= set(source), source
          assert set(source) <= {'name', 'uid', 'type', 'access', 'url', 'user', 'jsonData', 'secureJsonData'}, source
      boards = yaml.safe_load(open(folder + '/provisioning/dashboards/trucksensor.yaml'))
      assert boards['providers'][0]['type'] == 'file' and boards['providers'][0]['options']['path']
      alerts = yaml.safe_load(open(folder + '/provisioning/alerting/trucksensor.yaml'))
      uids = {source['uid'] for source in sources['datasources']}
      for rule in alerts['groups'][0]['rules']:
          assert {'uid', 'title', 'condition', 'data', 'for'} <= set(rule), rule
          assert rule['condition'] in {part['refId'] for part in rule['data']}
          for part in rule['data']:
              assert part['datasourceUid'] in uids | {'__expr__'}, part
              assert part['model']['refId'] == part['refId']
              if 'queryText' in part['model']:
                  sqlite3.connect('file:' + store + '?mode=ro', uri=True).execute(part['model']['queryText']).fetchall()
      print(len(alerts['groups'][0]['rules']), 'rules')
      """
    let truck = try Trucksensor()
    _ = try truck.run(
      "store", "import", "TruckSensorFiles/trucksensordata.csv", "--start", "2024-10-23T14:00:00Z")
    try truck.write(script, to: "check.py")
    let result = try Trucksensor.Running(
      Self.tools.appendingPathComponent("bin/python"),
      [truck.path("check.py"), Self.folder.path, truck.path("data/sensorDB.sqlite")], in: truck.folder
    ).wait()
    #expect(result.output == "4 rules\n", "\(result.errors)")
  }
}
