// swift-tools-version: 6.1

import PackageDescription

let package = Package(
  name: "trucksensor",
  products: [
    .executable(name: "trucksensor", targets: ["trucksensor"]),
    // Loaded by the broker, not by us.
    .library(name: "BrokerPlugin", type: .dynamic, targets: ["BrokerPlugin"]),
  ],
  targets: [
    .systemLibrary(
      name: "CMosquitto", pkgConfig: "libmosquitto", providers: [.apt(["libmosquitto-dev"])]),
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
    .systemLibrary(
      name: "CMicroHTTPD", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CEditLine", pkgConfig: "libedit", providers: [.apt(["libedit-dev"])]),
    .target(
      name: "CTLSGather", cSettings: [.define("_GNU_SOURCE")],
      linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
    .target(name: "CCurl"),
    .target(name: "CPostgreSQL"),
    .target(
      name: "BrokerJournal", cSettings: [.define("_GNU_SOURCE")], linkerSettings: [.linkedLibrary("z")]),
    .target(
      name: "BrokerPlugin", dependencies: ["BrokerJournal"], cSettings: [.define("_GNU_SOURCE")],
      linkerSettings: [.linkedLibrary("crypto"), .linkedLibrary("mosquitto")]),
    .target(name: "Numbers"),
    .target(name: "Text"),
    .target(name: "Time", dependencies: ["Files", "Numbers"]),
    .target(name: "Files", dependencies: ["CLinux"]),
    .target(name: "JSON", dependencies: ["Numbers"]),
    .target(name: "Health", dependencies: ["JSON"]),
    .target(name: "HTTP", dependencies: ["CMicroHTTPD", "Files", "Numbers", "Time"]),
    .target(
      name: "MQTT",
      dependencies: ["CLinux", "CMosquitto", "COpenSSL", "CTLSGather", "Files", "Numbers", "Time"]),
    .target(name: "Identity", dependencies: ["COpenSSL", "Files", "JSON", "Numbers", "Text", "Time"]),
    .target(name: "Simulator", dependencies: ["Files", "JSON", "MQTT", "Numbers", "Text", "Time"]),
    .target(name: "TimestreamSQL", dependencies: ["CPCRE2", "Numbers", "Text", "Time"]),
    .target(
      name: "Store",
      dependencies: [
        "CCurl", "CPostgreSQL", "CSQLite", "CZlib", "Files", "JSON", "Numbers", "Text", "Time",
        "TimestreamSQL",
      ]),
    .target(name: "CCairo"),
    .target(name: "CAlertDefaults"),
    .target(name: "ColdChain", dependencies: ["CAlertDefaults", "Files", "JSON", "Numbers", "Time"]),
    .target(
      name: "Report", dependencies: ["CCairo", "ColdChain", "JSON", "Numbers", "Text", "Time"]),
    .target(
      name: "Dashboard",
      dependencies: [
        "ColdChain", "Diagnosing", "Files", "HTTP", "JSON", "Numbers", "Store", "Text", "Time",
        "TimestreamSQL",
      ],
      resources: [
        .embedInCode("Page/index.html"), .embedInCode("Page/query.html"), .embedInCode("Page/app.css"),
        .embedInCode("Page/app.js"),
        .embedInCode("Page/address.js"),
        .embedInCode("Page/alerts.js"),
        .embedInCode("Page/charts.js"),
        .embedInCode("Page/devices.js"),
        .embedInCode("Page/diagnosis.js"),
        .embedInCode("Page/live.js"),
        .embedInCode("Page/route.js"),
        .embedInCode("Page/stages.js"),
        .embedInCode("Page/state.js"),
        .embedInCode("Page/view.js"),
        .embedInCode("Page/query.js"),
      ]),
    .target(
      name: "RulesEngine",
      dependencies: [
        "CCurl", "CLinux", "COpenSSL", "CPCRE2", "CYAML", "Files", "Health", "JSON", "MQTT", "Numbers",
        "Store",
        "Text",
        "Time",
      ]),
    .target(name: "Delivery", dependencies: ["CCurl", "Text", "Time"]),
    .target(name: "CommandLine", dependencies: ["Files", "JSON", "Numbers", "Text", "Time"]),
    .target(
      name: "LocalCloud",
      dependencies: [
        "Files", "Identity", "JSON", "MQTT", "Numbers", "RulesEngine", "Text", "Time",
      ]),
    .target(
      name: "Doctor", dependencies: ["Files", "Identity", "JSON", "LocalCloud", "MQTT", "Numbers", "Time"]),
    .target(
      name: "Diagnosing",
      dependencies: ["ColdChain", "Files", "JSON", "Numbers", "Simulator", "Store", "Time"]),
    .target(
      name: "AWSAPI",
      dependencies: [
        "COpenSSL", "Files", "HTTP", "Identity", "JSON", "LocalCloud", "MQTT", "Numbers", "RulesEngine",
        "Store",
        "Text", "Time", "TimestreamSQL",
      ]),
    .executableTarget(
      name: "trucksensor",
      dependencies: [
        "AWSAPI", "CEditLine", "ColdChain", "CommandLine", "Dashboard", "Delivery", "Diagnosing", "Doctor",
        "Files",
        "Health",
        "HTTP",
        "Identity",
        "JSON", "LocalCloud", "MQTT", "Numbers", "Report", "RulesEngine", "Simulator", "Store", "Text",
        "Time",
        "TimestreamSQL",
      ]),
    .testTarget(name: "NumbersTests", dependencies: ["Numbers"]),
    .testTarget(name: "TimeTests", dependencies: ["Time"]),
    .testTarget(name: "FilesTests", dependencies: ["Files"]),
    .testTarget(name: "JSONTests", dependencies: ["JSON"]),
    .testTarget(name: "HealthTests", dependencies: ["Health", "JSON"]),
    .testTarget(
      name: "RulesEngineTests",
      dependencies: ["Files", "JSON", "MQTT", "Numbers", "RulesEngine", "Store", "Text", "Time"],
      exclude: ["Cases"]),
    .testTarget(name: "MQTTTests", dependencies: ["Files", "MQTT", "Time"]),
    .testTarget(name: "BrokerJournalTests", dependencies: ["BrokerJournal", "Files"]),
    .testTarget(name: "IdentityTests", dependencies: ["Files", "Identity"]),
    .testTarget(name: "LocalCloudTests", dependencies: ["Files", "Identity", "LocalCloud"]),
    .testTarget(name: "SimulatorTests", dependencies: ["JSON", "Numbers", "Simulator", "Time"]),
    .testTarget(name: "ColdChainTests", dependencies: ["ColdChain", "Files", "Numbers"]),
    .testTarget(
      name: "DiagnosingTests",
      dependencies: ["ColdChain", "Diagnosing", "JSON", "Simulator", "Store", "Time"]),
    .testTarget(
      name: "DashboardTests",
      dependencies: [
        "CSQLite", "ColdChain", "Dashboard", "Files", "HTTP", "JSON", "Numbers", "Store", "Time",
      ]),
    .testTarget(name: "ReportTests", dependencies: ["ColdChain", "JSON", "Report", "Time"]),
    .testTarget(name: "StoreTests", dependencies: ["JSON", "Numbers", "Store", "Time"]),
    .testTarget(name: "TimestreamSQLTests", dependencies: ["Numbers", "Store", "Time", "TimestreamSQL"]),
    .testTarget(
      name: "TrucksensorTests",
      dependencies: [
        "CommandLine", "Health", "MQTT", "Simulator", "Store", "Text", "Time", "trucksensor",
      ]),
    .testTarget(
      name: "EndToEndTests",
      dependencies: ["Identity", "JSON", "MQTT", "Numbers", "Simulator", "Store", "Time"],
      exclude: [
        "access.py", "alerts.py", "awsmodel.py", "cards.py", "differential.py", "grafana.py", "iot.py",
        "moto_iot.py", "moto_reset.py",
        "page.py", "query.py", "sdk.py", "terminal.py", "timestream.py", "timestream_write.py",
        "verdict.py",
      ]
    ),
  ],
  swiftLanguageModes: [.v6]
)

// scripts/fuzz.sh asks for it. Only with '--sanitize fuzzer' it has an entry point.
if Context.environment["TRUCKSENSOR_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "Fuzz",
      dependencies: [
        "AWSAPI", "ColdChain", "HTTP", "Identity", "JSON", "LocalCloud", "MQTT", "RulesEngine", "Simulator",
        "Store",
        "Time",
      ],
      path: "Tests/Fuzz", exclude: ["seeds.py"]))
}
