import Numbers

/// Trips of a fleet that have, or don't have, a cause in common: what the comparison of a fleet is tried on.
public enum FleetPlan: String, Sendable, CaseIterable {
  /// Trucks lose their cold at one of eight customers, where the door stays open.
  case badPlace = "bad-place"
  /// Units fail above 33 °C outside.
  case heat
  /// Faults of all kinds, anywhere.
  case neither

  /// The customers of a fleet.
  public static func places(seed: UInt64) -> [(latitude: Double, longitude: Double)] {
    var draw = Draw(SplitMix64(seed: seed &* 0x9E37_79B9 &+ 17))
    return (0..<8).map { _ in (52.3 + draw.number(0, 0.4), 13.1 + draw.number(0, 0.6)) }
  }

  /// Which of the places is the bad one.
  public static func badPlace(seed: UInt64) -> Int { Int(truncatingIfNeeded: seed % 8) }

  /// The trip of one truck.
  public func trip(truck: Int, seed: UInt64, duration: Double = 14_400) -> TripPlan {
    let own = (seed &* 1_000_003) &+ UInt64(truncatingIfNeeded: truck)
    var draw = Draw(SplitMix64(seed: own))
    let ambient = draw.number(18, 41)
    let others: [Scenario] = [.unitOff, .electricalSag, .doorLeftOpen, .weakUnit, .loadedWarm]
    var scenario = Scenario.healthy
    switch self {
    case .badPlace: if draw.chance(0.05) { scenario = draw.choice([.unitOff, .electricalSag]) }
    case .heat:
      if ambient > 33 {
        if draw.chance(0.92) { scenario = .hotDay }
      } else if draw.chance(0.04) {
        scenario = .unitOff
      }
    case .neither: if draw.chance(0.3) { scenario = draw.choice(others) }
    }
    var plan = TripPlan.make(
      [scenario], seed: draw.generator.next(), duration: duration, ambient: ambient, isVaried: true)
    plan.model.interval = 20
    if scenario != .hotDay {
      // The day lies around 15:00, so that its highest temperature is that of the trip.
      plan.model.startHour = 12
      if scenario != .weakUnit {
        let heat = plan.model.wallConductance * (ambient - plan.model.setPoint) + plan.model.solarPeak
        plan.model.ratedCooling = max(plan.model.ratedCooling, 1.8 * heat)
      }
    }
    visit(&plan, &draw, seed: seed)
    return plan
  }

  /// Four of the eight customers, in any order.
  private func visit(_ plan: inout TripPlan, _ draw: inout Draw, seed: UInt64) {
    let places = Self.places(seed: seed)
    let left = plan.doors.first.map { $0.end - $0.start > 600 ? [$0] : [] } ?? []
    let long = plan.doors.filter { $0.end - $0.start > 600 } + (plan.doors.first?.start == 0 ? left : [])
    plan.stops = [.init(span: .init(0, 400), latitude: 52.5, longitude: 13.4)]
    plan.doors = []
    var order = Array(0..<8)
    for index in order.indices.reversed() {
      let other = min(index, Int(saturated: draw.number(0, Double(index + 1))))
      order.swapAt(index, other)
    }
    for (index, place) in order.prefix(4).enumerated() {
      let start = plan.duration * (Double(index) + 0.7) / 5
      var length = draw.number(300, 700)
      var open = draw.number(30, 90)
      if self == .badPlace, place == Self.badPlace(seed: seed), draw.chance(0.93) {
        open = draw.number(1000, 1700)
        length = open + 300
      }
      plan.stops.append(
        .init(
          span: .init(start, start + length), latitude: places[place].latitude,
          longitude: places[place].longitude))
      plan.doors.append(.init(start + 60, start + 60 + open))
    }
    for span in long where !plan.doors.contains(where: { $0.start < span.end && $0.end > span.start }) {
      plan.doors.append(span)
    }
    plan.doors.sort { $0.start < $1.start }
  }
}

/// A truck's trips over weeks, with a unit that weakens or doesn't.
public enum WearPlan {
  /// Trip `number` of `count`, from 0: a pull-down and a tour. A weakening unit loses its power until it can't hold the set point
  /// on the last trips.
  public static func trip(number: Int, of count: Int, isWeakening: Bool, seed: UInt64) -> TripPlan {
    var draw = Draw(SplitMix64(seed: seed))
    var model = TruckModel()
    draw.vary(&model)
    model.interval = 20
    model.temperatureStep = 0.0859375
    model.airCapacity = max(120, model.airCapacity)
    model.setPoint = -18
    // The truck stays; weather, cargo and noise of the day differ.
    var day = Draw(SplitMix64(seed: seed &* 31 &+ UInt64(truncatingIfNeeded: number) &+ 1))
    model.ambient = 24 + day.number(-6, 6)
    model.startHour = 9
    model.ambientSwing = 6
    model.productCapacity *= day.number(0.7, 1.3)
    model.initialAir = day.number(4, 10)
    model.initialProduct = model.setPoint + day.number(-0.5, 0.5)
    let load = model.wallConductance * (30 - model.setPoint) + model.solarPeak
    let share = Double(number) / Double(max(1, count - 1))
    // Enough for the hottest day at first; a third less than the load at the end.
    model.ratedCooling = load * (isWeakening ? 2.4 - 1.75 * share : 2.2) * day.number(0.98, 1.02)
    var plan = TripPlan(model: model, duration: 14_400, seed: day.generator.next())
    var time = 5000.0
    while time < 13_000 {
      plan.doors.append(.init(time, time + day.number(40, 90)))
      time += day.number(2200, 3200)
    }
    return plan
  }
}
