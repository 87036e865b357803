import Numbers

/// All that is decided about a trip before it begins: the truck, the stops, and what goes wrong when.
public struct TripPlan: Sendable {
  /// A span of uptime, seconds.
  public struct Span: Sendable, Equatable {
    /// Its first second.
    public var start: Double
    /// Its end (exclusive).
    public var end: Double

    /// A span.
    public init(_ start: Double, _ end: Double) {
      self.start = start
      self.end = end
    }

    func contains(_ uptime: Double) -> Bool { uptime >= start && uptime < end }
  }

  /// Where the truck stops, and for how long.
  public struct Stop: Sendable, Equatable {
    /// When it stands.
    public var span: Span
    /// Where, degrees.
    public var latitude: Double
    /// Where, degrees.
    public var longitude: Double
  }

  /// How a temperature sensor fails.
  public enum SensorFault: Sendable, Equatable {
    /// The reading stays what it was.
    case stuck
    /// The reading is exactly 0.00.
    case zero
    /// There is no reading.
    case missing
  }

  /// The truck.
  public var model: TruckModel
  /// The trip's length, s.
  public var duration: Double
  /// When the door is open, in the order of time.
  public var doors: [Span] = []
  /// When the engine is off.
  public var engineOff: [Span] = []
  /// When the unit is off although the supply is sound.
  public var unitOff: [Span] = []
  /// How far the source's voltage falls, V, and when.
  public var sags: [(span: Span, volts: Double)] = []
  /// How the probe fails, and when.
  public var sensorFaults: [(span: Span, fault: SensorFault)] = []
  /// The stops, in the order of time; empty if positions aren't wanted.
  public var stops: [Stop] = []
  /// When the load is put in, s: until then the thermostat cools an empty box, and its doors are those of loading. The
  /// story's voltage sags a fixed time after the set point was reached, and not at a fixed uptime.
  public var sagAfterReaching: (hold: Double, lag: Double, volts: Double)?
  /// The seed of the sensors' noise.
  public var seed: UInt64

  /// Plans a trip of the named scenarios.
  ///
  /// The nominal truck is `TruckModel`'s, for a lone `electrical-sag` the story's; `isVaried` draws truck, cargo, weather,
  /// sensors, stops and the faults' sizes by the seed instead. `ambient` replaces the day's highest temperature.
  public static func make(
    _ scenarios: [Scenario], seed: UInt64, duration: Double, ambient: Double? = nil, isVaried: Bool = false
  ) -> TripPlan {
    var draw = Draw(SplitMix64(seed: seed))
    if scenarios == [.electricalSag], !isVaried {
      return story(&draw, seed: seed, duration: duration, ambient: ambient)
    }
    var model = TruckModel()
    if isVaried { draw.vary(&model) }
    let isHot = scenarios.contains(.hotDay)
    if isHot || scenarios.contains(.weakUnit) || scenarios.contains(.loadedWarm) {
      model.setPoint = max(model.setPoint, -20)
    }
    if isHot { model.ambient = isVaried ? draw.number(34, 42) : 38 }
    if let ambient { model.ambient = ambient }
    if isHot {
      model.ambientSwing = isVaried ? draw.number(12, 18) : 14
      // A condenser at its limit.
      model.outsideLoss = isVaried ? draw.number(0.025, 0.04) : 0.03
      // The heat of the day lies within the trip.
      model.startHour = 15 - duration / 3600 * (isVaried ? draw.number(0.55, 0.8) : 0.7)
      if model.startHour < 0 { model.startHour += 24 }
    }
    var plan = TripPlan(model: model, duration: duration, seed: draw.generator.next())
    plan.addStops(&draw, isVaried: isVaried)
    plan.setInitial(
      &draw, isVaried: isVaried, isWarm: scenarios.contains(.loadedWarm),
      canStartEmpty: !isHot && !scenarios.contains(.weakUnit))
    for scenario in scenarios { plan.add(scenario, &draw, isVaried: isVaried) }
    return plan
  }

  init(model: TruckModel, duration: Double, seed: UInt64) {
    self.model = model
    self.duration = duration
    self.seed = seed
  }

  // MARK: The scenarios

  private mutating func add(_ scenario: Scenario, _ draw: inout Draw, isVaried: Bool) {
    let at = duration * (isVaried ? draw.number(0.3, 0.55) : 0.4)
    let hottest = model.outside(at: min(duration, max(0, (15 - model.startHour) * 3600)))
    switch scenario {
    case .healthy: break
    case .defrost:
      if isVaried { model.airCapacity = max(model.airCapacity, draw.number(150, 320)) }
      model.defrostInterval = isVaried ? draw.number(2400, 5400) : 3600
      model.defrostPower = isVaried ? draw.number(100, 600) : 300
      // As long as the air needs to rise by this.
      let rise = isVaried ? draw.number(1.6, 3.2) : 2.4
      let coupling = model.productConductance + model.wallConductance
      let power = model.defrostPower + model.wallConductance * (model.outside(at: at) - model.setPoint)
      let share = min(0.6, rise * coupling / power)
      model.defrostLength = max(120, share / (1 - share) * model.airCapacity * 1000 / coupling)
      // The driver waits with the door until a defrost is over.
      var start = model.defrostInterval * 0.5
      while start < duration {
        let busy = Span(start - 300, start + model.defrostLength + 400)
        doors.removeAll { $0.start < busy.end && $0.end > busy.start }
        start += model.defrostLength + model.defrostInterval
      }
    case .electricalSag:
      let level = model.runningVoltage - model.lineResistance * (model.baseCurrent + model.compressorCurrent)
      // More than the compressor's own drop, or it would start again without its load.
      let drop = model.lineResistance * model.compressorCurrent
      let volts = max(2 * drop, isVaried ? max(level - 12.0, 0) + draw.number(0.12, 0.6) : 0.6)
      model.cutOutVoltage = level - volts * 0.3
      model.cutOutDelay = isVaried ? draw.number(15, 240) : 30
      sags.append((Span(at, duration + 1), volts))
    case .unitOff:
      unitOff.append(Span(at, duration + 1))
      // Half of the units are driven by the engine, and stop with it.
      if isVaried, model.runningVoltage > 13.2, draw.chance(0.7) { engineOff.append(Span(at, duration + 1)) }
    case .doorLeftOpen:
      let length = isVaried ? draw.number(720, 2400) : 1500
      doors.append(Span(at, min(at + length, duration + 1)))
    case .hotDay:
      model.ratedCooling = cooling(
        settlingAbove: isVaried ? draw.number(4, 9) : 6, outside: hottest, sun: model.solarPeak)
    case .weakUnit:
      let excess = isVaried ? draw.number(4, 10) : 6
      model.ratedCooling = cooling(
        settlingAbove: excess, outside: model.outside(at: duration / 2), sun: model.sun(at: duration / 2))
    case .loadedWarm:
      // The air settles some K below the product, and the unit's spare power removes the product's heat in hours.
      model.productCapacity = max(model.productCapacity, isVaried ? draw.number(1200, 5000) : 2400)
      let gap = isVaried ? draw.number(3, 6) : 5
      let hours = isVaried ? draw.number(2.2, 6) : 3
      let drop = max(3, model.initialProduct - model.setPoint - gap)
      let spare = model.productCapacity * drop / (hours * 3.6)
      model.productConductance = spare / gap
      model.ratedCooling =
        model.wallConductance * (model.outside(at: 3600) - model.setPoint - 4) + model.sun(at: 3600) + spare
    case .sensorStuck:
      sensorFaults.append((Span(at, duration + 1), isVaried && draw.chance(0.3) ? .zero : .stuck))
    case .sensorDropout:
      var start = at
      let share = isVaried ? draw.number(0.4, 0.9) : 0.6
      while start < duration {
        let length = isVaried ? draw.number(900, 3000) : 1800
        sensorFaults.append((Span(start, start + length), .missing))
        start += length / share
      }
    }
    doors.sort { $0.start < $1.start }
  }

  /// The rated cooling with which the box settles so many kelvins above its set point.
  private mutating func cooling(settlingAbove excess: Double, outside: Double, sun: Double) -> Double {
    let box = model.setPoint + excess
    let load = model.wallConductance * (outside - box) + sun
    // Until the product has warmed, too, it takes part of the heat; the unit still removes a good part.
    model.productConductance = min(model.productConductance, 0.6 * load / (0.8 * excess))
    let constant = model.productCapacity * 1000 / max(1, model.productConductance)
    let heat = load - 0.8 * constant / (constant + 7200) * model.productConductance * excess
    let gain = (1 + model.boxGain * (box + 20)) * (1 - model.outsideLoss * (outside - 30))
    return max(100, heat / max(0.2, gain))
  }

  private mutating func setInitial(
    _ draw: inout Draw, isVaried: Bool, isWarm: Bool, canStartEmpty: Bool
  ) {
    if isWarm {
      model.initialProduct = isVaried ? draw.number(-6, 3) : -4
      model.initialAir = model.initialProduct + (isVaried ? draw.number(0, 8) : 4)
      let loading = Span(0, isVaried ? draw.number(120, 900) : 480)
      doors = [loading] + doors.filter { $0.start > loading.end + 300 }
    } else if isVaried, canStartEmpty, draw.chance(0.25) {
      // An empty box that is pulled down before the product comes: its air follows quickly.
      model.initialAir = draw.number(-6, 15)
      model.initialProduct = model.setPoint
    } else {
      model.initialAir = model.setPoint + (isVaried ? draw.number(-0.5, 0.5) : 0)
      model.initialProduct = model.setPoint - (isVaried ? draw.number(0, 1) : 0.5)
    }
  }

  /// Stops of delivery, with a short opening of the door each, and now and then a traffic jam.
  private mutating func addStops(_ draw: inout Draw, isVaried: Bool) {
    var latitude = 52.52
    var longitude = 13.4
    stops.append(Stop(span: Span(0, 300), latitude: latitude, longitude: longitude))
    let count = isVaried ? Int(saturated: draw.number(0, 7)) : 3
    guard count > 0 else { return }
    let pitch = duration / Double(count + 1)
    for index in 1...count {
      let start = pitch * (Double(index) + draw.number(-0.25, 0.25))
      let length = draw.number(240, 900)
      latitude += draw.number(-0.06, 0.06)
      longitude += draw.number(-0.09, 0.09)
      stops.append(Stop(span: Span(start, start + length), latitude: latitude, longitude: longitude))
      // One stop in five is traffic.
      guard !draw.chance(0.2) else { continue }
      let opens = start + draw.number(30, 100)
      doors.append(Span(opens, opens + draw.number(20, min(150, length - 100))))
    }
  }

  /// The original's story; its parameters are `TruckModel.story`'s.
  private static func story(_ draw: inout Draw, seed: UInt64, duration: Double, ambient: Double?) -> TripPlan
  {
    var model = TruckModel.story
    if let ambient { model.ambient = ambient }
    var plan = TripPlan(model: model, duration: duration, seed: seed)
    // 15 minutes, and some for the reading to come down to the next sensor step.
    plan.sagAfterReaching = (hold: 930, lag: 30, volts: 0.1)
    plan.model.cutOutDelay = 30
    var time = draw.number(30, 90)
    while time < 1200 {
      let length = draw.number(15, 60)
      plan.doors.append(Span(time, time + length))
      time += length + draw.number(45, 150)
    }
    // While the truck cools and holds its temperature it drives.
    time = 5400
    while time < duration {
      let length = draw.number(6, 12)
      plan.doors.append(Span(time, time + length))
      time += length + draw.number(1800, 3600)
    }
    return plan
  }
}

/// Draws numbers for plans.
struct Draw {
  var generator: SplitMix64

  init(_ generator: SplitMix64) { self.generator = generator }

  /// A number between two.
  mutating func number(_ low: Double, _ high: Double) -> Double { low + (high - low) * generator.unit() }

  mutating func chance(_ probability: Double) -> Bool { generator.unit() < probability }

  mutating func choice<Element>(_ elements: [Element]) -> Element {
    elements[min(elements.count - 1, Int(saturated: generator.unit() * Double(elements.count)))]
  }

  /// Another truck, cargo, weather and set of sensors.
  mutating func vary(_ model: inout TruckModel) {
    model.setPoint = choice([-18, -18, -18, -20, -22, -25])
    model.airCapacity = number(80, 260)
    model.productCapacity = number(300, 5000)
    model.productConductance = number(40, 220)
    model.wallConductance = number(15, 45)
    model.solarPeak = number(0, 500)
    model.doorConductance = number(100, 260)
    model.band = number(0.3, 1.2)
    model.ambient = number(10, 31)
    model.ambientSwing = number(4, 12)
    model.startHour = number(4, 14)
    // Enough for its own heat with a margin.
    let worst = model.wallConductance * (model.ambient - model.setPoint) + model.solarPeak
    model.ratedCooling = worst * number(1.7, 3) / (1 - model.outsideLoss * max(0, model.ambient - 30))
    model.voltageLoss = number(0, 0.1)
    model.runningVoltage = choice([12.15, 12.4, 12.9, 13.4, 13.8, 14.2]) + number(-0.05, 0.05)
    model.restVoltage = number(12.25, 12.65)
    model.lineResistance = number(0.002, 0.009)
    model.baseCurrent = number(5, 25)
    model.compressorCurrent = number(3, 40)
    model.cutOutVoltage = 10.5
    model.dischargeRate = number(0.01, 0.08)
    model.cranks = chance(0.5)
    model.probeLag = number(10, 90)
    model.temperatureStep = choice([0.01, 0.0625, 0.0859375, 0.1, 0.5])
    model.temperatureNoise = number(0.01, 0.12)
    model.voltageStep = choice([0.01, 0.03, 0.05, 0.1])
    model.voltageNoise = number(0.005, 0.04)
    model.interval = choice([3, 5, 10, 30, 60])
    model.pausesAtDoor = chance(0.7)
  }
}
