import Glibc

/// A place where the truck stopped.
public struct StayPoint: Sendable, Equatable {
  /// Degrees north.
  public var latitude: Double
  /// Degrees east.
  public var longitude: Double
  /// When it stood there, ns.
  public var span: TimeSpan
  /// How long the door was open there, s.
  public var doorSeconds = 0.0
  /// How much the box warmed while it stood there, K: the warmest temperature less the first; nil if it wasn't measured.
  public var rise: Double?

  /// What kind of stop it is.
  public enum Kind: String, Sendable {
    /// The place of the trip's first stop.
    case depot
    /// The door was opened.
    case customer
    /// It stood with the door closed.
    case traffic
  }

  /// What kind of stop it is.
  public var kind = Kind.traffic

  /// The distance between two points in metres (haversine on a sphere of 6 371 km).
  public static func distance(
    _ latitude: Double, _ longitude: Double, _ otherLatitude: Double, _ otherLongitude: Double
  ) -> Double {
    let radian = Double.pi / 180
    let (a, b) = (latitude * radian, otherLatitude * radian)
    let sineLatitude = sin((b - a) / 2)
    let sineLongitude = sin((otherLongitude - longitude) * radian / 2)
    let h = sineLatitude * sineLatitude + cos(a) * cos(b) * sineLongitude * sineLongitude
    return 2 * 6_371_000 * asin(min(1, h.squareRoot()))
  }
}

/// Finds stay points in one pass (Li, Zheng, Xie, Chen, Liu, Ma 2008: "Mining User Similarity Based on Location History"): a
/// stay is a stretch of at least `minimum` in which no position is farther than `radius` from its first.
struct StayFinder: Sendable {
  static let radius = 150.0
  static let minimum = 180.0
  static let listed = 200

  private(set) var stays: [StayPoint] = []
  private var anchor: (latitude: Double, longitude: Double)?
  private var span = TimeSpan(0, 0)
  private var sum = (latitude: 0.0, longitude: 0.0, count: 0.0)
  private var door = 0.0
  private var firstCelsius: Double?
  private var warmest: Double?
  private var lastTime: Int64?

  mutating func add(_ observation: Observation, gapLimit: Double) {
    guard let latitude = observation.latitude, let longitude = observation.longitude,
      latitude.magnitude <= 90, longitude.magnitude <= 180, latitude != 0 || longitude != 0
    else { return }
    let step = lastTime.map { TimeSpan($0, observation.time).seconds } ?? 0
    lastTime = observation.time
    if let anchor, step <= max(gapLimit, 600),
      StayPoint.distance(anchor.latitude, anchor.longitude, latitude, longitude) <= Self.radius
    {
      span.end = observation.time
      sum.latitude += latitude
      sum.longitude += longitude
      sum.count += 1
      if observation.isDoorOpen == true { door += step }
    } else {
      close()
      anchor = (latitude, longitude)
      span = TimeSpan(observation.time, observation.time)
      sum = (latitude, longitude, 1)
      door = 0
      firstCelsius = nil
      warmest = nil
    }
    if let celsius = observation.temperature {
      firstCelsius = firstCelsius ?? celsius
      warmest = max(warmest ?? celsius, celsius)
    }
  }

  mutating func finish() -> [StayPoint] {
    close()
    guard let first = stays.first, stays.count > 0 else { return [] }
    for index in stays.indices {
      let isHome =
        StayPoint.distance(first.latitude, first.longitude, stays[index].latitude, stays[index].longitude)
        < 2 * Self.radius
      stays[index].kind = isHome ? .depot : stays[index].doorSeconds > 0 ? .customer : .traffic
    }
    return stays
  }

  private mutating func close() {
    guard anchor != nil, span.seconds >= Self.minimum, stays.count < Self.listed else { return }
    var stay = StayPoint(
      latitude: sum.latitude / sum.count, longitude: sum.longitude / sum.count, span: span, doorSeconds: door)
    if let firstCelsius, let warmest { stay.rise = max(0, warmest - firstCelsius) }
    stays.append(stay)
  }
}
