import Glibc

/// How well each cause explains a departure: a naive Bayes classifier whose likelihood ratios are smooth functions of a
/// few physical figures (Duda, Hart, Stork, "Pattern Classification", chapter 2). Every term is the logarithm of how much
/// more likely a figure is under the cause than on average, and is bounded, so that no single figure decides alone. A
/// figure that wasn't measured contributes nothing: causes that only it could tell apart stay equally likely.
struct CauseLikelihood: Sendable {
  /// The causes that can explain a departure.
  static let causes: [Cause] = [.electrical, .unitOff, .door, .heat, .warmLoad, .defrost, .unexplained]

  private(set) var logarithms: [Cause: Double] = [:]

  /// Probabilities, summing to 1.
  var posterior: [Cause: Double] {
    let greatest = logarithms.values.max() ?? 0
    let weights = logarithms.mapValues { exp($0 - greatest) }
    // In a fixed order: the sum's last digit depends on it, and the same record must have the same diagnosis.
    let sum = Cause.allCases.reduce(0) { $0 + (weights[$1] ?? 0) }
    return weights.mapValues { $0 / sum }
  }

  init(_ signs: DepartureSigns) {
    for cause in Self.causes { logarithms[cause] = 0 }
    // If no known cause fits well, this one remains.
    logarithms[.unexplained] = -2.2
    signs.startsWarm ? weighWarmStart(signs) : weighShape(signs)
    weighDoor(signs)
    weighSupply(signs)
    weighOutside(signs)
  }

  private mutating func add(_ cause: Cause, _ value: Double) { logarithms[cause, default: 0] += value }

  private static func bounded(_ value: Double, _ limit: Double = 3) -> Double {
    value.isNaN ? 0 : max(-limit, min(limit, value))
  }

  /// Weighs a box that was cold and then warmed.
  private mutating func weighShape(_ signs: DepartureSigns) {
    add(.warmLoad, -4)
    // Without cooling a box gains some K in the first quarter of an hour; the outside changes by at most about 3 K an hour.
    if let first = signs.firstRate {
      let rate = Self.bounded(1.6 * log(max(0.004, first) / 0.06))
      add(.electrical, 0.5 * rate)
      add(.unitOff, 0.5 * rate)
      add(.heat, -0.5 * rate)
    }
    // If the thermostat was turning just before, the unit stopped; a unit at its limit would have run without a pause.
    if let turns = signs.turnsBefore {
      let turning = turns >= 2 ? 1.0 : turns == 1 ? 0.2 : -0.7
      add(.electrical, 0.8 * turning)
      add(.unitOff, 0.8 * turning)
      add(.heat, -turning)
    }
    // Where the warming tends to: without cooling, the outside temperature; with too little cooling, a few kelvins above
    // the set point.
    if let fit = signs.fit, fit.isDetermined {
      let excess = fit.asymptote - (signs.fit?.start ?? 0)
      let open = Self.bounded((excess - 12) / 5, 1.4)
      add(.electrical, open)
      add(.unitOff, open)
      add(.heat, -open)
    }
    add(.heat, -Self.bounded(max(0, signs.rise - 14) / 3, 4))
    // A kink after a steady hold means that the unit stopped; a slope that already grew before means too little cooling.
    if let before = signs.rateBefore, let first = signs.firstRate {
      let kink = Self.bounded(log(max(0.005, first) / max(0.01, before.magnitude)) - 1.4, 1)
      add(.electrical, 0.7 * kink)
      add(.unitOff, 0.7 * kink)
      add(.heat, -0.7 * kink)
    }
    // Warm nearly from the start, without the thermostat ever turning: the box never held its level.
    if signs.turnsBefore == nil, signs.heldBefore < 2700, signs.rateBefore ?? 0.02 > 0.01 {
      add(.heat, 1.8)
      add(.electrical, -1.5)
      add(.unitOff, -1.5)
    }
    // How long, and whether it came back by itself.
    let isShort = signs.isResolved ? Self.bounded((55 - signs.minutes) / 12, 4) : -1.5
    let healed = signs.isResolved && signs.minutes < 90 ? signs.minutes < 60 ? 1.8 : 1 : 0
    add(.electrical, -max(0, isShort) - healed)
    add(.unitOff, -max(0, isShort) - healed)
    add(.heat, -max(-0.9, isShort))
    if !signs.isResolved {
      add(.electrical, 0.5)
      add(.unitOff, 0.5)
      add(.defrost, -1.2)
    }
    // A clock starts defrosts, so humps at regular intervals may rise more.
    let isRegular = signs.siblings >= 3 && signs.irregularity ?? 1 < 0.2
    add(.defrost, -Self.bounded(max(0, signs.rise - (isRegular ? 8 : 4.5)) * 1.2, 6))
    add(.defrost, -Self.bounded(max(0, signs.minutes - (isRegular ? 60 : 45)) / 8, 6))
    if isRegular { add(.defrost, 1.5) }
    if signs.siblings >= 2, signs.isHump {
      // A unit that repeatedly stops and starts again is defrosting.
      add(.unitOff, -1)
      add(.electrical, -0.5)
      add(.defrost, signs.irregularity.map { max(0.5, Self.bounded(2.5 - 5 * $0, 2)) } ?? 0.8)
    }
  }

  /// Weighs a record that begins warm.
  private mutating func weighWarmStart(_ signs: DepartureSigns) {
    add(.defrost, -5)
    add(.door, -1.5)
    add(.warmLoad, 1.5)
    let came = Self.bounded((signs.pulledDown - 0.25) * 6, 2)
    add(.warmLoad, came)
    add(.electrical, -2 * came - 0.5)
    add(.unitOff, -2 * came - 0.5)
    guard !signs.isResolved else {
      add(.heat, -1)
      return
    }
    // A temperature still falling at the end means a load being cooled; a plateau means a unit at its limit.
    let plateau = Self.bounded((signs.lastRate + 0.006) / 0.004, 1.5)
    add(.heat, plateau + (signs.minutes < 90 ? -1 : 0))
    add(.warmLoad, -plateau)
  }

  private mutating func weighDoor(_ signs: DepartureSigns) {
    if let share = signs.doorShare {
      add(.door, signs.startsWarm ? 0 : Self.bounded(6 * (share - 0.4)))
      add(.door, Self.bounded((signs.longestOpening - 200) / 150, 1.2))
      if signs.longestOpening == 0 { add(.door, -3) }
      // Short openings on the way don't explain hours.
      add(.door, Self.bounded(1.5 * log(max(0.001, signs.doorTime) / 0.1), 2.5))
      guard !signs.startsWarm else { return }
      for cause in [Cause.electrical, .unitOff, .heat] { add(cause, -2.5 * max(0, share - 0.2)) }
      add(.defrost, -4 * max(0, share - 0.2))
    } else if !signs.startsWarm {
      // An open door warms the air by kelvins within minutes, and the air cools again once the door is closed.
      add(
        .door,
        Self.bounded(1.5 * log(max(0.05, signs.steepest) / 3), 2) + (signs.isResolved ? 0.3 : -1.5) - 0.7)
    }
  }

  private mutating func weighSupply(_ signs: DepartureSigns) {
    guard let supply = signs.supply else { return }
    let isFall = supply.significance > 4 && supply.fall > 0.035 * supply.system
    // The fall comes first, or within the half cycle in which the thermostat was off anyway.
    let isFirst = supply.lead > -600
    if supply.isEngineOff, isFall {
      add(.unitOff, 2)
      add(.electrical, -1.5)
      add(.heat, -2)
      return
    }
    guard isFall, isFirst, supply.sustained > 0.6, supply.upperFall > 0.015 * supply.system else {
      // A supply that is low all the time is a finding, too.
      let isLow = Self.bounded((TripLimits.shipped.lowVoltage - supply.normalAfter) / 0.1, 1.5)
      add(.electrical, -3.5 + max(0, isLow))
      add(.unitOff, 0.5)
      // Without its compressor the supply rises; with the compressor running all the time it doesn't.
      if supply.significance < -4 {
        add(.unitOff, 1)
        add(.heat, -1)
      }
      return
    }
    // Below what cycling explains, and below the voltage of a battery at rest.
    let known = supply.secondsBefore >= 900 ? 1 : 0.3
    let beyond = known * Self.bounded(supply.beyondRipple / (0.04 * supply.system), 2)
    let level = Self.bounded((12.3 - supply.normalAfter) / 0.12, 4)
    add(.electrical, 1.5 + max(-0.5, beyond) + min(1.5, level))
    add(.unitOff, -1 - max(0, beyond) * 0.5)
    add(.heat, -max(0, beyond) * 0.7)
    add(.door, -max(0, beyond) * 0.3)
    add(.defrost, -max(0, beyond) * 0.7)
  }

  private mutating func weighOutside(_ signs: DepartureSigns) {
    guard let ambient = signs.ambientAtPeak else { return }
    add(.heat, Self.bounded((ambient - 28) / 5, 1.2))
    if let correlation = signs.ambientCorrelation, signs.minutes > 60 {
      add(.heat, correlation > 0.6 ? 0.8 : -0.4)
    }
  }
}
