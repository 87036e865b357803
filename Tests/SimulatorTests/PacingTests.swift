import Numbers
import Testing

@testable import Simulator

@Suite struct PacingTests {
  @Test(
    arguments: [
      (.rate(2), [0, 500_000_000, 1_000_000_000]), (.rate(3), [0, 333_333_333, 666_666_667]),
      (.interval(nanoseconds: 7), [0, 7, 14]),
      (.ramp(from: 1, to: 1, nanoseconds: 1_000_000_000), [0, 1_000_000_000, 2_000_000_000]),
    ] as [(Pacer.Mode, [Int64])])
  func `Messages are due where the formula says`(mode: Pacer.Mode, expected: [Int64]) {
    var pacer = Pacer(mode)
    #expect((1...3).map { pacer.due(message: $0) } == expected)
  }

  @Test func `Nothing drifts`() {
    var pacer = Pacer(.rate(3), jitter: 0.5, seed: 1)
    #expect(abs((pacer.due(message: 3_000_000_001) ?? 0) - 1_000_000_000_000_000_000) <= 166_666_667 + 256)
    var steady = Pacer(.rate(3))
    #expect(steady.due(message: 3_000_000_001) == 1_000_000_000_000_000_000)
    var huge = Pacer(.interval(nanoseconds: .max))
    #expect(huge.due(message: 3) == .max)
    var most = Pacer(.maximum)
    #expect(most.due(message: 1) == nil)
  }

  @Test(arguments: [(0.0, 100.0), (1, 100), (100, 1), (5, 5.000001)])
  func `A ramp's due times are its rate's integral`(from: Double, to: Double) {
    let duration = 60.0
    var pacer = Pacer(.ramp(from: from, to: to, nanoseconds: 60_000_000_000))
    for number in stride(from: 1, through: 5000, by: 37) {
      let time = Double(pacer.due(message: number) ?? 0) / 1e9
      let inside = min(time, duration)
      let count =
        from * inside + (to - from) * inside * inside / (2 * duration) + max(0, time - duration) * to
      #expect(abs(count - Double(number - 1)) < 1e-5)
    }
  }

  @Test func `Speed divides the time axis`() {
    var pacer = Pacer(.speed(10))
    #expect(
      [0.0, 3, 6, 19].enumerated().map { pacer.due(message: $0.offset + 1, elapsed: $0.element) }
        == [0, 300_000_000, 600_000_000, 1_900_000_000])
  }

  @Test(arguments: [0.1, 0.5, 1])
  func `Jitter keeps order, bounds and the mean, and repeats with its seed`(jitter: Double) {
    var pacer = Pacer(.rate(10), jitter: jitter, seed: 42)
    var again = Pacer(.rate(10), jitter: jitter, seed: 42)
    var previous: Int64 = 0
    var sum = 0.0
    for number in 1...10_000 {
      let due = pacer.due(message: number) ?? 0
      #expect(due == again.due(message: number))
      #expect(due >= previous)
      previous = due
      let shift = Double(due) - Double(number - 1) * 1e8
      #expect(abs(shift) <= jitter * 1e8 + 1)
      sum += shift
    }
    #expect(abs(sum / 10_000) < jitter * 1e8 * (jitter > 0.5 ? 0.3 : 0.05))
  }

  @Test(
    arguments: [
      ("2", .rate(2)), ("2/s", .rate(2)), ("120/m", .rate(2)), ("3600/h", .rate(1)), ("0.5", .rate(0.5)),
      ("max", .maximum), ("0", nil), ("-1", nil), ("nan", nil), ("inf", nil), ("", nil), ("fast", nil),
      ("2/", nil),
      ("1e10", nil), ("1e-300", nil), ("0/s", nil),
    ] as [(String, Pacer.Mode?)])
  func `Rates are read or refused`(text: String, expected: Pacer.Mode?) {
    #expect((try? Pacer.Mode.rate(text: text)) == expected)
  }

  @Test(
    arguments: [
      ("2", 2_000_000_000), ("2s", 2_000_000_000), ("500ms", 500_000_000), ("1m", 60_000_000_000),
      ("10min", 600_000_000_000), ("1h", 3_600_000_000_000), ("1.5s", 1_500_000_000), ("250us", 250_000),
      ("0", nil), ("-1s", nil), ("nan", nil), ("inf", nil), ("", nil), ("s", nil), ("2 weeks", nil),
      ("1e30h", nil),
      ("0.1ns", nil),
    ] as [(String, Int64?)])
  func `Durations are read or refused`(text: String, expected: Int64?) {
    #expect((try? PacingText.nanoseconds(text, option: "--interval")) == expected)
  }

  @Test(
    arguments: [
      ("1..100/60s", .ramp(from: 1, to: 100, nanoseconds: 60_000_000_000)),
      ("0..5.5/1m", .ramp(from: 0, to: 5.5, nanoseconds: 60_000_000_000)), ("1..0/60s", nil), ("1..2", nil),
      ("1/60s", nil), ("..2/60s", nil), ("1..2/0s", nil), ("1..nan/60s", nil), ("1..2e9/60s", nil),
    ] as [(String, Pacer.Mode?)])
  func `Ramps are read or refused`(text: String, expected: Pacer.Mode?) {
    #expect((try? Pacer.Mode.ramp(text: text)) == expected)
  }

  @Test(
    arguments: [("0", 0), ("0.1", 0.1), ("10%", 0.1), ("1", 1), ("101%", nil), ("-1", nil), ("x", nil)]
      as [(String, Double?)])
  func `Jitter is read or refused`(text: String, expected: Double?) {
    #expect((try? Pacer.jitter(text: text)) == expected)
  }

  @Test func `Errors are sentences with an example`() {
    #expect(throws: PacingError("--rate '0' must be above 0; write for example 2, 120/m or max")) {
      try Pacer.Mode.rate(text: "0")
    }
    #expect(throws: PacingError("--speed 'nan' is not understood; write for example 1, 10 or 0.5")) {
      try Pacer.Mode.speed(text: "nan")
    }
  }

  @Test func `Quantiles are within one percent`() {
    var generator = SplitMix64(seed: 5)
    var left = LatencyHistogram()
    var right = LatencyHistogram()
    var values: [Int64] = []
    for index in 0..<20_000 {
      let value = Int64(generator.next() >> UInt64.random(in: 1...60, using: &generator))
      values.append(value)
      if index % 2 == 0 { left.record(value) } else { right.record(value) }
    }
    left.merge(right)
    values.sort()
    #expect(left.count == values.count && left.max == values.last)
    for fraction in [0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1] {
      let exact = Double(values[Int((fraction * 20_000).rounded(.up)) - 1])
      #expect(abs(Double(left.quantile(fraction)) - exact) <= exact * 0.01)
    }
    for value: Int64 in [0, 1, 127, 128, 255, 256, 1_000_000, .max] {
      let bucket = LatencyHistogram.bucket(of: value)
      #expect(LatencyHistogram.highestValue(ofBucket: bucket) >= value)
      #expect(bucket == 0 || LatencyHistogram.highestValue(ofBucket: bucket - 1) < value)
    }
    #expect(LatencyHistogram().quantile(0.5) == 0)
  }
}
