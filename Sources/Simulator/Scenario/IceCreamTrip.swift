/// The story's trip: a freezer truck is loaded, cooled down, holds its temperature, and then its unit fails with the
/// voltage. TruckSensorFiles/README.md describes the model.
public enum IceCreamTrip {
  /// The seed of TruckSensorFiles/trucksensordata.csv.
  public static let defaultSeed: UInt64 = 20_241_023
  /// Its rows: 3 h 30 min.
  public static let defaultRows = 4200
  /// Seconds of uptime between rows.
  public static let step = 3

  private static let setPoint = -18.0
  private static let outside = 24.0
  /// The unit's power: the temperature it would reach in the end.
  private static let coldest = -24.0
  private static let coolingTime = 1500.0
  private static let warmingTime = 3000.0
  private static let holdingTime = 900
  /// The sensor's resolution, 22/256 °C.
  private static let temperatureStep = 22.0 / 256

  /// Writes header and rows to `sink`, a piece at a time; the same seed gives the same bytes.
  public static func generate(seed: UInt64 = defaultSeed, rows: Int = defaultRows, to sink: ([UInt8]) -> Void)
  {
    var random = SplitMix64(seed: seed)
    let doors = Doors(&random)
    var temperature = 21.9
    var heldSince: Int?
    var cooling = true
    sink(Array("uptime,volts,temp,door\n".utf8))
    for row in 0..<rows {
      let uptime = 1 + row * step
      let failed = heldSince.map { uptime - $0 >= holdingTime } ?? false
      let open = doors.isOpen(at: uptime)
      if row > 0 {
        let target = failed ? outside : cooling ? coldest : outside
        let time = failed ? warmingTime : cooling ? coolingTime : warmingTime * 4
        temperature += (target - temperature) * Double(step) / time
        // Warm air comes in while the door is open.
        if open { temperature += (outside - temperature) * Double(step) / 2400 }
      }
      if heldSince == nil, temperature <= setPoint { heldSince = uptime }
      // The thermostat switches a third of a degree around the set point.
      if heldSince != nil {
        if temperature <= setPoint - 0.3 { cooling = false }
        if temperature >= setPoint + 0.3 { cooling = true }
      }
      let volts = voltage(failed: failed, cooling: cooling && !failed, &random)
      let measured = (temperature / temperatureStep).rounded() * temperatureStep
      sink(
        Array(
          "\(uptime),\(Decimals.text(volts, places: 2)),\(Decimals.text(measured, places: 2)),\(open ? 1 : 0)\n"
            .utf8))
    }
  }

  /// In steps of 0.03 V: about 12.14 V with a running engine, 0.1 V less after the fault.
  private static func voltage(failed: Bool, cooling: Bool, _ random: inout SplitMix64) -> Double {
    let noise = random.unit()
    let ripple = noise < 0.15 ? -1.0 : noise > 0.85 ? 1.0 : 0.0
    let steps = failed ? -3.0 : cooling ? 0.0 : 1.0
    return 12.11 + 0.03 * (steps + ripple)
  }

  /// When the door is open: five times while loading, once on the way, once after the fault.
  private struct Doors {
    private var openings: [Range<Int>] = []

    init(_ random: inout SplitMix64) {
      func opening(from: Double, within: Double, shortest: Double, longest: Double) -> Range<Int> {
        let start = Int(from + random.unit() * within)
        return start..<(start + Int(shortest + random.unit() * (longest - shortest)))
      }
      for number in 0..<5 {
        openings.append(opening(from: 40 + Double(number) * 220, within: 80, shortest: 30, longest: 120))
      }
      openings.append(opening(from: 2100, within: 300, shortest: 15, longest: 30))
      openings.append(opening(from: 8000, within: 1500, shortest: 30, longest: 60))
    }

    func isOpen(at uptime: Int) -> Bool { openings.contains { $0.contains(uptime) } }
  }
}
