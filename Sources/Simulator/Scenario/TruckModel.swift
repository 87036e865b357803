/// A refrigerated truck as a lumped thermal model and a simple supply circuit: every parameter, with its unit.
///
/// Two heat stores exchange heat: the air with everything that follows it within minutes (lining, evaporator), and the
/// product. With temperatures in °C, heat capacities in kJ/K, conductances in W/K and powers in W:
///
///     C_air · dT_air/dt = UA · (T_outside − T_air) + solar + K_product · (T_product − T_air)
///                         + [door open] K_door · (T_outside − T_air) + [defrost] P_defrost − [cooling] Q
///     C_product · dT_product/dt = K_product · (T_air − T_product)
///     Q = Q_rated · (1 + b · (T_air + 20)) · (1 − a · (T_outside − 30)) · (1 − v · (V_nominal − V))
///
/// The probe follows the air with a lag of first order. The supply voltage is what the source gives less the drop over
/// the cable: V = E − R · I.
///
/// Figures without a source are engineering estimates for a 3.5 to 12 t distribution truck. A heavily insulated body has
/// K ≤ 0.40 W/(m²·K) (ATP, annex 1); 45 m² of it give UA = 18 W/K, and bodies lose 3 to 5 % a year. Frozen ice cream has
/// about 2 kJ/(kg·K).
public struct TruckModel: Sendable, Equatable {
  // MARK: The box

  /// Heat capacity of the air and what follows it within minutes, kJ/K.
  public var airCapacity = 150.0
  /// Heat capacity of the product, kJ/K: kilograms × 2.
  public var productCapacity = 1600.0
  /// Conductance between air and product, W/K: the product's free surface × about 6 W/(m²·K).
  public var productConductance = 120.0
  /// Conductance of the walls, W/K.
  public var wallConductance = 26.0
  /// What the sun adds at noon, W.
  public var solarPeak = 300.0
  /// What an open door exchanges, W/K.
  public var doorConductance = 180.0
  /// The temperatures at the start, °C.
  public var initialAir = -18.0
  /// The product's temperature at the start, °C.
  public var initialProduct = -18.5

  // MARK: The unit

  /// The thermostat's set point, °C.
  public var setPoint = -18.0
  /// Half of the thermostat's band, K: on above set point + band, off below set point − band.
  public var band = 0.7
  /// Cooling power at −20 °C in the box, 30 °C outside and nominal voltage, W.
  public var ratedCooling = 3200.0
  /// b, gain of cooling power with a warmer box, 1/K.
  public var boxGain = 0.02
  /// a, loss of cooling power with a warmer outside, 1/K.
  public var outsideLoss = 0.012
  /// v, loss of cooling power with a lower supply, 1/V; 0 for a compressor on the engine's belt.
  public var voltageLoss = 0.05
  /// Seconds from one defrost's end to the next; 0 for none.
  public var defrostInterval = 0.0
  /// The length of a defrost, s.
  public var defrostLength = 900.0
  /// Heat of the defrost that reaches the air, W.
  public var defrostPower = 500.0
  /// Whether the unit pauses while the door is open.
  public var pausesAtDoor = true

  // MARK: The supply

  /// The source's voltage with the engine running, V.
  public var runningVoltage = 12.25
  /// The battery's voltage with the engine off, V.
  public var restVoltage = 12.45
  /// Resistance of the supply line, Ω.
  public var lineResistance = 0.005
  /// Current of fans and electronics, A.
  public var baseCurrent = 18.0
  /// Additional current while the compressor runs, A: the clutch of a belt-driven one.
  public var compressorCurrent = 4.0
  /// Surface charge of the battery that decays over the first 20 minutes, V.
  public var surfaceCharge = 0.0
  /// The unit stops below this voltage, V, and starts again 0.05 V above it.
  public var cutOutVoltage = 11.4
  /// Seconds below the cut-out voltage until the unit stops.
  public var cutOutDelay = 30.0
  /// How fast a battery without charge falls, V/h.
  public var dischargeRate = 0.04
  /// Whether starting the engine makes a dip of a few seconds to about 10 V.
  public var cranks = false

  // MARK: The outside

  /// The day's highest outside temperature, °C.
  public var ambient = 22.0
  /// How much colder the night is, K.
  public var ambientSwing = 9.0
  /// The hour of the day at uptime 0, 0 ..< 24.
  public var startHour = 10.0

  // MARK: The sensors

  /// Lag of the probe, s.
  public var probeLag = 20.0
  /// One step of the temperature's reading, K.
  public var temperatureStep = 0.0859375
  /// Standard deviation of the temperature's noise, K.
  public var temperatureNoise = 0.02
  /// One step of the voltmeter, V.
  public var voltageStep = 0.03
  /// Standard deviation of the voltage's noise, V.
  public var voltageNoise = 0.0115
  /// Seconds between two rows.
  public var interval = 3.0

  /// The typical truck, with its cargo at −18 °C.
  public init() {}

  /// The truck of the original's story: a small van, almost empty, at a constant 22 °C outside. It is loaded warm, cools to
  /// −18 °C, and after its supply has sagged it warms toward the outside with a time constant of 30 minutes.
  public static let story: TruckModel = {
    var model = TruckModel()
    model.airCapacity = 72
    model.productCapacity = 0
    model.productConductance = 0
    // 72 kJ/K over 40 W/K are 1 800 s.
    model.wallConductance = 40
    model.solarPeak = 0
    model.doorConductance = 30
    model.initialAir = 21.9
    model.initialProduct = 21.9
    model.band = 0.3
    model.ratedCooling = 1730
    model.boxGain = 0.025
    model.outsideLoss = 0.012
    model.voltageLoss = 0
    model.pausesAtDoor = false
    model.runningVoltage = 12.06
    model.lineResistance = 0.0025
    model.baseCurrent = 22
    model.compressorCurrent = 1.5
    model.surfaceCharge = 0.105
    model.cutOutVoltage = 11.95
    model.dischargeRate = 0.03
    model.ambient = 22
    model.ambientSwing = 0
    model.probeLag = 0
    model.temperatureNoise = 0
    return model
  }()

  /// The outside temperature at an uptime, °C: warmest at 15:00, coldest at 03:00, by Bhaskara's approximation of the cosine
  /// so that every machine gives the same bytes.
  func outside(at uptime: Double) -> Double {
    ambient - ambientSwing * (1 - Self.cosineOfDay(startHour + uptime / 3600 - 15)) / 2
  }

  /// What the sun adds at an uptime, W: a parabola from 06:00 to 20:00.
  func sun(at uptime: Double) -> Double {
    let hour = Self.hourOfDay(startHour + uptime / 3600)
    let distance = (hour - 13) / 7
    return max(0, solarPeak * (1 - distance * distance))
  }

  private static func hourOfDay(_ hours: Double) -> Double { hours - (hours / 24).rounded(.down) * 24 }

  /// cos(2π · hours / 24), within 0.002 (Bhaskara I's rational approximation).
  private static func cosineOfDay(_ hours: Double) -> Double {
    // A half turn has 12 hours; within one quarter on either side of 0 the approximation holds.
    var hour = hourOfDay(hours)
    if hour > 12 { hour = 24 - hour }
    let isNegative = hour > 6
    if isNegative { hour = 12 - hour }
    let square = hour * hour / 144
    let cosine = (1 - 4 * square) / (1 + square)
    return isNegative ? -cosine : cosine
  }
}
