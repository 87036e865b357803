import Time

/// The parts of a run in which one rate was asked for: a profile's steps, a ramp and what follows it, and what was set while
/// it ran. Counts what was sent and acknowledged in each.
struct RatePhases {
  /// What was asked for, in messages per second and truck.
  enum Asked: Equatable {
    /// One rate.
    case rate(Double)
    /// From one to another.
    case ramp(Double, Double)
    /// As fast as messages are acknowledged.
    case maximum
    /// The dataset's timing, so many times as fast.
    case speed(Double)
  }

  struct Phase {
    /// Nanoseconds from the start of the run.
    let start: Int64
    let asked: Asked
    var sent = 0
    var acknowledged = 0
  }

  private(set) var phases: [Phase]
  /// Which one the present moment belongs to.
  private var index = 0

  /// The phases that a pace has from the beginning.
  init(_ mode: Pacer.Mode) {
    phases =
      switch mode {
      case .rate(let rate): [Phase(start: 0, asked: .rate(rate))]
      case .interval(let nanoseconds): [Phase(start: 0, asked: .rate(1e9 / Double(nanoseconds)))]
      case .maximum: [Phase(start: 0, asked: .maximum)]
      case .speed(let factor): [Phase(start: 0, asked: .speed(factor))]
      case .ramp(let from, let to, let nanoseconds):
        [Phase(start: 0, asked: .ramp(from, to)), Phase(start: nanoseconds, asked: .rate(to))]
      case .profile(let profile): profile.steps.map { Phase(start: $0.start, asked: .rate($0.rate)) }
      }
  }

  /// From `time` on another rate was asked for.
  mutating func change(rate: Double, at time: Int64) {
    advance(to: time)
    // What was planned for later doesn't come.
    phases.removeLast(phases.count - 1 - index)
    if phases[index].start == time {
      phases[index] = Phase(start: time, asked: .rate(rate))
    } else {
      phases.append(Phase(start: time, asked: .rate(rate)))
    }
    index = phases.count - 1
  }

  mutating func sent(at time: Int64) {
    advance(to: time)
    phases[index].sent += 1
  }

  mutating func acknowledged(at time: Int64) {
    advance(to: time)
    phases[index].acknowledged += 1
  }

  private mutating func advance(to time: Int64) {
    while index + 1 < phases.count, phases[index + 1].start <= time { index += 1 }
  }

  /// The phases that have begun by `end`, of a fleet of `trucks`, where the last acknowledgement came at `last`.
  func results(until end: Int64, last: Int64, trucks: Int) -> [ReplaySummary.Phase] {
    let begun = phases.filter { $0.start <= max(0, end) }
    return begun.indices.map { index in
      let phase = begun[index]
      let asked = phase.asked.perSecond.map { $0 * Double(trucks) }
      // Each message stands for one interval: the last one's is over an interval after it.
      let interval = asked.flatMap { $0 > 0 ? 1e9 / $0 : nil } ?? 0
      let isLast = index == begun.count - 1
      let finish = isLast ? max(Double(end), Double(last) + interval) : Double(begun[index + 1].start)
      let length = (finish - Double(phase.start)) / 1e9
      // One message has no rate.
      let tells = length >= ReplaySummary.shortestRatedTime && phase.acknowledged != 1
      let reached = tells ? Double(phase.acknowledged) / length : nil
      return ReplaySummary.Phase(
        start: Double(phase.start) / 1e9, askedText: phase.asked.text(trucks: trucks), askedRate: asked,
        reachedRate: reached, sent: phase.sent, acknowledged: phase.acknowledged)
    }
  }
}

extension RatePhases.Asked {
  /// The mean rate; nil where there is none.
  var perSecond: Double? {
    switch self {
    case .rate(let rate): rate
    case .ramp(let from, let to): (from + to) / 2
    case .maximum, .speed: nil
    }
  }

  /// In words, for the whole fleet.
  func text(trucks: Int) -> String {
    func rate(_ value: Double) -> String { Decimals.text(value * Double(trucks), places: 3) + "/s" }
    return switch self {
    case .rate(0): "a pause"
    case .rate(let value): rate(value)
    case .ramp(let from, let to): "\(rate(from)) to \(rate(to))"
    case .maximum: "as fast as acknowledged"
    case .speed(1): "the dataset's timing"
    case .speed(let factor): "the dataset's timing, \(Decimals.shortText(factor)) times as fast"
    }
  }
}
