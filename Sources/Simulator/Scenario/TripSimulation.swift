import Numbers

/// Drives a planned trip, second by second.
///
/// It uses only `+ − × ÷` and rounding: the same plan gives the same rows on every machine.
public struct TripSimulation: Sendable, IteratorProtocol {
  /// What the truck's sensors say at one moment.
  public struct Row: Sendable, Equatable {
    /// Seconds since the start, from 1.
    public var uptime: Double
    /// Volts.
    public var voltage: Double
    /// Celsius; nil without a reading.
    public var temperature: Double?
    /// Whether the door is open.
    public var isDoorOpen: Bool
    /// The outside temperature, Celsius.
    public var ambient: Double
    /// Degrees.
    public var latitude: Double
    /// Degrees.
    public var longitude: Double
  }

  private let plan: TripPlan
  private var noise: SplitMix64
  private var uptime = 1.0
  private var nextRow = 1.0
  private var air: Double
  private var product: Double
  private var probe: Double
  private var isCooling = false
  private var isCutOut = false
  private var lowFor = 0.0
  private var voltage: Double
  private var reachedAt: Double?
  private var sagSince: Double?
  private var defrostEnds = -1.0
  private var nextDefrost: Double
  private var doorIndex = 0
  private var stopIndex = 0
  private var cranked = -100.0
  private var engineRan = false
  private var frozenReading: Double?

  /// A trip at its beginning.
  public init(_ plan: TripPlan) {
    self.plan = plan
    noise = SplitMix64(seed: plan.seed)
    air = plan.model.initialAir
    product = plan.model.initialProduct
    probe = air
    voltage = plan.model.runningVoltage
    nextDefrost = plan.model.defrostInterval * 0.5
    isCooling = air > plan.model.setPoint
    updateVoltage(isEngineOff: false)
  }

  /// The next row; nil at the trip's end.
  public mutating func next() -> Row? {
    while uptime <= plan.duration {
      if uptime >= nextRow {
        nextRow += max(1, plan.model.interval)
        return row()
      }
      advance()
    }
    return nil
  }

  private var isDoorOpen: Bool {
    plan.doors.indices.contains(doorIndex) && plan.doors[doorIndex].contains(uptime)
  }

  /// One second on.
  private mutating func advance() {
    let model = plan.model
    uptime += 1
    while doorIndex < plan.doors.count, plan.doors[doorIndex].end <= uptime { doorIndex += 1 }
    let outside = model.outside(at: uptime)
    let isEngineOff = plan.engineOff.contains { $0.contains(uptime) }
    if !isEngineOff, !engineRan, model.cranks { cranked = uptime }
    engineRan = !isEngineOff
    decide(isEngineOff: isEngineOff)
    updateVoltage(isEngineOff: isEngineOff)

    var heat = model.wallConductance * (outside - air) + model.sun(at: uptime)
    let toProduct = model.productConductance * (air - product)
    heat -= toProduct
    if isDoorOpen { heat += model.doorConductance * (outside - air) }
    if uptime < defrostEnds { heat += model.defrostPower }
    if isCooling {
      let nominal = model.runningVoltage
      heat -=
        model.ratedCooling * max(0.2, 1 + model.boxGain * (air + 20))
        * max(0.2, 1 - model.outsideLoss * (outside - 30))
        * max(0, 1 - model.voltageLoss * max(0, nominal - voltage))
    }
    air += heat / (model.airCapacity * 1000)
    if model.productCapacity > 0 { product += toProduct / (model.productCapacity * 1000) }
    probe += (air - probe) / max(1, model.probeLag)
  }

  /// Thermostat, defrost, cut-out and faults.
  private mutating func decide(isEngineOff: Bool) {
    let model = plan.model
    if reachedAt == nil, air <= model.setPoint { reachedAt = uptime }
    if model.defrostInterval > 0, uptime >= nextDefrost {
      defrostEnds = uptime + model.defrostLength
      nextDefrost = defrostEnds + model.defrostInterval
    }
    if air > model.setPoint + model.band { isCooling = true }
    if air < model.setPoint - model.band { isCooling = false }
    lowFor = voltage < model.cutOutVoltage && uptime - cranked > 60 ? lowFor + 1 : 0
    if lowFor >= model.cutOutDelay { isCutOut = true }
    if voltage > model.cutOutVoltage + 0.05 { isCutOut = false }
    let isStopped =
      isCutOut || isEngineOff || uptime < defrostEnds || plan.unitOff.contains { $0.contains(uptime) }
      || (model.pausesAtDoor && isDoorOpen)
    if isStopped { isCooling = false }
  }

  private mutating func updateVoltage(isEngineOff: Bool) {
    let model = plan.model
    var source = isEngineOff ? model.restVoltage : model.runningVoltage
    if isEngineOff, let off = plan.engineOff.first(where: { $0.contains(uptime) }) {
      source -= model.dischargeRate * (uptime - off.start) / 3600
    }
    source += model.surfaceCharge * max(0, 1 - uptime / 1200)
    if let story = plan.sagAfterReaching, let reachedAt, uptime >= reachedAt + story.hold {
      sagSince = sagSince ?? uptime
      source -= story.volts
    }
    for sag in plan.sags where sag.span.contains(uptime) {
      sagSince = sagSince ?? uptime
      source -= sag.volts
    }
    // During a sag, the battery is no longer charged and discharges.
    if let sagSince { source -= model.dischargeRate * (uptime - sagSince) / 3600 }
    let current = model.baseCurrent + (isCooling ? model.compressorCurrent : 0)
    voltage = source - model.lineResistance * current
    if uptime - cranked < 3 { voltage -= 2.5 }
  }

  // MARK: Readings

  private mutating func row() -> Row {
    let place = position()
    return Row(
      uptime: uptime, voltage: voltageReading(), temperature: temperatureReading(), isDoorOpen: isDoorOpen,
      ambient: Self.quantised(plan.model.outside(at: uptime) + bell() * 0.1, step: 0.1, zero: 0),
      latitude: place.latitude, longitude: place.longitude)
  }

  private mutating func voltageReading() -> Double {
    // The first row shows the level itself.
    let value = voltage + (uptime <= 1 ? 0 : bell() * plan.model.voltageNoise)
    return max(0, Self.quantised(value, step: plan.model.voltageStep, zero: 12.11))
  }

  private mutating func temperatureReading() -> Double? {
    let value = (plan.model.probeLag > 0 ? probe : air) + bell() * plan.model.temperatureNoise
    let reading = Self.quantised(value, step: plan.model.temperatureStep, zero: 21.9)
    guard let fault = plan.sensorFaults.first(where: { $0.span.contains(uptime) })?.fault else {
      frozenReading = reading
      return reading
    }
    switch fault {
    case .stuck: return frozenReading ?? reading
    case .zero: return 0
    case .missing: return nil
    }
  }

  /// A number of mean 0 and standard deviation 1: the sum of four uniform ones.
  private mutating func bell() -> Double {
    var sum = -2.0
    for _ in 0..<4 { sum += noise.unit() }
    return sum * 1.7320508
  }

  private static func quantised(_ value: Double, step: Double, zero: Double) -> Double {
    zero + ((value - zero) / step).rounded() * step
  }

  private mutating func position() -> (latitude: Double, longitude: Double) {
    let stops = plan.stops
    guard let first = stops.first else { return (0, 0) }
    while stopIndex + 1 < stops.count, stops[stopIndex + 1].span.start <= uptime { stopIndex += 1 }
    let here = stops[stopIndex]
    var place = (latitude: here.latitude, longitude: here.longitude)
    if uptime > here.span.end {
      // After the last stop it returns to the first.
      let last = stopIndex + 1 == stops.count
      let next = last ? first : stops[stopIndex + 1]
      let until = last ? plan.duration : next.span.start
      let share = min(1, (uptime - here.span.end) / max(1, until - here.span.end))
      place.latitude += (next.latitude - here.latitude) * share
      place.longitude += (next.longitude - here.longitude) * share
    }
    // About 5 m of noise.
    place.latitude += bell() * 0.00004
    place.longitude += bell() * 0.00006
    return (
      Self.quantised(place.latitude, step: 1e-5, zero: 0),
      Self.quantised(place.longitude, step: 1e-5, zero: 0)
    )
  }
}
