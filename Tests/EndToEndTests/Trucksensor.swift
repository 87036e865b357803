import Foundation
import Synchronization
import Testing

/// The release executable, run in a folder of its own; scripts/test.sh builds it first. `TRUCKSENSOR_EXECUTABLE` names
/// another one, such as the debug build.
final class Trucksensor {
  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent()
  static let executable =
    ProcessInfo.processInfo.environment["TRUCKSENSOR_EXECUTABLE"].map { URL(fileURLWithPath: $0) }
    ?? repository.appendingPathComponent(".build/release/trucksensor")
  static var isBuilt: Bool { FileManager.default.isExecutableFile(atPath: executable.path) }

  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "trucksensor-e2e-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let files = Self.repository.appendingPathComponent("TruckSensorFiles")
    try FileManager.default.createSymbolicLink(
      at: folder.appendingPathComponent("TruckSensorFiles"), withDestinationURL: files)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: folder.appendingPathComponent(name))
  }

  /// A rules engine of its own identity, with the rules in the folder "own".
  func startEngine() throws -> Running {
    let engine = try start(
      "rules", "run", "--rules", "own", "--device", "mqttTestClient", "--client-id", "engine")
    try engine.waitUntil { $0.errorText.contains("rules: ready") }
    return engine
  }

  /// Starts the executable without waiting for its end.
  func start(_ arguments: String..., program: URL = Trucksensor.executable) throws -> Running {
    try Running(program, arguments, in: folder)
  }

  /// Runs the executable to its end.
  func run(_ arguments: String...) throws -> Finished {
    try Running(Self.executable, arguments, in: folder).wait()
  }

  struct Finished {
    let status: Int32
    let output: String
    let errors: String

    var lines: [String] { output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
    var json: [String: Any] {
      let last = output.split(separator: "\n").last.map(String.init) ?? ""
      return (try? JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any]) ?? [:]
    }
  }

  /// A started process whose output goes to files, so that no pipe can fill up. It ends with its object, and with the test
  /// process if that is killed.
  final class Running {
    let process = Process()
    private let output: URL
    private let errors: URL

    init(_ program: URL, _ arguments: [String], in folder: URL) throws {
      let name = UUID().uuidString
      output = folder.appendingPathComponent("\(name).out")
      errors = folder.appendingPathComponent("\(name).err")
      try Data().write(to: output)
      try Data().write(to: errors)
      process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
      process.arguments = ["--pdeathsig", "KILL", program.path] + arguments
      process.currentDirectoryURL = folder
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = try FileHandle(forWritingTo: output)
      process.standardError = try FileHandle(forWritingTo: errors)
      try Launcher.shared.start(process)
    }

    deinit { end() }

    /// Ends the process and its children: asks for it with `signal`, and no longer asks after 10 s.
    func end(_ signal: Int32 = SIGTERM) {
      guard process.isRunning else { return }
      // Foundation makes each process the leader of a group.
      let group = -process.processIdentifier
      kill(group, signal)
      kill(group, SIGCONT)
      let deadline = Date().addingTimeInterval(10)
      while process.isRunning && Date() < deadline { poll(nil, 0, 10) }
      kill(group, SIGKILL)
      process.waitUntilExit()
    }

    var outputText: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }
    var errorText: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }

    func wait() -> Finished {
      process.waitUntilExit()
      return Finished(status: process.terminationStatus, output: outputText, errors: errorText)
    }

    /// Looks every 10 ms, for 20 s at most, until `condition` holds.
    func waitUntil(_ condition: (Running) -> Bool) throws {
      let deadline = Date().addingTimeInterval(20)
      while !condition(self) {
        try #require(Date() < deadline && process.isRunning || condition(self), "\(errorText)")
        poll(nil, 0, 10)
      }
    }

    func interrupt(_ signal: Int32 = SIGINT) { kill(process.processIdentifier, signal) }
  }
}

/// Starts processes on one thread that never ends: the kernel counts the end of the thread that started a process as the
/// end of its parent, and the threads that run tests come and go.
private final class Launcher: Sendable {
  static let shared = Launcher()

  private let jobs = Mutex<[@Sendable () -> Void]>([])
  private let isWaiting = DispatchSemaphore(value: 0)

  private init() {
    Thread { [self] in
      while true {
        isWaiting.wait()
        jobs.withLock { $0.removeFirst() }()
      }
    }.start()
  }

  func start(_ process: Process) throws {
    // The caller waits until the thread is done with them.
    let process = process
    nonisolated(unsafe) var result = Result<Void, any Error>.success(())
    let isDone = DispatchSemaphore(value: 0)
    jobs.withLock {
      $0.append {
        result = Result { try process.run() }
        isDone.signal()
      }
    }
    isWaiting.signal()
    isDone.wait()
    try result.get()
  }
}
