import CommandLine
import Files
import Glibc
import JSON
import LocalCloud
import MQTT
import Simulator
import Time

/// The client behind `record`.
final class Recording: MQTTClientDelegate {
  private let arguments: ParsedArguments
  private let session: ClientSession
  private let client: MQTTClient
  private let path: String
  private let file: RecordingFile
  private let wanted: Int?
  private let duration: Int64?
  private let isPersistent: Bool
  private var received = 0
  private var topics: Set<String> = []
  private var granted = 0
  private let filterCount: Int
  private var endTimer: LoopTimer?
  private var begin = MonotonicTime.now()
  // The wall clock can be set while we record; arrival times must not go back.
  private let wallClock: (start: Int64, at: MonotonicTime) = (WallClock.nanoseconds, .now())

  /// A bound for memory: of more topics it is only told that there are more.
  private static let topicLimit = 10_000

  init(_ arguments: ParsedArguments, _ filters: [TopicFilter], _ qos: QoS, _ path: String) throws {
    session = try ClientSession()
    self.arguments = arguments
    self.path = path
    wanted = try arguments.integer("count", in: 1...Int.max)
    duration = try arguments.duration("duration")
    isPersistent = arguments.has("persistent")
    filterCount = filters.count
    let device = arguments.string("device") ?? LocalCloud.testClient
    let plan = try ConnectionPlan(arguments, local: LocalCloud.runningBroker())
    let identifier =
      arguments.string("client-id")
      ?? (device == LocalCloud.testClient ? "\(device)-record-\(getpid())" : device)
    let keepsSession = isPersistent
    client = try plan.client(device: device, clientID: identifier, loop: session.loop) { settings in
      settings.gathersPackets = true
      guard keepsSession else { return }
      settings.cleanStart = false
      settings.sessionExpirySeconds = 86_400
    }
    file = try RecordingFile(path)
    client.delegate = self
    for filter in filters { client.subscribe(filter, qos: qos) }
  }

  func run() throws -> ExitCode {
    endTimer = session.loop.makeTimer { [unowned self] in session.end(.success(.success)) }
    try session.run(client)
    try file.finish()
    report()
    let code = try session.outcome?.get() ?? .success
    return isWhole ? code : .failed
  }

  /// Whether the file has all that came while it was recorded.
  private var isWhole: Bool { file.tooLong == 0 && (isPersistent || client.reconnects == 0) }

  // MARK: What the client tells

  func client(_ client: MQTTClient, changedTo state: ConnectionState) { session.changed(to: state) }

  func client(_ client: MQTTClient, subscribed filter: TopicFilter, _ result: Result<QoS, MQTTError>) {
    switch result {
    case .success:
      granted += 1
      guard granted == filterCount else { return }
      StandardError.print("recording \(arguments.positionals.joined(separator: ", ")) to \(path)")
      begin = .now()
      if let duration { endTimer?.set(begin.advanced(by: duration)) }
    case .failure(let error): session.end(.failure(error))
    }
  }

  func client(_ client: MQTTClient, received message: IncomingMessage) {
    guard session.outcome == nil else { return }
    received += 1
    if topics.count < Self.topicLimit { topics.insert(message.topic) }
    let nanoseconds = wallClock.start + MonotonicTime.now().since(wallClock.at)
    do throws(FileError) {
      try file.append(topic: message.topic, payload: message.payload, microseconds: nanoseconds / 1000)
    } catch {
      session.end(.failure(error))
    }
    if received == wanted { session.end(.success(.success)) }
  }

  func clientFinishedReading(_ client: MQTTClient) {
    do throws(FileError) {
      try file.flush()
    } catch {
      session.end(.failure(error))
    }
    // What isn't in the file stays unacknowledged.
    if case .failure = session.outcome { client.holdsAcknowledgements = true }
  }

  // MARK: The summary

  private func report() {
    let seconds = Double(MonotonicTime.now().since(begin)) / 1e9
    let topicText = topics.count < Self.topicLimit ? "\(topics.count)" : "at least \(topics.count)"
    if arguments.has("json") {
      var json = JSONWriter()
      json.object {
        $0.member("recorded", file.messages)
        $0.member("topics", topics.count)
        $0.member("columns", file.table.columns.count)
        $0.member("lateColumns", file.lateColumns)
        $0.member("base64", file.table.encodedMessages)
        $0.member("tooLong", file.tooLong)
        $0.member("reconnects", client.reconnects)
        $0.member("duration", (seconds * 1e6).rounded() / 1e6)
      }
      StandardOutput.shared.line(json.bytes)
      return
    }
    StandardError.print(
      "recorded \(file.messages) messages of \(topicText) topics in \((seconds * 10).rounded() / 10) s, "
        + "\(file.table.columns.count) columns"
        + (file.lateColumns > 0 ? " (\(file.lateColumns) appeared later)" : "")
        + (file.table.encodedMessages > 0 ? ", \(file.table.encodedMessages) messages in Base64" : ""))
    if file.tooLong > 0 {
      StandardError.print(
        "\(file.tooLong) messages of more than \(RecordingTable.longestMessage) bytes are missing in the file"
      )
    }
    if client.reconnects > 0 {
      StandardError.print(
        "the connection was lost \(client.reconnects) times: "
          + (isPersistent
            ? "what came meanwhile at QoS 1 or 2 was delivered later"
            : "what came meanwhile is missing; --persistent with --client-id has the broker keep it"))
    }
  }
}
