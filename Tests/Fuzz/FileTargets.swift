import ColdChain
import Foundation
import Simulator

@testable import HTTP
@testable import Identity
@testable import Store

extension Targets {
  // MARK: Files

  static func csv(_ bytes: [UInt8]) {
    let path = folder + "/dataset.csv"
    guard FileManager.default.createFile(atPath: path, contents: Data(bytes)) else { return }
    for isLenient in [false, true] {
      var options = Dataset.Options()
      options.isLenient = isLenient
      // Small, so that records lie across the buffer's end.
      options.reader.bufferSize = 16
      _ = try? DatasetCheck.report(path: path, options: options)
      guard let dataset = try? Dataset(path: path, options: options) else { continue }
      let encoder = PayloadEncoder(names: dataset.names)
      var payload: [UInt8] = []
      do {
        while let reading = try dataset.next() {
          payload.removeAll()
          encoder.append(reading, pass: dataset.pass, number: 1, timestamp: 1_729_703_643.9, to: &payload)
          if dataset.hasTimeAxis { _ = try (dataset.time(), dataset.elapsed()) }
        }
        try dataset.rewind()
        while try dataset.nextTimed() != nil {}
      } catch {}
    }
  }

  static func alerts(_ bytes: [UInt8]) {
    guard let rules = try? AlertRule.rules(in: bytes, file: "alerts.json") else { return }
    for rule in rules {
      var state = AlertState()
      for (value, time) in [(-30, Int64.min), (0, 0), (1e300, 1), (-1e300, Int64.max), (.nan, 2)] {
        _ = state.add(value, at: time, rule)
        _ = state.tick(at: time, rule)
      }
      _ = state.acknowledge()
    }
  }

  static func policy(_ bytes: [UInt8]) {
    guard let policy = try? PolicyDocument(bytes, file: "policy.json") else { return }
    var context = PolicyContext(clientID: "truckSensor01", subject: ["CommonName": ["truckSensor01"]])
    context.set("aws:SourceIp", "127.0.0.1")
    for (action, resource) in [
      ("iot:Connect", "client/truckSensor01"), ("iot:Publish", "topic/truck/freezer"),
      ("iot:Subscribe", "arn:aws:iot:eu-west-1:123456789012:topicfilter/truck/+"),
      ("iot:Receive", "topic/a/b"),
    ] {
      _ = PolicyDocument.evaluate(action: action, resource: resource, policies: [policy], context: context)
    }
    _ = PolicyAccess(policies: [policy], clientID: "truckSensor01", context: context)
  }

  static func registry(_ bytes: [UInt8]) { _ = try? Registry(bytes, file: "registry.json") }

  // MARK: The store

  nonisolated(unsafe) private static let reader: StoreReader = {
    let path = folder + "/sensorDB.sqlite"
    do {
      let store = try LocalStore(path: path)
      let requests = (0..<300).map { second in
        WriteRequest(
          table: "truck01_sensors",
          record: Record(
            dimensions: [Dimension("device", "truckSensor0\(second % 2)")],
            time: 1_729_703_640_000_000_000 + Int64(second) * 1_000_000_000,
            measures: [
              (name: "temp", value: .double(-20.5 + Double(second) / 100)), (name: "door", value: .bigint(0)),
              (name: "note", value: .varchar("é\(second)")),
            ], version: 1), isStrict: false)
      }
      _ = try store.write(requests)
      return try StoreReader(path: path)
    } catch {
      fatalError("\(error)")
    }
  }()

  static func timestreamSQL(_ bytes: [UInt8]) {
    var rows = 0
    try? reader.query(
      text(bytes), timeLimit: 1, columns: { _ in },
      row: { _ in
        rows += 1
        return rows < 1000
      })
  }

  static func storeURL(_ bytes: [UInt8]) {
    let text = text(bytes)
    guard let location = try? StoreLocation(text) else { return }
    _ = location.description
    // A host's name may happen to have the password in it.
    if let url = try? StoreURL(text), let password = url.password, password.utf8.count > 8,
      !(url.host + url.path).contains(password)
    {
      require(!location.description.contains(password), "the password is printed")
    }
  }

  /// The Host field of a request.
  static func http(_ bytes: [UInt8]) {
    let host = text(bytes)
    guard HostName.isLoopback(host, address: "127.0.0.1") else { return }
    require(
      ["127.0.0.1", "[::1]", "localhost"].contains { host.lowercased().hasPrefix($0) },
      "\(host) is taken for this machine")
  }
}
