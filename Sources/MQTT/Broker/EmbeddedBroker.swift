import Files
import Glibc
import Time

/// A mosquitto of our own on 127.0.0.1, started as a child and ended with us.
///
/// It runs in a process group of its own, so that Ctrl-C reaches it through us, after the last acknowledgement, and it
/// ends when we are killed. A lock on the port's folder tells a broker that another run uses from one that was left
/// behind. `BrokerProcess` is the process, `LoopbackPort` the port, `BrokerLog` the log.
public final class EmbeddedBroker {
  /// The port it listens on.
  public private(set) var port: UInt16 = 0
  /// Its log.
  public var logFile: String { folder + "/mosquitto.log" }
  /// Whether a broker that a killed run had left behind was ended first.
  public private(set) var replacedLeftover = false

  private var configuration: BrokerConfiguration
  private var folder = ""
  private let executable: String
  private var lock: FileLock?
  private var process: BrokerProcess?
  private var log = BrokerLog(path: "")
  private var noticeTimer: LoopTimer?

  /// Starts a broker and returns when it accepts connections. Throws `MQTTError` of kind `system` in the broker's
  /// words made plain.
  public init(_ configuration: BrokerConfiguration) throws(MQTTError) {
    guard let executable = Self.findExecutable() else {
      throw MQTTError(
        .system,
        "mosquitto, the local broker, is not installed; run scripts/setup.sh, or connect elsewhere by --endpoint"
      )
    }
    self.executable = executable
    self.configuration = try Self.absolute(configuration)
    let last = UInt16(clamping: Int(configuration.preferredPort) + 99)
    for port in configuration.preferredPort...last {
      let folder = Files.join(self.configuration.directory, "\(port)")
      guard let lock = try MQTTError.rethrowing({ () throws(FileError) in try Self.lock(folder) }) else {
        continue
      }
      let replaced = Self.endLeftover(in: folder)
      guard LoopbackPort(number: port).isFree else { continue }
      (self.port, self.folder, self.lock, replacedLeftover) = (port, folder, lock, replaced)
      log = BrokerLog(path: logFile)
      try writeFiles()
      do throws(MQTTError) {
        try start()
        return
      } catch {
        // Somebody may have taken the port since it was looked at.
        guard port < last, error.message.contains("in use") else { throw error }
        self.lock = nil
      }
    }
    throw MQTTError(
      .system, "no free port for the local broker from \(configuration.preferredPort) to \(last) on 127.0.0.1"
    )
  }

  deinit { stop() }

  /// The port of a broker that another process of ours runs with its files in `directory`; the lowest if several.
  public static func runningPort(in directory: String) -> UInt16? {
    guard let names = try? Files.list(directory) else { return nil }
    return names.compactMap { UInt16($0) }.sorted().first { port in
      let folder = Files.join(directory, "\(port)")
      guard access(folder + "/pid", R_OK) == 0 else { return false }
      // Whoever runs it holds the lock.
      do { return try FileLock.take(folder + "/lock") == nil } catch { return false }
    }
  }

  /// Starts it again after it ended by itself; throws if it doesn't come up.
  public func restart() throws(MQTTError) {
    process?.reap()
    try start()
  }

  /// Calls `handler` on `loop` when the broker ends without being asked to.
  public func onUnexpectedEnd(_ loop: EventLoop, _ handler: @escaping () -> Void) throws(MQTTError) {
    guard let process else { return }
    let descriptor = process.descriptor
    try loop.watch(descriptor) { [weak self, weak process, unowned loop] _ in
      loop.unwatch(descriptor)
      guard let self, let process, self.process === process else { return }
      handler()
    }
  }

  /// Calls `handler` on `loop` with each sentence about what the broker could not do for a client, looking once a
  /// second.
  public func onNotice(_ loop: EventLoop, _ handler: @escaping (String) -> Void) {
    noticeTimer = loop.makeTimer { [weak self] in
      guard let self else { return }
      for notice in log.newNotices() { handler(notice) }
      noticeTimer?.set(MonotonicTime.now().advanced(by: 1_000_000_000))
    }
    noticeTimer?.set(.now())
  }

  /// The last errors of its log, without time stamps.
  public func lastErrors() -> [String] { log.errors }

  /// Ends it: politely, and after five seconds for certain.
  public func stop() {
    guard let process else { return }
    self.process = nil
    process.stop()
    unlink(folder + "/pid")
  }

  /// Gives the running broker other permissions and another revocation list. mosquitto reads the first again at a
  /// signal; for the second it is restarted, which also disconnects the clients that the list names. The others reconnect,
  /// and their sessions are kept. True if it was restarted: its end must be watched again, too.
  public func apply(
    accessControlList: String, clients: String, revocationList: String?
  ) throws(MQTTError) -> Bool {
    configuration.plugin?.clients = clients
    let mustRestart = revocationList != configuration.revocationList
    configuration.accessControlList = accessControlList
    configuration.revocationList = revocationList
    try writeFiles()
    if mustRestart {
      stop()
      try start()
    } else {
      process?.signal(SIGHUP)
    }
    return mustRestart
  }

  private func writeFiles() throws(MQTTError) {
    var files = [
      ("acl", configuration.accessControlList),
      ("mosquitto.conf", configuration.text(port: port, folder: folder, runsAsRoot: getuid() == 0)),
    ]
    if let plugin = configuration.plugin { files.append(("clients", plugin.clients)) }
    if let list = configuration.revocationList { files.append(("crl.pem", list)) }
    for (name, text) in files { try write(text, to: name) }
  }

  private func write(_ text: String, to name: String) throws(MQTTError) {
    try MQTTError.rethrowing { () throws(FileError) in
      try Files.write(Array(text.utf8), to: Files.join(folder, name), mode: 0o600)
    }
  }

  private func start() throws(MQTTError) {
    unlink(logFile)
    let process = try BrokerProcess(executable, ["-c", folder + "/mosquitto.conf"], log: logFile)
    self.process = process
    try write("\(process.identifier)\n", to: "pid")
    let port = LoopbackPort(number: port)
    // A fresh mosquitto accepts within milliseconds; ten seconds are for a machine under load.
    for _ in 0..<1000 {
      // Somebody else's broker on a port that ours couldn't have would accept too.
      if port.accepts, port.belongs(to: process.identifier) { return }
      if process.ends(withinMilliseconds: 10) { break }
    }
    let errors = lastErrors()
    self.process = nil
    process.signal(SIGKILL)
    process.reap()
    unlink(folder + "/pid")
    let reason = errors.isEmpty ? "it ended without a word; see \(logFile)" : errors.joined(separator: " ")
    throw MQTTError(.system, "the local broker did not start: \(reason)")
  }

  private static func lock(_ folder: String) throws(FileError) -> FileLock? {
    try Files.makeFolder(folder)
    return try FileLock.take(folder + "/lock")
  }

  /// Ends the broker of a run that was killed: the process in the pid file, if it still runs our configuration.
  private static func endLeftover(in folder: String) -> Bool {
    guard let text = try? Files.readText(folder + "/pid"),
      let process = pid_t(text.filter { $0 != "\n" }), process > 1,
      let command = try? Files.readText("/proc/\(process)/cmdline"),
      command.contains(folder + "/mosquitto.conf")
    else { return false }
    BrokerProcess.end(stranger: process)
    return true
  }

  /// `TRUCKSENSOR_MOSQUITTO` names another mosquitto than the system's.
  private static func findExecutable() -> String? {
    if let chosen = getenv("TRUCKSENSOR_MOSQUITTO").map({ String(cString: $0) }) {
      return access(chosen, X_OK) == 0 ? chosen : nil
    }
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/local/sbin"]
    return folders.map { $0 + "/mosquitto" }.first { access($0, X_OK) == 0 }
  }

  /// mosquitto would take relative paths from wherever it runs.
  private static func absolute(_ configuration: BrokerConfiguration) throws(MQTTError) -> BrokerConfiguration
  {
    try MQTTError.rethrowing { () throws(FileError) in
      var result = configuration
      try Files.makeFolder(configuration.directory)
      result.directory = try Files.absolute(configuration.directory)
      result.caFile = try Files.absolute(configuration.caFile)
      result.certificateFile = try Files.absolute(configuration.certificateFile)
      result.privateKeyFile = try Files.absolute(configuration.privateKeyFile)
      return result
    }
  }
}
