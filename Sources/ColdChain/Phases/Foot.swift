import Numbers

/// Where a warming really begins, in the finest bins: the last lowest reading before the temperature only rises.
struct Foot: Sendable {
  /// Seconds since the series' origin.
  var t: Double
  var row: Int
  var celsius: Double

  /// Searches back from a point within the ripple at `t`, for at most a quarter of an hour.
  static func find(in fine: BinnedSeries, at t: Double, _ hold: HoldLevel) -> Foot? {
    let width = Double(fine.width) / 1e9
    let last = min(fine.bins.count - 1, Int(saturated: t / width) + 1)
    guard last >= 0 else { return nil }
    let first = max(0, last - Int(saturated: 900 / width))
    let known = (first...last).filter { fine.bins[$0].temperature.count > 0 }
    guard known.count >= 3, let end = known.last else { return nil }
    // Changes smaller than the noise don't turn a rise into a fall.
    let noise = Robust.noise(known.map { fine.bins[$0].temperature.level })
    let tolerance = 2 * noise
    guard tolerance < 0.6 * hold.ripple else { return nil }
    var lowest = end
    for index in known.reversed() {
      let (here, least) = (fine.bins[index].temperature.level, fine.bins[lowest].temperature.level)
      if here < least {
        lowest = index
      } else if here > least + tolerance {
        break
      }
    }
    let bin = fine.bins[lowest]
    guard Double(end - lowest) * width <= 300 else { return nil }
    return Foot(t: (Double(lowest) + 0.5) * width, row: bin.lastRow, celsius: bin.temperature.level)
  }

  /// When the level was reached after `t`, seconds since the origin.
  static func reached(in fine: BinnedSeries, after t: Double, _ hold: HoldLevel) -> Double? {
    let width = Double(fine.width) / 1e9
    let first = max(0, min(fine.bins.count, Int(saturated: t / width)))
    let index = fine.bins[first...].firstIndex {
      $0.temperature.count > 0 && $0.temperature.level <= hold.target
    }
    return index.map { (Double($0) + 0.5) * width }
  }
}

/// When the supply's level changed, in the finest bins.
struct SupplyChange: Sendable {
  /// Seconds since the series' origin.
  var t: Double
  var row: Int

  /// Searches around a change that the coarser series shows: within two minutes, or within four of its points if that is
  /// longer.
  static func find(in fine: BinnedSeries, near t: Double, width coarse: Double) -> SupplyChange? {
    let width = Double(fine.width) / 1e9
    let reach = max(120, 4 * coarse)
    let first = max(0, Int(saturated: (t - reach) / width))
    let last = min(fine.bins.count - 1, Int(saturated: (t + reach) / width))
    guard first <= last else { return nil }
    let known = (first...last).filter { fine.bins[$0].voltage.count > 0 }
    guard let change = ChangePoints.singleLevel(known.map { fine.bins[$0].voltage.level }, margin: 3) else {
      return nil
    }
    let index = known[change.index]
    return SupplyChange(t: (Double(index) + 0.5) * width, row: fine.bins[index].firstRow)
  }
}
