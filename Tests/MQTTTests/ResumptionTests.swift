import Foundation
import Testing
import Time

@testable import MQTT

/// What a client that comes back costs: TLS sessions are resumed.
@Suite(.serialized) struct ResumptionTests {
  @Test
  func
    `a client that comes back resumes its TLS session, and makes a new one at a broker that has forgotten it`()
    throws
  {
    let fixture = try BrokerFixture()
    let broker = try fixture.startBroker()
    defer { _ = broker.stop() }
    let loop = try EventLoop()
    let client = try fixture.client("truckSensor01", port: broker.port, loop: loop)
    let recorder = Recorder(loop)
    client.delegate = recorder
    client.connect()
    recorder.run { $0.isConnected }
    #expect(client.peer?.hasResumed == false)
    for _ in 1...3 {
      client.redeliver(after: 0, because: MQTTError(.unreachable, "a test"))
      recorder.run { $0.isConnected }
      #expect(client.peer?.hasResumed == true)
    }
    let identifier = try #require(EmbeddedBroker.runningProcess(in: fixture.path("broker")))
    kill(identifier, SIGKILL)
    recorder.run { !$0.isConnected }
    try broker.restart()
    recorder.run { $0.reconnectsSeen >= 4 && $0.isConnected }
    #expect(client.peer?.hasResumed == false)
    #expect(!recorder.timedOut)
    client.disconnect()
  }
}
