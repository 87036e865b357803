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
    .systemLibrary(name: "CEditLine", pkgConfig: "libedit", providers: [.apt(["libedit-dev"])]),
    .target(name: "CCurl"),
    .target(name: "CPostgreSQL"),
    .target(name: "BrokerPlugin", cSettings: [.define("_GNU_SOURCE")]),
    .target(name: "HTTP", dependencies: ["CMicroHTTPD"]),
    .target(name: "MQTT", dependencies: ["CLinux", "CMosquitto", "COpenSSL"]),
    .target(name: "JSON"),
    .target(name: "Identity", dependencies: ["COpenSSL", "JSON"]),
    .target(name: "Simulator", dependencies: ["JSON", "MQTT"]),
    .target(name: "Store", dependencies: ["CCurl", "CPostgreSQL", "CSQLite", "CZlib", "JSON"]),
    .systemLibrary(name: "CCairo", pkgConfig: "cairo", providers: [.apt(["libcairo2-dev"])]),
    .target(name: "ColdChain"),
    .target(name: "Report", dependencies: ["CCairo", "ColdChain", "JSON", "Store"]),
    .target(
      name: "Dashboard", dependencies: ["ColdChain", "HTTP", "JSON", "Store"],
      resources: [.embedInCode("Page/index.html"), .embedInCode("Page/app.js"), .embedInCode("Page/app.css")]),
    .target(name: "RulesEngine", dependencies: ["JSON", "MQTT", "Store", "COpenSSL", "CPCRE2"]),
    .executableTarget(
      name: "trucksensor",
      dependencies: [
        "CEditLine", "ColdChain", "Dashboard", "Report", "HTTP", "JSON", "MQTT", "Identity", "Simulator",
        "RulesEngine",
        "Store",
      ]),
    .testTarget(name: "RulesEngineTests", dependencies: ["JSON", "RulesEngine"], exclude: ["Cases"]),
    .testTarget(name: "MQTTTests", dependencies: ["MQTT"]),
    .testTarget(name: "IdentityTests", dependencies: ["Identity"]),
    .testTarget(name: "SimulatorTests", dependencies: ["JSON", "Simulator"]),
    .testTarget(name: "ColdChainTests", dependencies: ["ColdChain"]),
    .testTarget(name: "StoreTests", dependencies: ["Store"]),
    .testTarget(name: "TrucksensorTests", dependencies: ["trucksensor"]),
    .testTarget(
      name: "EndToEndTests", dependencies: ["Identity", "JSON", "MQTT", "Simulator"],
      exclude: ["cards.py", "grafana.py", "moto_iot.py", "page.py"]
    ),
  ],
  swiftLanguageModes: [.v6]
)
