import ColdChain
import Numbers
import Simulator

/// Evaluates the diagnosis on generated trips.
package enum Evaluation {
  /// What a simulated trip's sensors said.
  package static func observation(_ row: TripSimulation.Row, _ number: Int, extras: Set<TripFile.Extra>)
    -> Observation
  {
    func hundredths(_ value: Double) -> Double { (value * 100).rounded() / 100 }
    return Observation(
      time: Int64(saturated: row.uptime).saturatingMultiply(1_000_000_000), row: number,
      temperature: row.temperature.map(hundredths), voltage: hundredths(row.voltage),
      isDoorOpen: row.isDoorOpen,
      ambient: extras.contains(.ambient) ? row.ambient : nil,
      latitude: extras.contains(.location) ? row.latitude : nil,
      longitude: extras.contains(.location) ? row.longitude : nil)
  }

  /// Diagnoses a planned trip.
  package static func diagnose(
    _ plan: TripPlan, extras: Set<TripFile.Extra> = [], setPoint: Double? = nil
  ) -> Diagnosis {
    var options = TripAnalyzer.Options()
    options.setPoint = setPoint
    var analyzer = TripAnalyzer(options)
    var simulation = TripSimulation(plan)
    var number = 0
    while let row = simulation.next() {
      number += 1
      analyzer.add(observation(row, number, extras: extras))
    }
    return analyzer.finish()
  }

  /// The verdicts over so many varied trips of each scenario, and how many healthy or defrost trips were called a fault.
  package static func scenarios(trips: Int, seed: UInt64, duration: Double = 14_400) -> (
    score: Score, falseAlarms: Int
  ) {
    var score = Score()
    var falseAlarms = 0
    for scenario in Scenario.allCases {
      for number in 0..<max(0, trips) {
        let plan = TripPlan.make(
          [scenario], seed: seed &+ UInt64(truncatingIfNeeded: number), duration: duration, isVaried: true)
        let diagnosis = diagnose(plan)
        score.add(expected: [scenario.cause], verdict: diagnosis.verdict, confidence: diagnosis.confidence)
        if scenario == .healthy || scenario == .defrost, diagnosis.verdict.isFault { falseAlarms += 1 }
      }
    }
    return (score, falseAlarms)
  }

  /// What a fleet's comparison said over several seeds.
  package struct FleetOutcome: Sendable {
    /// The fleet.
    package var plan: FleetPlan
    /// Fleets.
    package var fleets = 0
    /// Fleets in which heat was named.
    package var heat = 0
    /// Fleets in which a place was named.
    package var place = 0
    /// Fleets in which the right place was named.
    package var rightPlace = 0
    /// Whether each was answered as it should be.
    package var isRight: Bool {
      switch plan {
      case .badPlace: rightPlace == fleets && heat == 0
      case .heat: heat == fleets && place == 0
      case .neither: heat == 0 && place == 0
      }
    }
  }

  /// Compares fleets of so many trucks, with each of the three causes, over so many seeds.
  package static func fleets(
    _ plans: [FleetPlan] = FleetPlan.allCases, trucks: Int, seeds: Int, seed: UInt64
  ) -> [FleetOutcome] {
    plans.map { plan in
      var outcome = FleetOutcome(plan: plan)
      for number in 0..<max(0, seeds) {
        let seed = seed &+ UInt64(truncatingIfNeeded: number)
        let trips = (0..<max(0, trucks)).map { truck in
          TripFacts(
            device: "truck\(truck + 1)",
            diagnose(plan.trip(truck: truck, seed: seed), extras: [.ambient, .location]), clock: nil)
        }
        let fleet = FleetAnalysis(trips)
        outcome.fleets += 1
        if fleet.answers[0].value == .yes { outcome.heat += 1 }
        guard fleet.answers[1].value == .yes else { continue }
        outcome.place += 1
        let bad = FleetPlan.places(seed: seed)[FleetPlan.badPlace(seed: seed)]
        if let named = fleet.findings.first(where: { $0.kind == "place" })?.place,
          StayPoint.distance(named.latitude, named.longitude, bad.latitude, bad.longitude) < 300
        {
          outcome.rightPlace += 1
        }
      }
      return outcome
    }
  }

  /// What the trends said over several trucks.
  package struct WearOutcome: Sendable {
    /// Whether the units weakened.
    package var isWeakening: Bool
    /// Trucks.
    package var trucks = 0
    /// Trucks that were warned of.
    package var warned = 0
    /// Trucks that were warned of before their first trip with a fault.
    package var inTime = 0
  }

  /// Looks after each of 20 trips at so many trucks that weaken, and as many that don't.
  package static func wear(trucks: Int, seed: UInt64, trips: Int = 20) -> [WearOutcome] {
    [true, false].map { isWeakening in
      var outcome = WearOutcome(isWeakening: isWeakening)
      for number in 0..<max(0, trucks) {
        var signs: [UnitSigns] = []
        var warnedAt: Int?
        var failedAt: Int?
        for trip in 0..<trips {
          let plan = WearPlan.trip(
            number: trip, of: trips, isWeakening: isWeakening,
            seed: seed &+ UInt64(truncatingIfNeeded: number))
          let diagnosis = diagnose(plan, extras: [.ambient], setPoint: plan.model.setPoint)
          signs.append(diagnosis.signs)
          if diagnosis.verdict.isFault { failedAt = failedAt ?? trip }
          if warnedAt == nil, !TrendAnalysis(signs).warnings.isEmpty { warnedAt = trip }
        }
        outcome.trucks += 1
        if let warnedAt {
          outcome.warned += 1
          if warnedAt < failedAt ?? trips { outcome.inTime += 1 }
        }
      }
      return outcome
    }
  }
}
