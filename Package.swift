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
    .target(name: "BrokerPlugin", cSettings: [.define("_GNU_SOURCE")]),
    .target(name: "HTTP", dependencies: ["CMicroHTTPD"]),
    .target(name: "MQTT", dependencies: ["CLinux", "CMosquitto", "COpenSSL"]),
    .target(name: "JSON"),
    .target(name: "Identity", dependencies: ["COpenSSL", "JSON"]),
    .target(name: "Simulator", dependencies: ["MQTT"]),
    .target(name: "RulesEngine", dependencies: ["JSON", "MQTT", "COpenSSL", "CPCRE2"]),
    .executableTarget(
      name: "trucksensor", dependencies: ["HTTP", "JSON", "MQTT", "Identity", "Simulator", "RulesEngine"]),
    .testTarget(name: "RulesEngineTests", dependencies: ["JSON", "RulesEngine"], exclude: ["Cases"]),
    .testTarget(name: "MQTTTests", dependencies: ["MQTT"]),
    .testTarget(name: "IdentityTests", dependencies: ["Identity"]),
    .testTarget(name: "SimulatorTests", dependencies: ["Simulator"]),
    .testTarget(name: "TrucksensorTests", dependencies: ["trucksensor"]),
    .testTarget(
      name: "EndToEndTests", dependencies: ["Identity", "JSON", "MQTT", "Simulator"], exclude: ["moto_iot.py"]
    ),
  ],
  swiftLanguageModes: [.v6]
)
