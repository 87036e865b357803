import Foundation

/// What libFuzzer calls with each input; scripts/fuzz.sh builds and runs it. A fault is a trap, a sanitizer's report, or a
/// failed `require`.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  target(Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}

/// The target that the environment names.
nonisolated(unsafe) private let target: ([UInt8]) -> Void = {
  let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
  guard let target = Targets.all[name] else {
    fatalError("FUZZ_TARGET is one of \(Targets.all.keys.sorted().joined(separator: " "))")
  }
  return target
}()

enum Targets {
  nonisolated(unsafe) static let all: [String: ([UInt8]) -> Void] = [
    "alerts": alerts, "aws-api": awsAPI, "csv": csv, "decimal": decimal, "http": http, "iot-sql": statement,
    "json": json,
    "policy": policy, "registry": registry, "rule-case": ruleCase, "rule-document": ruleDocument,
    "rule-template": ruleTemplate, "store-url": storeURL, "time-pattern": timePattern,
    "timestream-sql": timestreamSQL, "times": times,
    "topic": topic,
  ]

  /// Ends the run with a finding unless `condition` holds.
  static func require(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition { fatalError(message()) }
  }

  /// The first `count` lines, and what follows as the last one; missing ones are empty.
  static func parts(_ bytes: [UInt8], _ count: Int) -> [[UInt8]] {
    let parts = bytes.split(
      separator: UInt8(ascii: "\n"), maxSplits: count - 1, omittingEmptySubsequences: false)
    return parts.map(Array.init) + Array(repeating: [], count: count - parts.count)
  }

  static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  /// A folder that ends with the run's temporary folder.
  static let folder: String = {
    let folder = NSTemporaryDirectory() + "/fuzz-\(getpid())"
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder
  }()
}
