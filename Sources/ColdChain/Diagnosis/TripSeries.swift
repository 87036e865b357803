import Numbers

/// One stretch of a record as aligned points, at most about 1 500, in which events and phases are found.
struct TripSeries: Sendable {
  /// A point with a temperature.
  struct Point: Sendable {
    /// Seconds since the stretch's origin.
    var t: Double
    /// Celsius, without lone outliers.
    var celsius: Double
    /// The share of the point's readings with the door open; NaN if it wasn't measured.
    var door: Double
    /// Celsius outside; NaN if it wasn't measured.
    var ambient: Double
    var firstRow: Int
    var lastRow: Int
  }

  /// A point with a voltage.
  struct Supply: Sendable {
    var t: Double
    var volts: Double
    var least: Double
    var row: Int
  }

  static let points = 1500

  /// The time of t = 0, ns.
  let origin: Int64
  /// The least distance between points, in seconds.
  let width: Double
  private(set) var points: [Point] = []
  private(set) var supply: [Supply] = []
  /// The length of the whole stretch, in seconds.
  let length: Double
  /// Whether it begins where another stretch ended, so that its beginning isn't the beginning of a trip.
  let continues: Bool
  private(set) var doorIsMeasured = false
  private(set) var ambientIsMeasured = false

  init(_ fine: BinnedSeries, continues: Bool) {
    let series = fine.coarsened(to: Self.points)
    origin = series.origin
    width = Double(series.width) / 1e9
    length = width * Double(series.bins.count)
    self.continues = continues
    var index = 0
    for bin in series.bins {
      let t = (Double(index) + 0.5) * width
      index += 1
      if bin.temperature.count > 0 {
        let door = bin.doorReadings > 0 ? Double(bin.doorOpen) / Double(bin.doorReadings) : .nan
        if !door.isNaN { doorIsMeasured = true }
        let ambient = bin.ambient.level
        if !ambient.isNaN { ambientIsMeasured = true }
        points.append(
          Point(
            t: t, celsius: bin.temperature.level, door: door, ambient: ambient, firstRow: bin.firstRow,
            lastRow: bin.lastRow))
      }
      if bin.voltage.count > 0 {
        supply.append(
          Supply(t: t, volts: bin.voltage.level, least: bin.voltage.least, row: bin.firstRow))
      }
    }
    removeSpikes()
  }

  /// Removes outliers: lone points far from both their neighbours, which agree.
  private mutating func removeSpikes() {
    guard points.count >= 3 else { return }
    for index in 1..<(points.count - 1) {
      let (before, here, after) = (
        points[index - 1].celsius, points[index].celsius, points[index + 1].celsius
      )
      if (before - after).magnitude < 2, (here - before).magnitude > 5, (here - after).magnitude > 5 {
        points[index].celsius = (before + after) / 2
      }
    }
  }

  /// The time at `t`, ns.
  func time(_ t: Double) -> Int64 { origin.saturatingAdd(Int64(saturated: t * 1e9)) }

  /// The index of the first point at or after `t`.
  func index(at t: Double) -> Int {
    var (low, high) = (0, points.count)
    while low < high {
      let middle = (low + high) / 2
      if points[middle].t < t { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The voltages from one `t` to another, both included.
  func supply(from: Double, to: Double) -> ArraySlice<Supply> {
    let first = supply.firstIndex { $0.t >= from } ?? supply.count
    let last = supply[first...].firstIndex { $0.t > to } ?? supply.count
    return supply[first..<last]
  }
}
