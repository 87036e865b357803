/// What the local broker is started with.
public struct BrokerConfiguration: Sendable {
  /// The limit of messages that wait for one client; mosquitto discards further ones, and `BrokerLog` reports it.
  ///
  /// mosquitto 2.0.11 looks at a connected client's queue only if the messages or bytes in flight are limited. At QoS 0 it
  /// counts packets that wait for the socket, and no bytes; above, each message in flight is in memory twice, as a message
  /// and as a packet.
  struct QueueLimits {
    /// Messages that wait: at QoS 0 for the socket, above for a place among those in flight.
    var messages: Int
    /// Bytes of payloads that wait, at QoS 1 and 2.
    var bytes: Int
    /// QoS 1 and 2 messages in flight to a client that doesn't set its own Receive Maximum (65 535 at most).
    var messagesUnderWay: Int
    /// Bytes of payloads in flight at QoS 1 and 2.
    var bytesUnderWay: Int

    /// A client that reads nothing takes a few MB of readings at QoS 0, and less than 600 MB if each payload has the 128 KB
    /// that AWS IoT Core allows; at QoS 1 and 2 less than 128 MB in any case.
    ///
    /// What waits for the rules engine is in the journal, but for a window (`WINDOW` and `WINDOW_BYTES` in
    /// Sources/BrokerPlugin/queues.c), which must never be discarded. mosquitto queues what the plugin hands it one turn
    /// later. If the engine has been killed meanwhile, nothing counts as in flight any more, so the whole window must fit
    /// into the queue.
    static let besideJournal = QueueLimits(
      messages: 4500, bytes: 33 << 20, messagesUnderWay: 10_000, bytesUnderWay: 32 << 20)
    /// Messages for the rules engine wait in mosquitto's memory, and mosquitto has one limit for all clients, so the
    /// limit is far larger than any engine's backlog. A truck's messages then take 210 MB.
    static let withoutJournal = QueueLimits(
      messages: 1_000_000, bytes: 1 << 29, messagesUnderWay: 10_000, bytesUnderWay: 32 << 20)
  }

  /// How the messages for the rules engine survive the broker's death.
  public enum Journal: String, CaseIterable, Sendable {
    /// They are in the broker's memory, which it saves once per second. If the broker is killed, it loses what arrived
    /// since.
    case off
    /// Each is in a file before it is acknowledged, and survives the process, but not a power failure.
    case on
    /// In addition, the file is written to the disk after each turn of the broker's loop.
    case sync
  }

  /// The folder for the broker's files.
  public var directory: String
  /// What may wait for one client; nil for what suits the journal.
  var queueLimits: QueueLimits?
  /// The port to listen on at 127.0.0.1; the next free one is taken if this one is in use.
  public var preferredPort: UInt16 = 8883
  /// The CA that device certificates must come from (PEM file).
  public var caFile: String
  /// The broker's own certificate and private key (PEM files).
  public var certificateFile: String
  /// See `certificateFile`.
  public var privateKeyFile: String
  /// Another port to listen on at 127.0.0.1.
  public var secondPort: UInt16?
  /// The ACL file's text: what each user may publish and read.
  public var accessControlList: String
  /// Our plugin's file, and who it lets sign in as which user; see Sources/BrokerPlugin. Without it, every client with a
  /// certificate of the CA signs in, and its common name is the user.
  public var plugin: (file: String, clients: String)?
  /// Whether the plugin keeps a journal.
  public var journal = Journal.on

  /// A configuration for the default port.
  public init(
    directory: String, caFile: String, certificateFile: String, privateKeyFile: String,
    accessControlList: String
  ) {
    self.directory = directory
    self.caFile = caFile
    self.certificateFile = certificateFile
    self.privateKeyFile = privateKeyFile
    self.accessControlList = accessControlList
  }

  /// mosquitto.conf(5) for the broker on `port` with its files in `folder`. Mutual TLS is required. Debian's defaults
  /// are replaced where they don't fit: small packets go out at once, no queue discards messages early or silently, TLS
  /// 1.2 is the floor. There is no `memory_limit`: mosquitto 2.0.11 counts each MQTT 5 property it has freed as still
  /// in use, and refuses all clients after 38 million messages.
  func text(port: UInt16, folder: String, runsAsRoot: Bool) -> String {
    let limits = queueLimits ?? (plugin == nil || journal == .off ? .withoutJournal : .besideJournal)
    var lines: [String] = []
    for port in [port] + (secondPort.map { [$0] } ?? []) {
      lines += [
        "listener \(port) 127.0.0.1",
        "cafile \(caFile)",
        "certfile \(certificateFile)",
        "keyfile \(privateKeyFile)",
        "require_certificate true",
        "tls_version tlsv1.2",
      ]
      // With this line, mosquitto wouldn't ask the plugin who may sign in.
      if plugin == nil { lines.append("use_identity_as_username true") }
    }
    lines += [
      "allow_anonymous false",
      "acl_file \(folder)/acl",
      "set_tcp_nodelay true",
      "max_queued_messages \(limits.messages)",
      "max_queued_bytes \(limits.bytes)",
      "max_inflight_messages \(limits.messagesUnderWay)",
      "max_inflight_bytes \(limits.bytesUnderWay)",
      "persistence true",
      "persistence_location \(folder)/",
      "autosave_interval 1",
      "log_dest file \(folder)/mosquitto.log",
      "log_type error",
      "log_type warning",
      "log_type notice",
      "log_timestamp_format %Y-%m-%dT%H:%M:%S",
    ]
    if let plugin {
      lines += ["plugin \(plugin.file)", "plugin_opt_clients_file \(folder)/clients"]
      if journal != .off { lines.append("plugin_opt_journal \(folder)/journal") }
      if journal == .sync { lines.append("plugin_opt_journal_sync true") }
    }
    // As root, mosquitto would become a user that can't read the keys.
    if runsAsRoot { lines.append("user root") }
    return lines.joined(separator: "\n") + "\n"
  }
}
