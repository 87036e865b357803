import Glibc

internal import CLinux

/// A mosquitto of our own on 127.0.0.1, started as a child and ended with us.
///
/// It runs in a process group of its own, so that Ctrl-C reaches it through us, after the last acknowledgement. A
/// lock on the port's folder tells a broker that another run uses from one that a killed run left behind.
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
  private var lock: Int32 = -1
  private var process: pid_t = 0
  private var processDescriptor: Int32 = -1

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
      let folder = self.configuration.directory + "/\(port)"
      try FileSystem.makeDirectory(folder)
      guard let lock = FileSystem.lock(folder + "/lock") else { continue }
      let replaced = Self.endLeftover(in: folder)
      guard Self.isFree(port) else {
        close(lock)
        continue
      }
      (self.port, self.folder, self.lock, replacedLeftover) = (port, folder, lock, replaced)
      try writeFiles()
      do throws(MQTTError) {
        try start()
        return
      } catch {
        // Somebody may have taken the port since it was looked at.
        guard port < last, error.message.contains("in use") else { throw error }
        close(lock)
        self.lock = -1
      }
    }
    throw MQTTError(
      .system, "no free port for the local broker from \(configuration.preferredPort) to \(last) on 127.0.0.1"
    )
  }

  deinit {
    stop()
    if lock >= 0 { close(lock) }
  }

  /// The port of a broker that another process of ours runs with its files in `directory`; the lowest if several.
  public static func runningPort(in directory: String) -> UInt16? {
    guard let folder = opendir(directory) else { return nil }
    defer { closedir(folder) }
    var ports: [UInt16] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard let port = UInt16(name), access("\(directory)/\(name)/pid", R_OK) == 0 else { continue }
      if let lock = FileSystem.lock("\(directory)/\(name)/lock") { close(lock) } else { ports.append(port) }
    }
    return ports.min()
  }

  /// Starts it again after it ended by itself; throws if it doesn't come up.
  public func restart() throws(MQTTError) {
    reap()
    try start()
  }

  /// Calls `handler` on `loop` when the broker ends without being asked to.
  public func onUnexpectedEnd(_ loop: EventLoop, _ handler: @escaping () -> Void) throws(MQTTError) {
    let descriptor = processDescriptor
    guard descriptor >= 0 else { return }
    try loop.watch(descriptor) { [weak self, unowned loop] _ in
      loop.unwatch(descriptor)
      guard let self, process != 0, processDescriptor == descriptor else { return }
      handler()
    }
  }

  /// The last errors of its log, without time stamps.
  public func lastErrors() -> [String] {
    FileSystem.tail(logFile).split(separator: "\n").map(Self.plain).filter { $0.hasPrefix("Error") }.suffix(3)
      .map(String.init)
  }

  /// Ends it: politely, and after five seconds for certain.
  public func stop() {
    guard process != 0 else { return }
    kill(process, SIGTERM)
    if !waitForEnd(milliseconds: 5000) { kill(process, SIGKILL) }
    reap()
    unlink(folder + "/pid")
  }

  private func reap() {
    guard process != 0 else { return }
    var status: Int32 = 0
    waitpid(process, &status, 0)
    process = 0
    if processDescriptor >= 0 { close(processDescriptor) }
    processDescriptor = -1
  }

  private func waitForEnd(milliseconds: Int32) -> Bool {
    var entry = pollfd(fd: processDescriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, milliseconds) > 0
  }

  /// Gives the running broker other permissions and another revocation list. mosquitto reads the first again at a
  /// signal; for the second it is started anew, which also puts out whom the list names. The others reconnect, and their
  /// sessions are kept. True if it was started anew: its end must be watched anew, too.
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
    } else if process != 0 {
      kill(process, SIGHUP)
    }
    return mustRestart
  }

  private func writeFiles() throws(MQTTError) {
    if let plugin = configuration.plugin {
      try FileSystem.write(plugin.clients, to: folder + "/clients", mode: 0o600)
    }
    if let list = configuration.revocationList {
      try FileSystem.write(list, to: folder + "/crl.pem", mode: 0o600)
    }
    try FileSystem.write(configuration.accessControlList, to: folder + "/acl", mode: 0o600)
    try FileSystem.write(
      configuration.text(port: port, folder: folder, runsAsRoot: getuid() == 0),
      to: folder + "/mosquitto.conf",
      mode: 0o600)
  }

  private func start() throws(MQTTError) {
    unlink(logFile)
    process = try spawn()
    try FileSystem.write("\(process)\n", to: folder + "/pid", mode: 0o600)
    processDescriptor = ts_pidfd_open(process)
    // A fresh mosquitto accepts within milliseconds; ten seconds are for a machine under load.
    for _ in 0..<1000 {
      // Somebody else's broker on a port that ours couldn't have would accept too.
      if accepts(), ownsPort { return }
      if waitForEnd(milliseconds: 10) { break }
    }
    let errors = lastErrors()
    kill(process, SIGKILL)
    reap()
    unlink(folder + "/pid")
    let reason = errors.isEmpty ? "it ended without a word; see \(logFile)" : errors.joined(separator: " ")
    throw MQTTError(.system, "the local broker did not start: \(reason)")
  }

  private func spawn() throws(MQTTError) -> pid_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    // What it says before it has read its configuration belongs into the log too.
    posix_spawn_file_actions_addopen(&actions, 1, logFile, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    // A broker that outlives us must not hold open what our caller waits on.
    posix_spawn_file_actions_addclosefrom_np(&actions, 3)
    let arguments = [executable, "-c", folder + "/mosquitto.conf"]
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var child: pid_t = 0
    let code = posix_spawn(&child, executable, &actions, &attributes, &pointers, environ)
    guard code == 0 else {
      throw MQTTError(.system, "can't start \(executable): \(systemError(code))")
    }
    return child
  }

  /// Whether the socket that listens on the port is the child's, by the kernel's own tables (proc(5)).
  private var ownsPort: Bool {
    let address = "0100007F:" + String(Int(port) + 0x10000, radix: 16, uppercase: true).dropFirst()
    guard let inode = Self.listener(address), let descriptors = opendir("/proc/\(process)/fd") else {
      return false
    }
    defer { closedir(descriptors) }
    let wanted = "socket:[\(inode)]"
    var target = [CChar](repeating: 0, count: 64)
    while let entry = readdir(descriptors) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      let count = readlink("/proc/\(process)/fd/\(name)", &target, target.count)
      if count > 0, target[..<count].map(UInt8.init(bitPattern:)).elementsEqual(wanted.utf8) { return true }
    }
    return false
  }

  /// The inode of the socket that listens on an address as /proc/net/tcp writes it.
  private static func listener(_ address: String) -> Substring? {
    guard let table = fopen("/proc/net/tcp", "re") else { return nil }
    defer { fclose(table) }
    var line = [CChar](repeating: 0, count: 512)
    while fgets(&line, 512, table) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      let fields = text.split(separator: " ")
      // State 0A is listening.
      if fields.count > 9, fields[1] == address, fields[3] == "0A" { return fields[9] }
    }
    return nil
  }

  private func accepts() -> Bool {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    return Self.withLoopback(port) { connect(socket, $0, $1) } == 0
  }

  private static func isFree(_ port: UInt16) -> Bool {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var yes: Int32 = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
    return withLoopback(port) { bind(socket, $0, $1) } == 0
  }

  private static func withLoopback(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32)
    -> Int32
  {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  /// Ends the broker of a run that was killed: the process in the pid file, if it still runs our configuration.
  private static func endLeftover(in folder: String) -> Bool {
    guard let text = FileSystem.read(folder + "/pid"),
      let process = pid_t(text.filter { $0 != "\n" }), process > 1,
      let command = FileSystem.read("/proc/\(process)/cmdline"),
      command.contains(folder + "/mosquitto.conf")
    else { return false }
    let descriptor = ts_pidfd_open(process)
    defer { if descriptor >= 0 { close(descriptor) } }
    for signal in [SIGTERM, SIGKILL] {
      kill(process, signal)
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      if poll(&entry, 1, 5000) > 0 { break }
    }
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
    var result = configuration
    try FileSystem.makeDirectory(configuration.directory)
    result.directory = try FileSystem.absolute(configuration.directory)
    result.caFile = try FileSystem.absolute(configuration.caFile)
    result.certificateFile = try FileSystem.absolute(configuration.certificateFile)
    result.privateKeyFile = try FileSystem.absolute(configuration.privateKeyFile)
    return result
  }

  private static func plain(_ line: Substring) -> Substring {
    guard let colon = line.range(of: ": ") else { return line }
    return line[..<colon.lowerBound].allSatisfy { "0123456789-T:".contains($0) }
      ? line[colon.upperBound...] : line
  }
}

extension Substring {
  fileprivate func range(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
