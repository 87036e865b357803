import Dispatch
import Identity
import MQTT
import RulesEngine
import Synchronization
import Text
import Time

/// Publishes at the local broker, and reads what it retains, for callers that don't speak MQTT.
///
/// It has a thread and an event loop of its own, so that it delays nothing else, and signs in with the test client's
/// certificate when there is something to do. Each caller has a connection under its own name, which rules see as
/// `clientid()`; unused ones end after a while.
package final class MessageGateway: Sendable {
  /// A message to publish.
  package struct Message: Sendable {
    /// Where it goes.
    package var topic: TopicName
    /// The content.
    package var payload: [UInt8]
    /// The guarantee of the delivery to the broker.
    package var qos = QoS.atMostOnce
    /// Whether the broker keeps it for those who subscribe later.
    package var retain = false
    /// What the sender says of it.
    package var properties = PublishProperties()

    /// A message of QoS 0.
    package init(topic: TopicName, payload: [UInt8]) {
      self.topic = topic
      self.payload = payload
    }
  }

  /// The broker of this folder: its port and its CA's certificate; nil if none is running.
  package typealias Broker = @Sendable () -> (port: UInt16, caFile: String)?

  private let waker: Waker
  private let worker: GatewayWorker

  /// Starts the thread; connects to nothing yet. Throws `MQTTError` if there are no descriptors left.
  package init(_ broker: @escaping Broker) throws(MQTTError) {
    let loop = try EventLoop()
    waker = loop.waker
    worker = GatewayWorker(loop, broker)
    // A separate queue; its only job ends with the gateway.
    DispatchQueue(label: "message gateway").async { [worker] in worker.loop.run() }
  }

  deinit { waker.submit { $0.stop() } }

  /// Publishes under a caller's name, which must be a client identifier. `done` is called once, on the gateway's thread,
  /// with what went wrong.
  package func publish(
    _ message: Message, as caller: String, done: @escaping @Sendable (MQTTError?) -> Void
  ) {
    waker.submit { [worker] _ in worker.publish(message, caller, done) }
  }

  /// Asks the broker whether a client with this identifier is connected, which MQTT can't tell without disconnecting it; waits
  /// for the answer. Nil if the broker doesn't answer, or the identifier can't be asked for.
  package func isConnected(_ identifier: String) -> Bool? {
    guard let topic = try? TopicName(BrokerQuestion.isConnected(identifier)) else { return nil }
    var message = Message(topic: topic, payload: [])
    message.qos = .atLeastOnce
    let answered = DispatchSemaphore(value: 0)
    let answer = Mutex<Bool?>(nil)
    publish(message, as: "\(LocalCloud.testClient)-\(UniqueID.make().prefix(8))") { error in
      answer.withLock { $0 = error == nil ? true : error?.kind == .refused ? false : nil }
      answered.signal()
    }
    answered.wait()
    return answer.withLock { $0 }
  }

  /// Reads what the broker retains on the topics of a filter. `done` is called once, on the gateway's thread.
  package func retained(
    _ filter: TopicFilter, done: @escaping @Sendable (Result<[IncomingMessage], MQTTError>) -> Void
  ) {
    waker.submit { [worker] _ in worker.read(filter, done) }
  }
}

/// The gateway's side of the event loop.
/// @unchecked Sendable: but for `loop.run()`, which its thread calls once, used on that thread only.
private final class GatewayWorker: @unchecked Sendable {
  let loop: EventLoop
  private let broker: MessageGateway.Broker
  private var callers: [String: Caller] = [:]
  private var readers: [ObjectIdentifier: RetainedReader] = [:]

  /// Callers that may be connected at once.
  private static let callerLimit = 32
  /// Readers of retained messages at once.
  private static let readerLimit = 32

  init(_ loop: EventLoop, _ broker: @escaping MessageGateway.Broker) {
    self.loop = loop
    self.broker = broker
  }

  /// A client with the test client's certificate.
  private func client(_ identifier: String) throws(MQTTError) -> MQTTClient {
    guard let (port, caFile) = broker() else {
      throw MQTTError(
        .unreachable, "no local broker is running in this folder; start one with 'trucksensor run NAME'")
    }
    do {
      let kit = try ConnectionKit(
        directory: LocalCloud.certificateFolder, deviceName: LocalCloud.testClient)
      var settings = ConnectionSettings(host: "127.0.0.1", port: port, clientID: identifier)
      settings.connectTimeout = 5_000_000_000
      settings.version = .version5
      return try MQTTClient(
        settings: settings, tls: TLSContext(TLSSettings(trust: .file(caFile))),
        credentials: DeviceCredentials(
          DeviceCredentialFiles(certificate: kit.certificatePath, privateKey: kit.privateKeyPath)),
        loop: loop)
    } catch let error as MQTTError {
      throw error
    } catch {
      throw MQTTError(.invalidSettings, "\(error)")
    }
  }

  func publish(_ message: MessageGateway.Message, _ name: String, _ done: @escaping (MQTTError?) -> Void) {
    do throws(MQTTError) {
      let caller: Caller
      if let present = callers[name] {
        caller = present
      } else {
        guard callers.count < Self.callerLimit else {
          throw MQTTError(.unreachable, "\(Self.callerLimit) callers are publishing; try again")
        }
        caller = Caller(try client(name), loop) { [weak self] in self?.callers[name] = nil }
        callers[name] = caller
      }
      try caller.publish(message, done)
    } catch {
      done(error)
    }
  }

  func read(_ filter: TopicFilter, _ done: @escaping (Result<[IncomingMessage], MQTTError>) -> Void) {
    do throws(MQTTError) {
      guard readers.count < Self.readerLimit else {
        throw MQTTError(.unreachable, "\(Self.readerLimit) readers are reading; try again")
      }
      let client = try client("\(LocalCloud.testClient)-\(UniqueID.make().prefix(8))")
      let reader = try RetainedReader(client, loop, filter)
      let key = ObjectIdentifier(reader)
      readers[key] = reader
      reader.start { [weak self] result in
        self?.readers[key] = nil
        done(result)
      }
    } catch {
      done(.failure(error))
    }
  }
}

/// One caller's connection.
private final class Caller: MQTTClientDelegate {
  private let loop: EventLoop
  private let client: MQTTClient
  private let ended: () -> Void
  private var waiting: [Int: (MQTTError?) -> Void] = [:]
  private var lastTag = 0
  private var timer: LoopTimer?
  private var hasEnded = false

  /// How long a message may take, and how long an unused connection stays open, in nanoseconds.
  private static let patience: Int64 = 10_000_000_000

  init(_ client: MQTTClient, _ loop: EventLoop, ended: @escaping () -> Void) {
    self.loop = loop
    self.client = client
    self.ended = ended
    client.delegate = self
    timer = client.makeTimer { [unowned self] in
      end(MQTTError(.unreachable, "the local broker has not acknowledged the message"))
    }
    client.connect()
  }

  func publish(
    _ message: MessageGateway.Message, _ done: @escaping (MQTTError?) -> Void
  ) throws(MQTTError) {
    let header = try PublishHeader(
      topic: message.topic, qos: message.qos, retain: message.retain, properties: message.properties)
    lastTag += 1
    let outgoing = OutgoingMessage(header: header, payload: message.payload, due: .now(), tag: lastTag)
    waiting[lastTag] = done
    guard client.publish(outgoing) else {
      waiting[lastTag] = nil
      throw MQTTError(.unreachable, "too many messages wait for the local broker; try again")
    }
    timer?.set(MonotonicTime.now().advanced(by: Self.patience))
  }

  private func finish(_ tag: Int, _ error: MQTTError?) { waiting.removeValue(forKey: tag)?(error) }

  /// Ends the connection; the next message makes a new one.
  private func end(_ error: MQTTError) {
    guard !hasEnded else { return }
    hasEnded = true
    timer?.cancel()
    client.delegate = nil
    let tags = waiting.keys.sorted()
    for tag in tags { finish(tag, error) }
    ended()
    // The client may be in the middle of calling this object, which has no other owner now.
    loop.atEndOfTurn { [self] in client.disconnect() }
  }

  func client(_ client: MQTTClient, changedTo state: ConnectionState) {
    switch state {
    case .failed(let error), .waiting(let error): end(error)
    default: break
    }
  }

  func client(_ client: MQTTClient, delivered message: OutgoingMessage) { finish(message.tag, nil) }

  func client(_ client: MQTTClient, refused message: OutgoingMessage, with error: MQTTError) {
    finish(message.tag, error)
  }
}

/// Reads the retained messages of a filter. The broker sends them with the subscription; a message of our own, sent
/// afterwards, comes after them.
private final class RetainedReader: MQTTClientDelegate {
  private let loop: EventLoop
  private let client: MQTTClient
  private let filter: TopicFilter
  private let markTopic: TopicName
  private let mark = Array(UniqueID.make().utf8)
  private var granted = 0
  private var messages: [IncomingMessage] = []
  private var bytes = 0
  private var done: ((Result<[IncomingMessage], MQTTError>) -> Void)?
  private var timer: LoopTimer?

  private static let patience: Int64 = 10_000_000_000
  /// What is read at most, in bytes.
  private static let byteLimit = 64 << 20

  init(_ client: MQTTClient, _ loop: EventLoop, _ filter: TopicFilter) throws(MQTTError) {
    self.loop = loop
    self.client = client
    self.filter = filter
    markTopic = try TopicName(RulesService.markTopic(of: LocalCloud.testClient))
    client.delegate = self
    client.subscribe(filter, qos: .atLeastOnce)
    client.subscribe(try TopicFilter(markTopic.text), qos: .atLeastOnce)
  }

  func start(_ done: @escaping (Result<[IncomingMessage], MQTTError>) -> Void) {
    self.done = done
    timer = client.makeTimer { [unowned self] in
      end(.failure(MQTTError(.unreachable, "the local broker does not answer")))
    }
    timer?.set(MonotonicTime.now().advanced(by: Self.patience))
    client.connect()
  }

  private func end(_ result: Result<[IncomingMessage], MQTTError>) {
    guard let done else { return }
    self.done = nil
    timer?.cancel()
    client.delegate = nil
    // The client may be in the middle of calling this object, which has no other owner after that.
    loop.atEndOfTurn { [self] in
      client.disconnect()
      done(result)
    }
  }

  func client(_ client: MQTTClient, changedTo state: ConnectionState) {
    switch state {
    case .failed(let error), .waiting(let error): end(.failure(error))
    default: break
    }
  }

  func client(_ client: MQTTClient, subscribed filter: TopicFilter, _ result: Result<QoS, MQTTError>) {
    switch result {
    case .failure(let error): end(.failure(error))
    case .success:
      granted += 1
      guard granted == 2 else { return }
      do throws(MQTTError) {
        let header = try PublishHeader(topic: markTopic, qos: .atLeastOnce)
        _ = client.publish(OutgoingMessage(header: header, payload: mark, due: .now()))
      } catch {
        end(.failure(error))
      }
    }
  }

  func client(_ client: MQTTClient, received message: IncomingMessage) {
    if message.topic == markTopic.text {
      if message.payload == mark { end(.success(messages)) }
    } else if message.retained {
      bytes += message.payload.count
      guard bytes <= Self.byteLimit else {
        return end(.failure(MQTTError(.unreachable, "the retained messages have more than 64 MiB")))
      }
      messages.append(message)
    }
  }
}
