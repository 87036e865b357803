import Glibc

/// The facts about one trip that are kept for comparing it with others.
public struct TripFacts: Sendable {
  /// The truck.
  public var device: String
  /// The verdict.
  public var verdict: Cause
  /// Its confidence.
  public var confidence: Double
  /// The worst departure's degree-minutes.
  public var harm: Double
  /// The share of the trip for which the temperature was measured.
  public var coverage: Double?
  /// The hour of the day at which the worst departure began; nil without a clock.
  public var hour: Int?
  /// The highest outside temperature, Celsius.
  public var warmest: Double?
  /// Where the truck stood.
  public var stays: [StayPoint]
  /// Where the worst departure happened.
  public var place: StayPoint?
  /// What the driver or operator noted, for example `dock=3`.
  public var tags: [String]

  /// The facts of a diagnosed trip.
  public init(device: String, _ diagnosis: Diagnosis, clock: ClockStyle?, tags: [String] = []) {
    self.device = device
    self.tags = tags
    verdict = diagnosis.verdict
    confidence = diagnosis.confidence
    coverage = diagnosis.coverage[.temperature]?.share
    let worst = diagnosis.departures.first
    harm = worst?.harm ?? 0
    warmest = diagnosis.ambient.maximum?.value
    stays = diagnosis.stays
    place = worst?.place
    if case .zone(let offset, _) = clock, let start = worst?.span.start {
      let seconds = start / 1_000_000_000 + Int64(offset)
      hour = Int(((seconds % 86_400) + 86_400) % 86_400 / 3600)
    }
  }

  /// Whether the load was harmed, or would have been.
  public var isAffected: Bool { verdict.isFault && verdict != .sensor }
  /// Whether the trip can be compared: a trip that wasn't measured is neither affected nor sound.
  public var isGraded: Bool { verdict != .notMeasured && verdict != .sensor }
}

/// A property that affected trips have in common and others lack.
public struct FleetFinding: Sendable {
  /// `place`, `outside temperature`, `hour` or `tag`.
  public var kind: String
  /// `52.5200, 13.4050`, `at 33.0 °C or warmer`.
  public var property: String
  /// Affected trips with the property.
  public var affectedWith: Int
  /// All affected.
  public var affected: Int
  /// Sound trips with the property.
  public var soundWith: Int
  /// All sound trips.
  public var sound: Int
  /// The probability of at least this many by chance, corrected for the number of properties tested.
  public var probability: Double
  /// The position, if the property is a place.
  public var place: (latitude: Double, longitude: Double)?
  /// Whether chance is unlikely: the probability is below `FleetAnalysis.significance`.
  public var isSignificant: Bool { probability < FleetAnalysis.significance }
}

/// An answer to a question: yes, no, or can't say.
public struct FleetAnswer: Sendable {
  /// The answer.
  public enum Value: String, Sendable {
    case yes
    case no
    case cantSay = "can't say"
  }

  /// The question.
  public var question: String
  /// The answer.
  public var value: Value
  /// Why, in a sentence.
  public var reason: String
}

/// Compares the trips of a fleet. A property that affected trips share is tested with Fisher's exact test. The
/// probabilities are corrected for the number of places, thresholds, hours and tags tested (Bonferroni), so that the one
/// that fits best by chance isn't taken for a cause.
public struct FleetAnalysis: Sendable {
  /// Corrected probabilities below this are significant.
  public static let significance = 0.005
  /// Places that are closer together than this are one place, m.
  public static let placeRadius = 300.0
  /// With fewer affected trips than this, nothing can be said.
  public static let leastAffected = 4

  /// The trips.
  public let trips: [TripFacts]
  /// What affected trips have in common, least likely by chance first.
  public private(set) var findings: [FleetFinding] = []
  /// "Only on hot days?" and "At a specific place?".
  public private(set) var answers: [FleetAnswer] = []
  /// How many trips have each verdict.
  public private(set) var causes: [(cause: Cause, count: Int)] = []

  /// Compares trips; trips that weren't measured are counted but not compared.
  public init(_ trips: [TripFacts]) {
    self.trips = trips
    for cause in Cause.allCases {
      let count = trips.count { $0.verdict == cause }
      if count > 0 { causes.append((cause, count)) }
    }
    causes.sort { $0.count > $1.count }
    let graded = trips.filter { $0.isGraded }
    let heat = heatFindings(graded)
    let places = placeFindings(graded)
    findings = heat + places + hourFindings(graded) + tagFindings(graded)
    findings.sort { $0.probability < $1.probability }
    answers = [heatAnswer(graded, heat.first), placeAnswer(graded, places)]
  }

  private func finding(
    _ kind: String, _ property: String, looks: Int, _ graded: [TripFacts], _ has: (TripFacts) -> Bool
  ) -> FleetFinding {
    let affected = graded.filter { $0.isAffected }
    let with = graded.count(where: has)
    let affectedWith = affected.count(where: has)
    let probability = FisherTest.probability(
      both: affectedWith, affected: affected.count, property: with, total: graded.count)
    return FleetFinding(
      kind: kind, property: property, affectedWith: affectedWith, affected: affected.count,
      soundWith: with - affectedWith, sound: graded.count - affected.count,
      probability: min(1, probability * Double(max(1, looks))))
  }

  /// The threshold that separates best, out of 39 quantiles: with fewer, trips just above the true threshold would be
  /// left out.
  private func heatFindings(_ graded: [TripFacts]) -> [FleetFinding] {
    let measured = graded.filter { $0.warmest != nil }
    let values = measured.compactMap(\.warmest).sorted()
    guard values.count >= 6, let low = values.first, let high = values.last, high - low >= 2 else {
      return []
    }
    var limits: [Double] = []
    for step in 1...39 {
      let value = values[min(values.count - 1, values.count * step / 40)]
      if limits.last != value { limits.append(value) }
    }
    let found = limits.map { limit in
      finding("outside temperature", "at \(Words.celsius(limit)) or warmer", looks: limits.count, measured) {
        ($0.warmest ?? -.infinity) >= limit
      }
    }
    return found.sorted { $0.probability < $1.probability }.prefix(1).map { $0 }
  }

  /// The places at which at least three trips stood, except for a depot that all trips share.
  private func placeFindings(_ graded: [TripFacts]) -> [FleetFinding] {
    var places: [(latitude: Double, longitude: Double, trips: Set<Int>)] = []
    for (index, trip) in graded.enumerated() {
      for stay in trip.stays {
        let near = places.firstIndex {
          StayPoint.distance($0.latitude, $0.longitude, stay.latitude, stay.longitude) <= Self.placeRadius
        }
        if let near {
          places[near].trips.insert(index)
        } else if places.count < 5000 {
          places.append((stay.latitude, stay.longitude, [index]))
        }
      }
    }
    let common = places.filter { $0.trips.count >= 3 && $0.trips.count < graded.count }
    return common.map { place in
      var found = finding(
        "place", "\(Words.number(place.latitude, 4)), \(Words.number(place.longitude, 4))",
        looks: common.count,
        graded
      ) { trip in
        trip.stays.contains {
          StayPoint.distance($0.latitude, $0.longitude, place.latitude, place.longitude) <= Self.placeRadius
        }
      }
      found.place = (place.latitude, place.longitude)
      return found
    }.sorted { $0.probability < $1.probability }.prefix(5).map { $0 }
  }

  private func hourFindings(_ graded: [TripFacts]) -> [FleetFinding] {
    // The hours of affected trips are compared with an even spread over the quarters of the day.
    let hours = graded.filter { $0.isAffected }.compactMap(\.hour)
    guard hours.count >= Self.leastAffected else { return [] }
    return (0..<4).map { quarter in
      let count = hours.count { $0 / 6 == quarter }
      // The binomial tail, with a quarter of the day as the share.
      let tail = Self.binomialTail(count, of: hours.count, share: 0.25)
      return FleetFinding(
        kind: "hour", property: "began between \(quarter * 6):00 and \(quarter * 6 + 6):00",
        affectedWith: count,
        affected: hours.count, soundWith: 0, sound: 0, probability: min(1, tail * 4))
    }.sorted { $0.probability < $1.probability }.prefix(1).map { $0 }
  }

  /// The probability of at least `count` successes out of `total`.
  private static func binomialTail(_ count: Int, of total: Int, share: Double) -> Double {
    var tail = 0.0
    let n = Double(total)
    for k in stride(from: Double(count), through: n, by: 1) {
      let choices: Double = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
      let chances: Double = k * log(share) + (n - k) * log(1 - share)
      tail += exp(choices + chances)
    }
    return min(1, tail)
  }

  private func tagFindings(_ graded: [TripFacts]) -> [FleetFinding] {
    let tags = Set(graded.flatMap(\.tags)).sorted()
    return tags.map { tag in
      finding("tag", tag, looks: tags.count, graded) { $0.tags.contains(tag) }
    }.sorted { $0.probability < $1.probability }.prefix(5).map { $0 }
  }

  // MARK: Answers

  private func heatAnswer(_ graded: [TripFacts], _ best: FleetFinding?) -> FleetAnswer {
    let question = "Only on hot days?"
    let affected = graded.filter { $0.isAffected }
    let measured = graded.filter { $0.warmest != nil }
    if measured.count * 2 < graded.count || measured.isEmpty {
      return FleetAnswer(
        question: question, value: .cantSay,
        reason: "The outside temperature was measured on \(measured.count) of \(graded.count) trips.")
    }
    if affected.count < Self.leastAffected {
      return FleetAnswer(
        question: question, value: .cantSay,
        reason: "Only \(Words.count(affected.count, "trip")) had a problem.")
    }
    guard let best else {
      return FleetAnswer(
        question: question, value: .cantSay, reason: "It was about equally warm on all trips.")
    }
    let text =
      "\(best.affectedWith) of \(best.affected) affected trips, and \(best.soundWith) of \(best.sound) others, were \(best.property)"
    if best.isSignificant, best.affectedWith * 10 >= best.affected * 7 {
      return FleetAnswer(
        question: question, value: .yes, reason: "\(text); by chance in \(Self.chance(best.probability)).")
    }
    return FleetAnswer(
      question: question, value: best.isSignificant ? .cantSay : .no,
      reason: best.isSignificant
        ? "\(text): heat is one factor, but not the only one."
        : "No outside temperature separates them: at best \(text).")
  }

  private func placeAnswer(_ graded: [TripFacts], _ places: [FleetFinding]) -> FleetAnswer {
    let question = "At a specific place?"
    let affected = graded.filter { $0.isAffected }
    let located = graded.filter { !$0.stays.isEmpty }
    if located.count * 2 < graded.count || located.isEmpty {
      return FleetAnswer(
        question: question, value: .cantSay,
        reason: "Positions were measured on \(located.count) of \(graded.count) trips.")
    }
    if affected.count < Self.leastAffected {
      return FleetAnswer(
        question: question, value: .cantSay,
        reason: "Only \(Words.count(affected.count, "trip")) had a problem.")
    }
    guard let best = places.first else {
      return FleetAnswer(
        question: question, value: .cantSay, reason: "No place was visited by several trips.")
    }
    let text =
      "\(best.affectedWith) of \(best.affected) affected trips, and \(best.soundWith) of \(best.sound) others, stood at \(best.property)"
    if best.isSignificant, best.affectedWith * 2 > best.affected {
      return FleetAnswer(
        question: question, value: .yes, reason: "\(text); by chance in \(Self.chance(best.probability)).")
    }
    return FleetAnswer(
      question: question, value: best.isSignificant ? .cantSay : .no,
      reason: best.isSignificant
        ? "\(text): it is one factor, but not the only one." : "No place stands out: at best \(text).")
  }

  private static func chance(_ probability: Double) -> String {
    probability < 1e-6 ? "less than 1 of a million" : "1 of \(Words.number(1 / probability, 0))"
  }
}
