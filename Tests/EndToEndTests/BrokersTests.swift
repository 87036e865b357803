import Foundation
import Testing

/// Simulator and rules engine against other brokers than mosquitto; docs/brokers.md has what differs.
@Suite(.serialized, .enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct BrokersTests {
  private static func isInstalled(_ program: String) -> Bool {
    FileManager.default.isExecutableFile(atPath: program)
  }

  /// What scripts/brokers.sh sees of a broker with 200 messages.
  private func seen(of broker: String) throws -> String {
    let truck = try Trucksensor()
    let script = Trucksensor.repository.appendingPathComponent("scripts/brokers.sh").path
    let result = try Trucksensor.Running(
      URL(fileURLWithPath: "/usr/bin/env"),
      ["TRUCKSENSOR_EXECUTABLE=\(Trucksensor.executable.path)", "COUNT=200", script, "--quick", broker],
      in: truck.folder
    ).wait()
    #expect(result.status == 0, "\(result.errors)")
    return result.output
  }

  @Test(
    .enabled(
      if: isInstalled("/usr/lib/rabbitmq/bin/rabbitmq-server"),
      "RabbitMQ isn't installed: scripts/brokers.sh --install"))
  func `RabbitMQ delivers each message at QoS 1, and a rule stores each`() throws {
    let seen = try seen(of: "RabbitMQ")
    #expect(seen.contains("QoS 1: 200 acknowledged, 200 arrived\n"), "\(seen)")
    #expect(seen.contains("rule → store, QoS 1: 200 of 200 stored\n"), "\(seen)")
  }

  @Test(
    .enabled(
      if: isInstalled("/usr/sbin/ejabberdctl"), "ejabberd isn't installed: scripts/brokers.sh --install"))
  func `ejabberd delivers each message at QoS 1, and refuses the rules engine's second identifier`() throws {
    let seen = try seen(of: "ejabberd")
    #expect(seen.contains("QoS 1: 200 acknowledged, 200 arrived\n"), "\(seen)")
    #expect(seen.contains("rule → store, QoS 1: no: "), "\(seen)")
  }

  @Test(
    .enabled(if: isInstalled("/usr/sbin/nats-server"), "NATS isn't installed: scripts/brokers.sh --install"))
  func `NATS delivers each message at QoS 1, and a rule stores each`() throws {
    let seen = try seen(of: "NATS")
    #expect(seen.contains("QoS 1: 200 acknowledged, 200 arrived\n"), "\(seen)")
    #expect(seen.contains("rule → store, QoS 1: 200 of 200 stored\n"), "\(seen)")
  }
}
