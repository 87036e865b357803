import Files
import Foundation
import Store

/// A folder with a store, for one test.
final class StoreFolder {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "trucksensor-dashboard-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String = "sensorDB.sqlite") -> String { folder.appendingPathComponent(name).path }

  /// A reading as the rules write it.
  static func reading(_ device: String, _ time: Int64, _ measures: [(String, MeasureValue)]) -> WriteRequest {
    WriteRequest(
      table: "truck01_sensors",
      record: Record(
        dimensions: [Dimension("device", device)], time: time,
        measures: measures.map { (name: $0.0, value: $0.1) }))
  }
}
