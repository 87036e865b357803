/// The figures of one trip that change before a unit fails; nil if the trip doesn't show them.
public struct UnitSigns: Sendable, Equatable {
  /// Minutes per 10 K of pull-down.
  public var pullDown: Double?
  /// The share of the time that the compressor ran while the level was held, 0 to 1.
  public var dutyCycle: Double?
  /// Cycles an hour while the level was held.
  public var cyclesPerHour: Double?
  /// Minutes to recover from a door opening, per kelvin lost.
  public var recovery: Double?
  /// The lower working voltage, V.
  public var workingVoltage: Double?
  /// How far the level lies above the set point, K.
  public var holdMargin: Double?
  /// The mean outside temperature, Celsius: what the others depend on.
  public var ambient: Double?

  /// No figures.
  public init() {}
}

/// Watches the thermostat's cycles while the level is held, in one pass: a falling temperature means that the compressor
/// runs.
struct CycleMeter: Sendable {
  /// The least change that counts as a turn, K.
  private let turn: Double
  private enum Direction { case unknown, falling, rising }
  private var direction = Direction.unknown
  private var extreme: (celsius: Double, time: Int64)?
  private var opposite: (celsius: Double, time: Int64)?
  /// When the current direction began; nil if that wasn't seen.
  private var turned: Int64?
  private(set) var falling = 0.0
  private(set) var rising = 0.0
  private(set) var cycles = 0
  /// Changes of direction.
  private(set) var turns = 0

  init(turn: Double = 0.35) { self.turn = turn }

  mutating func add(_ celsius: Double, at time: Int64) {
    guard let extreme, let opposite else {
      (self.extreme, self.opposite) = ((celsius, time), (celsius, time))
      return
    }
    switch direction {
    case .unknown:
      // These are the lowest and the highest value so far.
      if celsius <= extreme.celsius { self.extreme = (celsius, time) }
      if celsius >= opposite.celsius { self.opposite = (celsius, time) }
      if celsius >= extreme.celsius + turn {
        direction = .rising
        self.extreme = (celsius, time)
      } else if celsius <= opposite.celsius - turn {
        direction = .falling
        self.extreme = (celsius, time)
      }
    case .falling:
      if celsius <= extreme.celsius {
        self.extreme = (celsius, time)
      } else if celsius >= extreme.celsius + turn {
        turns += 1
        if let turned { falling += TimeSpan(turned, extreme.time).seconds }
        turned = extreme.time
        direction = .rising
        self.extreme = (celsius, time)
      }
    case .rising:
      if celsius >= extreme.celsius {
        self.extreme = (celsius, time)
      } else if celsius <= extreme.celsius - turn {
        turns += 1
        if let turned {
          rising += TimeSpan(turned, extreme.time).seconds
          cycles += 1
        }
        turned = extreme.time
        direction = .falling
        self.extreme = (celsius, time)
      }
    }
  }

  /// A departure or a gap ends the current cycle, which isn't counted.
  mutating func interrupt() {
    direction = .unknown
    extreme = nil
    opposite = nil
    turned = nil
  }

  var seconds: Double { falling + rising }
  var dutyCycle: Double? { cycles >= 4 && seconds > 600 ? falling / seconds : nil }
  var cyclesPerHour: Double? { cycles >= 4 && seconds > 600 ? Double(cycles) / seconds * 3600 : nil }
}
