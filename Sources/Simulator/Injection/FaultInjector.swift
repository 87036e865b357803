import Numbers

/// Puts faults onto the readings of one truck.
///
/// The box is one heat store: with the unit stopped or the door open its temperature tends to the outside's, afterwards back
/// to the dataset's, each with a time constant. A seed draws the time constants, the depth and lag of a sag, and the noise.
/// It uses only `+ − × ÷`: the same seed gives the same bytes on every machine.
struct FaultInjector: Sendable {
  private let injections: [Injection]
  private let temp, volts, door, ambient: Int?
  private var noise: SplitMix64
  /// Seconds in which a box without cooling, one with an open door, and one that cools again come nearer by a factor of e.
  private let boxConstant, doorConstant, recoveryConstant: Double
  /// Seconds from a sag to the stop of the unit.
  private let lag: Double
  /// What a sag takes beyond the least, 0 to 1.
  private let depth: Double
  private var last: Double?
  /// The temperature of the box while it isn't the dataset's, Celsius.
  private var warm: Double?
  /// How far the supply has fallen, V, for each fault that is active.
  private var falls: [Int: Double] = [:]
  /// What a stuck sensor shows.
  private var stuck: [UInt8]?

  /// The outside temperature where the dataset has none, Celsius.
  private static let outside = 25.0
  /// The longest step, s: what happens in a pause of the dataset isn't known.
  private static let longestStep = 600.0

  init(_ injections: [Injection], names: [String], seed: UInt64) {
    self.injections = injections
    func place(_ name: String) -> Int? { names.firstIndex(of: name) }
    (temp, volts, door, ambient) = (place("temp"), place("volts"), place("door"), place("ambient"))
    var generator = SplitMix64(seed: seed)
    func draw(_ low: Double, _ high: Double) -> Double { low + (high - low) * generator.unit() }
    boxConstant = draw(5400, 7200)
    doorConstant = draw(800, 1100)
    recoveryConstant = draw(400, 600)
    lag = draw(20, 45)
    depth = generator.unit()
    noise = generator
  }

  /// The values that replace a reading's, by position; nil where the reading's own value stays.
  mutating func values(for reading: Reading, at seconds: Double) -> [[UInt8]?] {
    var values = [[UInt8]?](repeating: nil, count: reading.count)
    let step = min(max(0, seconds - (last ?? seconds)), Self.longestStep)
    last = seconds
    func number(_ place: Int?) -> Double? { place.flatMap { NumberText.double(reading[$0]) } }
    func isActive(_ fault: Injection.Fault, after lag: Double = 0) -> Bool {
      injections.contains { $0.fault == fault && $0.isActive(at: seconds) && seconds >= $0.start + lag }
    }
    let isOpen = isActive(.doorOpen)
    if isOpen, let door { values[door] = [UInt8(ascii: "1")] }
    if let volts, let value = number(volts), let fall = fall(from: value, at: seconds) {
      values[volts] = Self.text(value - fall)
    }
    guard let temp else { return values }
    if let base = number(temp) {
      let isStopped = isActive(.unitOff) || isActive(.sag, after: lag)
      warmUp(base, number(ambient) ?? Self.outside, step, isStopped: isStopped, isOpen: isOpen)
      if let warm { values[temp] = Self.text(warm + (noise.unit() - 0.5) * 0.08) }
    }
    if isActive(.sensorDropout) { values[temp] = [] }
    if isActive(.sensorZero) { values[temp] = Array("0.00".utf8) }
    guard isActive(.sensorStuck) else {
      stuck = nil
      return values
    }
    stuck = stuck ?? values[temp] ?? Array(reading[temp])
    values[temp] = stuck
    return values
  }

  private mutating func warmUp(
    _ base: Double, _ outside: Double, _ step: Double, isStopped: Bool, isOpen: Bool
  ) {
    guard isStopped || isOpen || warm != nil else { return }
    var value = warm ?? base
    // Implicit Euler, which no step makes unstable.
    func approach(_ target: Double, _ constant: Double) {
      value += (target - value) * step / (constant + step)
    }
    if isStopped { approach(outside, boxConstant) }
    if isOpen { approach(outside, doorConstant) }
    if !isStopped, !isOpen { approach(base, recoveryConstant) }
    warm = !isStopped && !isOpen && (value - base).magnitude < 0.15 ? nil : value
  }

  /// By how much sags lower the supply: at least a tenth of a volt, and to 11.9 V (of a 24 V system 23.8 V), below what the
  /// shipped alert allows; a battery that isn't charged then runs down by 0.03 V an hour.
  private mutating func fall(from value: Double, at seconds: Double) -> Double? {
    var sum: Double?
    for (index, injection) in injections.enumerated() where injection.fault == .sag {
      guard injection.isActive(at: seconds) else {
        falls[index] = nil
        continue
      }
      let system = value > 18 ? 2.0 : 1
      let fall = falls[index] ?? max((0.1 + 0.03 * depth) * system, value - (11.9 - 0.03 * depth) * system)
      falls[index] = fall
      sum = (sum ?? 0) + fall + 0.03 * (seconds - injection.start) / 3600
    }
    return sum
  }

  /// A number with two decimals.
  private static func text(_ value: Double) -> [UInt8] { Array(Decimals.text(value, places: 2).utf8) }
}
