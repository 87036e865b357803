import Glibc
import Testing

@testable import ColdChain

@Suite struct NumericsTests {
  @Test(arguments: [(22.0, -18.0, 1800.0), (35.0, -20.0, 14_400.0), (-10.0, -18.0, 900.0)])
  func `an exponential is found in its own values`(_ asymptote: Double, _ start: Double, _ tau: Double) throws
  {
    let times = (0..<400).map { Double($0) * 10 }
    let values = times.map { time -> Double in
      let noise = time.truncatingRemainder(dividingBy: 20) == 0 ? -0.05 : 0.05
      return asymptote - (asymptote - start) * exp(-time / tau) + noise
    }
    let fit = try #require(ExponentialFit.fit(times, values))
    #expect(abs(fit.asymptote - asymptote) < 0.05 * (asymptote - start) + 0.2)
    #expect(abs(fit.timeConstant - tau) < 0.07 * tau)
    #expect(fit.residual < 0.1)
  }

  @Test func `a straight line says nothing about where it tends to`() throws {
    let times = (0..<100).map(Double.init)
    let fit = try #require(ExponentialFit.fit(times, times.map { $0 * 0.05 }))
    #expect(!fit.isDetermined)
    #expect(ExponentialFit.fit([1, 2], [3, 4]) == nil)
    #expect(ExponentialFit.fit([1, 1, 1, 1, 1, 1, 1], [1, 2, 3, 4, 5, 6, 7]) == nil)
  }

  @Test func `changes of level are found where they are`() {
    let values = (0..<300).map { row -> Double in
      let level = row < 100 ? 12.1 : row < 220 ? 12.0 : 12.2
      return level + Double(row % 3 - 1) * 0.01
    }
    #expect(ChangePoints.levels(values, noise: 0.01, minimum: 5) == [100, 220])
    #expect(ChangePoints.levels(values.map { _ in 5 }, noise: 0.01, minimum: 5).isEmpty)
    #expect(ChangePoints.levels([], noise: 1, minimum: 5).isEmpty)
    let one = ChangePoints.singleLevel(Array(values.prefix(200)), margin: 5)
    #expect(one?.index == 100)
  }

  @Test func `changes of slope are found where they are`() {
    let times = (0..<200).map(Double.init)
    let values = times.map { $0 < 120 ? -18.0 : -18 + ($0 - 120) * 0.1 }
    let found = ChangePoints.slopes(times, values, noise: 0.05, minimum: 5)
    #expect(found.contains { abs($0 - 120) <= 3 })
  }

  @Test(
    arguments: [
      // Fisher's tea: 4 of 4 is 1 of 70, 3 of 4 or more 17 of 70.
      (4, 4, 4, 8, 1.0 / 70), (3, 4, 4, 8, 17.0 / 70), (0, 4, 4, 8, 1), (5, 4, 4, 8, 0), (1, 0, 0, 0, 1),
    ] as [(Int, Int, Int, Int, Double)])
  func `Fisher's exact test equals counting`(
    _ both: Int, _ affected: Int, _ property: Int, _ total: Int, _ expected: Double
  ) {
    let found = FisherTest.probability(both: both, affected: affected, property: property, total: total)
    #expect(abs(found - expected) < 1e-9)
  }

  @Test func `a trend is found despite an odd trip, and none in noise`() throws {
    var values = (0..<12).map { 10 + Double($0) * 0.5 }
    values[5] = 40
    let trend = try #require(Trend(values))
    #expect(abs(trend.slope - 0.5) < 0.05 && trend.probability < 0.001)
    let flat = try #require(Trend([3, 1, 2, 3, 1, 2, 3, 1, 2]))
    #expect(flat.probability > 0.3)
    #expect(try #require(Trend([1, 1, 1, 1, 1, 1])).probability == 1)
    #expect(Trend([1, 2]) == nil)
  }

  @Test func `Mann and Kendall's probability equals a hand-worked case`() throws {
    // S = 10 of 10 pairs; Var = 5·4·15/18 = 16.667; z = 9/4.0825 = 2.2045; p = 0.0275.
    #expect(abs(try #require(Trend([1, 2, 3, 4, 5])).probability - 0.0275) < 0.0005)
  }

  @Test func `a stay is where the truck stood, and not where it passed`() {
    var finder = StayFinder()
    for second in stride(from: 0.0, through: 3000, by: 30) {
      let isStanding = second >= 900 && second <= 1800
      let driven = second < 900 ? second : isStanding ? 900 : second - 900
      let latitude = 52.5 + driven / 90_000
      finder.add(
        Observation(
          time: Int64(second * 1e9), row: 1, temperature: -18, isDoorOpen: second == 1200, latitude: latitude,
          longitude: 13.4), gapLimit: 150)
    }
    let stays = finder.finish()
    #expect(stays.count == 1)
    #expect(stays.first.map { abs($0.latitude - 52.51) < 0.001 && $0.span.seconds >= 880 } == true)
  }

  @Test func `distances on the globe are right`() {
    // Berlin to Munich, about 504 km.
    #expect(abs(StayPoint.distance(52.52, 13.405, 48.137, 11.575) - 504_000) < 3000)
    #expect(StayPoint.distance(10, 20, 10, 20) == 0)
  }
}
