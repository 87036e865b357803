import CommandLine
import MQTT

/// The frame of a command with one client: it works until something ends it, and says when its connection is lost.
final class ClientSession {
  let loop: EventLoop
  /// Nil until something has ended it.
  private(set) var outcome: Result<ExitCode, any Error>?
  private var lastNotice: MQTTError?

  init() throws {
    Signals.block(Signals.ending)
    loop = try EventLoop()
  }

  /// Connects, and returns when `end` has been called or a signal has come.
  func run(_ client: MQTTClient) throws {
    try loop.onSignal(Signals.ending) { [unowned self] _ in end(.success(.interrupted)) }
    client.connect()
    loop.run()
    client.disconnect()
  }

  /// Ends it; the first outcome counts.
  func end(_ outcome: Result<ExitCode, any Error>) {
    if self.outcome == nil { self.outcome = outcome }
    loop.stop()
  }

  /// A failed connection ends it; a lost one is tried again, and told once for each reason.
  func changed(to state: ConnectionState) {
    switch state {
    case .failed(let error): end(.failure(error))
    case .waiting(let error):
      if error != lastNotice { StandardError.print("\(error); trying again", .warning) }
      lastNotice = error
    default: break
    }
  }
}
