import JSON
import Numbers

/// A simulated trip as a dataset's bytes.
public enum TripFile {
  /// The seed of `TruckSensorFiles/trucksensordata.csv`.
  public static let storySeed: UInt64 = 20_241_023
  /// The length of `TruckSensorFiles/trucksensordata.csv`, s: three hours.
  public static let storyDuration = 10_800.0

  /// Columns beyond the truck's four.
  public enum Extra: String, Sendable, CaseIterable {
    /// The outside temperature.
    case ambient
    /// `latitude` and `longitude`.
    case location
  }

  /// Makes the file: `sink` takes the header and then each row's bytes, and may throw to stop.
  public static func generate<Failure: Error>(
    _ plan: TripPlan, with extras: Set<Extra> = [], rows: Int = .max,
    into sink: ([UInt8]) throws(Failure) -> Void
  ) throws(Failure) {
    try sink(header(with: extras))
    var line: [UInt8] = []
    var count = 0
    var simulation = TripSimulation(plan)
    while let row = simulation.next() {
      guard count < rows else { return }
      count += 1
      line.removeAll(keepingCapacity: true)
      append(row, with: extras, to: &line)
      try sink(line)
    }
  }

  static func header(with extras: Set<Extra>) -> [UInt8] {
    var header = "uptime,volts,temp,door"
    if extras.contains(.ambient) { header += ",ambient" }
    if extras.contains(.location) { header += ",latitude,longitude" }
    return Array((header + "\n").utf8)
  }

  static func append(_ row: TripSimulation.Row, with extras: Set<Extra>, to line: inout [UInt8]) {
    JSONText.appendInteger(Int(saturated: row.uptime), to: &line)
    line.append(UInt8(ascii: ","))
    appendDecimal(row.voltage, places: 2, to: &line)
    line.append(UInt8(ascii: ","))
    if let temperature = row.temperature { appendDecimal(temperature, places: 2, to: &line) }
    line.append(UInt8(ascii: ","))
    line.append(UInt8(ascii: row.isDoorOpen ? "1" : "0"))
    if extras.contains(.ambient) {
      line.append(UInt8(ascii: ","))
      appendDecimal(row.ambient, places: 1, to: &line)
    }
    if extras.contains(.location) {
      line.append(UInt8(ascii: ","))
      appendDecimal(row.latitude, places: 5, to: &line)
      line.append(UInt8(ascii: ","))
      appendDecimal(row.longitude, places: 5, to: &line)
    }
    line.append(UInt8(ascii: "\n"))
  }

  /// A number with a fixed number of decimals, rounded to the nearest.
  private static func appendDecimal(_ value: Double, places: Int, to line: inout [UInt8]) {
    var scale = 1
    for _ in 0..<places { scale *= 10 }
    let scaled = Int(saturated: (value * Double(scale)).rounded())
    if scaled < 0 { line.append(UInt8(ascii: "-")) }
    let magnitude = scaled.saturatingMagnitude
    JSONText.appendInteger(magnitude / scale, to: &line)
    line.append(UInt8(ascii: "."))
    var rest = magnitude % scale
    while scale > 1 {
      scale /= 10
      line.append(UInt8(ascii: "0") + UInt8(clamping: rest / scale))
      rest %= scale
    }
  }
}
