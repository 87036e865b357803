import Files
import Glibc
import Time

/// A mosquitto process on 127.0.0.1 that this process starts as its child, and that ends with it.
///
/// It has its own process group, so that Ctrl-C doesn't end it before the last acknowledgement. If this process is
/// killed, the broker ends, too. Waiting messages belong to the broker's folder, whichever port it has. A lock on the
/// folder allows one broker at a time, and tells a broker of another run from one that was left behind. `BrokerProcess`
/// is the process, `LoopbackPort` the port, `PortReservation` keeps other runs from it, `BrokerLog` is the log.
public final class EmbeddedBroker {
  /// The port it listens on.
  public private(set) var port: UInt16 = 0
  /// Its log.
  public var logFile: String { folder + "/mosquitto.log" }
  /// Whether a broker that a killed run had left behind was ended first.
  public private(set) var replacedLeftover = false
  /// How many messages were waiting for each client in the journal when the broker was started.
  public private(set) var leftBehind: [String: Int] = [:]

  private var configuration: BrokerConfiguration
  private var folder = ""
  private let executable: String
  private var lock: FileLock?
  private var reservation: PortReservation?
  private var process: BrokerProcess?
  private var log = BrokerLog(path: "")
  private var noticeTimer: LoopTimer?
  private var lastTrouble: String?

  /// Starts a broker and returns when it accepts connections. Throws `MQTTError` of kind `system` that explains the
  /// broker's error.
  public init(_ configuration: BrokerConfiguration) throws(MQTTError) {
    guard let executable = Self.findExecutable() else {
      throw MQTTError(
        .system,
        "mosquitto, the local broker, is not installed; run scripts/setup.sh, or connect to another broker with --endpoint"
      )
    }
    self.executable = executable
    self.configuration = try Self.absolute(configuration)
    try Self.check(secondPort: configuration.secondPort)
    folder = self.configuration.directory
    log = BrokerLog(path: logFile)
    lock = try MQTTError.rethrowing { () throws(FileError) in try FileLock.take(folder + "/lock") }
    guard lock != nil else { throw Self.inUse(configuration.directory) }
    replacedLeftover = Self.endLeftover(in: folder)
    let last = UInt16(clamping: Int(configuration.preferredPort) + 99)
    for port in configuration.preferredPort...last
    where port != configuration.secondPort && LoopbackPort(number: port).isFree {
      reservation = PortReservation.take(port)
      guard reservation != nil else { continue }
      self.port = port
      try writeFiles()
      do throws(MQTTError) {
        try start()
        leftBehind = log.waiting
        return
      } catch {
        // Another process may have taken the port since it was checked.
        guard port < last, error.message.contains("in use") else { throw error }
      }
    }
    throw MQTTError(
      .system, "no free port for the local broker from \(configuration.preferredPort) to \(last) on 127.0.0.1"
    )
  }

  deinit { stop() }

  /// The port of the broker that another run has started with its files in `directory`.
  public static func runningPort(in directory: String) -> UInt16? {
    let portFile = Files.join(directory, "port")
    guard access(Files.join(directory, "pid"), R_OK) == 0, let text = try? Files.readText(portFile),
      let port = UInt16(text.filter { $0 != "\n" })
    else { return nil }
    // The run that started it holds the lock.
    do { return try FileLock.take(Files.join(directory, "lock")) == nil ? port : nil } catch { return nil }
  }

  /// The process number of the broker of a folder, as it has written it down.
  public static func runningProcess(in directory: String) -> Int32? {
    guard let text = try? Files.readText(Files.join(directory, "pid")) else { return nil }
    return Int32(text.filter { !$0.isWhitespace })
  }

  /// Throws if another run has started a broker in `directory`, before anything is made for one.
  public static func requireNone(in directory: String) throws(MQTTError) {
    if runningPort(in: directory) != nil { throw inUse(directory) }
  }

  private static func inUse(_ directory: String) -> MQTTError {
    let place = runningPort(in: directory).map { " on port \($0)" } ?? ""
    return MQTTError(
      .system,
      "another run is using the local broker of this folder (\(directory))\(place); 'trucksensor simulate NAME' lets "
        + "another truck publish to it")
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
      let trouble = journalTrouble
      if trouble != lastTrouble { handler("Local broker: \(trouble ?? "the journal can be written again")") }
      lastTrouble = trouble
      noticeTimer?.set(MonotonicTime.now().advanced(by: 1_000_000_000))
    }
    noticeTimer?.set(.now())
  }

  /// Why the broker can't write or read its journal at present; nil if it can. Without the journal, it acknowledges no
  /// message for the rules.
  public var journalTrouble: String? {
    guard configuration.plugin != nil, configuration.journal != .off,
      let bytes = try? Files.read(Files.join(folder, "journal/status")).prefix(while: { $0 != 0 })
    else { return nil }
    return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
  }

  /// The last errors of its log, without time stamps.
  public func lastErrors() -> [String] { log.errors }

  /// Ends it, with SIGTERM, after five seconds with SIGKILL; returns how many messages wait for each client in the journal.
  @discardableResult public func stop() -> [String: Int] {
    guard let process else { return [:] }
    self.process = nil
    process.stop()
    reservation = nil
    unlink(folder + "/pid")
    return log.waiting
  }

  /// Gives the running broker other permissions, which it reads at a signal. Its plugin then disconnects the clients that
  /// may not be connected any more.
  public func apply(accessControlList: String, clients: String) throws(MQTTError) {
    configuration.plugin?.clients = clients
    configuration.accessControlList = accessControlList
    try writeFiles()
    process?.signal(SIGHUP)
  }

  /// Only the requested port is useful: clients don't look for the broker on another one.
  private static func check(secondPort: UInt16?) throws(MQTTError) {
    guard let secondPort, let reason = LoopbackPort(number: secondPort).obstacle else { return }
    let advice =
      reason == EACCES
      ? "binding it needs a permission: run 'sudo sysctl net.ipv4.ip_unprivileged_port_start=\(secondPort)', or give another port"
      : "give another port, or end the program that uses it ('ss -ltnp')"
    throw MQTTError(
      .system, "the local broker can't listen on port \(secondPort): \(systemError(reason)); \(advice)")
  }

  private func writeFiles() throws(MQTTError) {
    var files = [
      ("acl", configuration.accessControlList),
      ("mosquitto.conf", configuration.text(port: port, folder: folder, runsAsRoot: getuid() == 0)),
    ]
    if let plugin = configuration.plugin { files.append(("clients", plugin.clients)) }
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
    try write("\(self.port)\n", to: "port")
    let port = LoopbackPort(number: port)
    // A fresh mosquitto accepts within milliseconds; ten seconds are for a machine under load.
    for _ in 0..<1000 {
      // Another broker on a port that ours couldn't get would accept connections, too.
      if port.accepts, port.belongs(to: process.identifier) { return }
      if process.ends(withinMilliseconds: 10) { break }
    }
    let errors = lastErrors()
    self.process = nil
    process.signal(SIGKILL)
    process.reap()
    unlink(folder + "/pid")
    let reason = errors.isEmpty ? "it ended without a message; see \(logFile)" : errors.joined(separator: " ")
    throw MQTTError(.system, "the local broker did not start: \(reason)")
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

  /// mosquitto would resolve relative paths against its own working directory.
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
