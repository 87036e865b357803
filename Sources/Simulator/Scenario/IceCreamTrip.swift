import JSON
import Numbers

/// The story's data: a freezer truck is loaded warm, pulled down to −18 °C, held there for 15 minutes, and then
/// thaws because its supply voltage sagged below what the unit needs.
///
/// Every row is 3 s of uptime after the last, from 1 on. The model uses only `+ − × ÷`, and temperatures and
/// voltages are whole sensor steps: the same seed gives the same bytes on every machine.
public struct IceCreamTrip: Sendable {
  /// The seed of `TruckSensorFiles/trucksensordata.csv`.
  public static let defaultSeed: UInt64 = 20_241_023
  /// The rows of `TruckSensorFiles/trucksensordata.csv`: three hours.
  public static let defaultRows = 3600
  /// The file's first line.
  public static let header = "uptime,volts,temp,door\n"

  /// Seconds of uptime between two rows.
  static let secondsPerRow = 3
  /// The outside temperature, °C.
  static let outside = 22.0
  /// What the running unit would reach in the end, °C, and its time constant in seconds.
  static let coldest = -22.0
  static let coolingTime = 900.0
  /// The load's time constant toward the outside temperature, in seconds.
  static let warmingTime = 1800.0
  /// The time constant of the warm air that an open door lets in, in seconds.
  static let doorTime = 2400.0
  /// The set point and the thermostat's band around it, °C.
  static let setPoint = -18.0
  static let band = 0.3
  /// How long the set point is held, in seconds (15 minutes, and some for the reading to come down to the next
  /// sensor step), and how long after the sag the unit stops.
  static let holdTime = 930
  static let lag = 30
  /// How long the truck is being loaded, in seconds.
  static let loadingTime = 1200
  /// One step of the temperature sensor: 11 °C / 128, in 1e-7 °C, and its reading at step 0 in the same unit.
  static let temperatureStep = 859_375
  static let temperatureZero = 219_000_000
  /// One step of the voltmeter and its reading at step 0, in hundredths of a volt.
  static let voltageStep = 3
  static let voltageZero = 1211

  private var generator: SplitMix64
  private var uptime = 1
  private var temperature = 21.9
  private var isCooling = true
  private var reachedSetPointAt: Int?
  private var doorOpensAt: Int
  private var doorClosesAt = 0

  private init(seed: UInt64) {
    generator = SplitMix64(seed: seed)
    doorOpensAt = 0
    doorOpensAt = uptime + random(30...90)
  }

  /// Makes the file: `sink` takes the header and then each row's bytes, and may throw to stop.
  public static func generate<Failure: Error>(
    seed: UInt64 = defaultSeed, rows: Int = defaultRows, into sink: ([UInt8]) throws(Failure) -> Void
  ) throws(Failure) {
    try sink(Array(header.utf8))
    var trip = IceCreamTrip(seed: seed)
    var line: [UInt8] = []
    for _ in 0..<max(0, rows) {
      line.removeAll(keepingCapacity: true)
      trip.appendRow(to: &line)
      try sink(line)
      trip.advance()
    }
  }

  private enum Phase { case loading, pullDown, hold, lag, thaw }

  private var phase: Phase {
    guard let reached = reachedSetPointAt else { return uptime < Self.loadingTime ? .loading : .pullDown }
    if uptime <= reached + Self.holdTime { return .hold }
    return uptime <= reached + Self.holdTime + Self.lag ? .lag : .thaw
  }

  private var isSagging: Bool { phase == .lag || phase == .thaw }
  private var isDoorOpen: Bool { uptime >= doorOpensAt && uptime < doorClosesAt }

  private mutating func appendRow(to line: inout [UInt8]) {
    // Four uniform numbers make a bell of standard deviation 0.0115 V around the mean.
    var noise = -2.0
    for _ in 0..<4 { noise += generator.unit() }
    let volts = (isSagging ? 12.01 : 12.11) + (uptime == 1 ? 0 : noise * 0.02)
    let step = ((volts * 100 - Double(Self.voltageZero)) / Double(Self.voltageStep)).rounded()
    let hundredthsOfVolt = Self.voltageZero + Int(step) * Self.voltageStep
    let temperatureSteps = ((temperature * 1e7 - Double(Self.temperatureZero)) / Double(Self.temperatureStep))
      .rounded()
    let tenMillionths = Self.temperatureZero + Int(temperatureSteps) * Self.temperatureStep
    let half = tenMillionths < 0 ? -50_000 : 50_000
    JSONText.appendInteger(uptime, to: &line)
    line.append(UInt8(ascii: ","))
    Self.appendHundredths(hundredthsOfVolt, to: &line)
    line.append(UInt8(ascii: ","))
    Self.appendHundredths((tenMillionths + half) / 100_000, to: &line)
    line.append(UInt8(ascii: ","))
    line.append(UInt8(ascii: isDoorOpen ? "1" : "0"))
    line.append(UInt8(ascii: "\n"))
  }

  /// Moves on by one row, in steps of one second.
  private mutating func advance() {
    for _ in 0..<Self.secondsPerRow {
      switch phase {
      case .loading, .pullDown: isCooling = true
      case .hold, .lag:
        if temperature > Self.setPoint + Self.band { isCooling = true }
        if temperature < Self.setPoint - Self.band { isCooling = false }
      case .thaw: isCooling = false
      }
      var change =
        isCooling
        ? (Self.coldest - temperature) / Self.coolingTime : (Self.outside - temperature) / Self.warmingTime
      if isDoorOpen { change += (Self.outside - temperature) / Self.doorTime }
      temperature += change
      uptime += 1
      if reachedSetPointAt == nil && temperature <= Self.setPoint { reachedSetPointAt = uptime }
      scheduleDoor()
    }
  }

  private mutating func scheduleDoor() {
    guard uptime >= max(doorOpensAt, doorClosesAt) else { return }
    if doorClosesAt < doorOpensAt {
      // While the truck holds its temperature it drives.
      guard phase != .hold else {
        doorOpensAt = uptime + random(1200...2400)
        return
      }
      doorClosesAt = uptime + (phase == .loading ? random(15...60) : random(6...12))
    } else {
      doorOpensAt = uptime + (phase == .loading ? random(45...150) : random(1800...3600))
    }
  }

  private mutating func random(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(saturated: generator.unit() * Double(range.count))
  }

  private static func appendHundredths(_ value: Int, to line: inout [UInt8]) {
    if value < 0 { line.append(UInt8(ascii: "-")) }
    let magnitude = value.saturatingMagnitude
    JSONText.appendInteger(magnitude / 100, to: &line)
    line.append(UInt8(ascii: "."))
    line.append(UInt8(ascii: "0") + UInt8(magnitude / 10 % 10))
    line.append(UInt8(ascii: "0") + UInt8(magnitude % 10))
  }
}
