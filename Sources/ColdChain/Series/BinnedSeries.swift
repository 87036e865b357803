import Numbers

/// A summary of the readings of a short span.
struct Bin: Sendable {
  var firstRow = 0
  var lastRow = 0
  var temperature = Cell()
  var voltage = Cell()
  var ambient = Cell()
  var latitude = Cell()
  var longitude = Cell()
  var doorReadings = 0
  var doorOpen = 0
  var rows = 0

  /// Count, sum and extremes of one measure.
  struct Cell: Sendable {
    var count = 0
    var sum = 0.0
    var least = Double.infinity
    var greatest = -Double.infinity

    mutating func add(_ value: Double) {
      count += 1
      sum += value
      least = min(least, value)
      greatest = max(greatest, value)
    }

    mutating func add(_ other: Cell) {
      guard other.count > 0 else { return }
      count += other.count
      sum += other.sum
      least = min(least, other.least)
      greatest = max(greatest, other.greatest)
    }

    /// The mean, without the least and the greatest value if there are at least five; NaN without values.
    var level: Double {
      switch count {
      case 0: .nan
      case 1...4: sum / Double(count)
      default: (sum - least - greatest) / Double(count - 2)
      }
    }
  }

  mutating func add(_ other: Bin) {
    guard other.rows > 0 else { return }
    if rows == 0 { firstRow = other.firstRow }
    lastRow = other.lastRow
    rows += other.rows
    temperature.add(other.temperature)
    voltage.add(other.voltage)
    ambient.add(other.ambient)
    latitude.add(other.latitude)
    longitude.add(other.longitude)
    doorReadings += other.doorReadings
    doorOpen += other.doorOpen
  }
}

/// A series of at most `capacity` bins of equal width; the width doubles whenever there would be more bins.
struct BinnedSeries: Sendable {
  static let capacity = 6000

  /// The first bin's start, ns.
  private(set) var origin: Int64
  /// The width of a bin, ns.
  private(set) var width: Int64
  private(set) var bins: [Bin] = []

  init(origin: Int64, width: Int64) {
    self.origin = origin
    self.width = max(1, width)
  }

  /// Takes an observation that isn't earlier than the last one.
  mutating func add(_ observation: Observation) {
    var index = Int(observation.time.saturatingSubtract(origin) / width)
    guard index >= 0 else { return }
    while index >= Self.capacity {
      halve()
      index = Int(observation.time.saturatingSubtract(origin) / width)
    }
    while bins.count <= index { bins.append(Bin()) }
    Self.add(observation, to: &bins[index])
  }

  private static func add(_ observation: Observation, to bin: inout Bin) {
    if bin.rows == 0 { bin.firstRow = observation.row }
    bin.lastRow = observation.row
    bin.rows += 1
    if let value = observation.temperature { bin.temperature.add(value) }
    if let value = observation.voltage { bin.voltage.add(value) }
    if let value = observation.ambient { bin.ambient.add(value) }
    if let latitude = observation.latitude, let longitude = observation.longitude {
      bin.latitude.add(latitude)
      bin.longitude.add(longitude)
    }
    if let isOpen = observation.isDoorOpen {
      bin.doorReadings += 1
      if isOpen { bin.doorOpen += 1 }
    }
  }

  private mutating func halve() {
    var merged: [Bin] = []
    merged.reserveCapacity(Self.capacity)
    var index = 0
    while index < bins.count {
      var bin = bins[index]
      if index + 1 < bins.count { bin.add(bins[index + 1]) }
      merged.append(bin)
      index += 2
    }
    bins = merged
    width = width.saturatingMultiply(2)
  }

  /// The last bins as a separate series: the context for what follows.
  func tail(_ nanoseconds: Int64) -> BinnedSeries {
    let count = min(bins.count, Int((nanoseconds / width).clamped(to: 0...Int64(Self.capacity / 4))))
    var series = BinnedSeries(
      origin: origin.saturatingAdd(width.saturatingMultiply(Int64(bins.count - count))), width: width)
    series.bins = Array(bins.suffix(count))
    return series
  }

  /// The bins merged to at most `count`.
  func coarsened(to count: Int) -> BinnedSeries {
    let factor = max(1, (bins.count + count - 1) / max(1, count))
    guard factor > 1 else { return self }
    var series = BinnedSeries(origin: origin, width: width.saturatingMultiply(Int64(factor)))
    var index = 0
    while index < bins.count {
      var bin = bins[index]
      for other in bins[(index + 1)..<min(bins.count, index + factor)] { bin.add(other) }
      series.bins.append(bin)
      index += factor
    }
    return series
  }
}
