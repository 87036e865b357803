import Glibc

/// What the supply did around the moment at which the box began to warm.
struct SupplySigns: Sendable, Equatable {
  /// The working level before and after, V.
  var before: Double
  var after: Double
  /// When it changed: seconds of the series, and the row.
  var t: Double
  var row: Int
  /// Seconds from the change to the beginning of the warming; negative if the warming began first.
  var lead: Double
  /// The fall of the working level, V; negative for a rise.
  var fall: Double { before - after }
  /// The fall of the level's upper end (the compressor off), V.
  var upperFall: Double
  /// How far the level after the change lies below the low levels before it, V.
  var beyondRipple: Double
  /// The fall in units of its standard error, which allows for neighbouring readings that aren't independent.
  var significance: Double
  /// How many seconds the level before was seen.
  var secondsBefore: Double
  /// The share of the warming in which the level stayed low.
  var sustained: Double

  /// The nominal voltage of the system, relative to 12 V: 1 or 2.
  var system: Double

  /// The levels before and after, scaled to a 12 V system.
  var normalBefore: Double { before / system }
  var normalAfter: Double { after / system }

  /// Whether the level falls from that of a running alternator to that of a battery at rest: the engine was switched off.
  var isEngineOff: Bool { normalBefore >= 12.95 && normalAfter >= 12.05 && normalAfter <= 12.95 }

  /// Examines the supply around a departure; nil if it wasn't measured there.
  init?(_ series: TripSeries, onset: Double, peak: Double) {
    let from = onset - 2400
    let to = min(peak, onset + 2400) < onset + 300 ? onset + 300 : min(peak, onset + 2400)
    let all = series.supply(from: from, to: to)
    guard all.count >= 8, let middle = Robust.median(all.map(\.volts)), middle > 1 else { return nil }
    system = middle > 17 ? 2 : 1
    // The dip of an engine start lasts seconds and says nothing; the median of three neighbours removes it.
    var kept = Array(all)
    for index in kept.indices.dropFirst().dropLast() {
      let three = [
        all[all.startIndex + index - 1].volts, kept[index].volts, all[all.startIndex + index + 1].volts,
      ]
      kept[index].volts = three.sorted()[1]
    }
    let near = kept.filter { $0.t >= onset - 1500 && $0.t <= onset + 900 }
    guard near.count >= 8 else { return nil }
    let values = near.map(\.volts)
    let margin = max(2, min(values.count / 6, 20))
    guard let change = ChangePoints.singleLevel(values, margin: margin) else { return nil }
    t = near[change.index].t
    row = near[change.index].row
    lead = onset - t
    let changeTime = t
    let earlier = kept.filter { $0.t < changeTime && $0.t >= changeTime - 1500 }.map(\.volts)
    secondsBefore = changeTime - (kept.first { $0.t >= changeTime - 1500 }?.t ?? changeTime)
    let later = kept.filter { $0.t >= changeTime && $0.t <= changeTime + 1500 }.map(\.volts)
    guard earlier.count >= 2, later.count >= 2 else { return nil }
    before = earlier.reduce(0, +) / Double(earlier.count)
    after = later.reduce(0, +) / Double(later.count)
    upperFall = (Robust.quantile(earlier, 0.85) ?? before) - (Robust.quantile(later, 0.85) ?? after)
    beyondRipple = (Robust.quantile(earlier, 0.12) ?? before) - (Robust.median(later) ?? after)
    func deviation(_ values: [Double], _ mean: Double) -> Double {
      values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    }
    // Cycling makes neighbours alike, so only a third of the readings count.
    let error =
      (3
      * (deviation(earlier, before) / Double(earlier.count) + deviation(later, after) / Double(later.count))
      + 0.004 * 0.004).squareRoot()
    significance = (before - after) / error
    let half = (before + after) / 2
    let during = series.supply(from: changeTime, to: max(peak, changeTime + 600))
    let low = during.count { $0.volts < half }
    sustained = during.isEmpty ? 0 : Double(low) / Double(during.count)
  }
}
