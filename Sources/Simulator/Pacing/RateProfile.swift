import Numbers
import Time

/// Rates that follow one another: each holds from its time until the next one's.
public struct RateProfile: Sendable, Equatable {
  /// One rate and when it begins.
  public struct Step: Sendable, Equatable {
    /// Nanoseconds from the start of the run.
    public let start: Int64
    /// Messages per second; 0 is a pause.
    public let rate: Double
    /// How many messages are due before.
    let count: Double
  }

  /// In the order of time, the first at 0.
  public let steps: [Step]

  /// The most steps of a profile.
  static let stepLimit = 100_000

  /// Joins steps; throws where the first isn't at 0, their times don't grow, or a rate is out of range.
  public init(_ given: [(start: Int64, rate: Double)]) throws(PacingError) {
    var steps: [Step] = []
    for (start, rate) in given {
      guard rate >= 0, rate <= Pacer.highestRate else {
        throw PacingError("a rate of a profile is 0 to 1000000000 messages per second")
      }
      var count = 0.0
      if let last = steps.last {
        guard start > last.start else { throw PacingError("the times of a profile must grow") }
        count = last.count + Double(start - last.start) * last.rate / 1e9
      } else if start != 0 {
        throw PacingError("a profile begins at the time 0")
      }
      steps.append(Step(start: start, rate: rate, count: count))
    }
    guard steps.contains(where: { $0.rate > 0 }) else {
      throw PacingError("a profile needs a rate above 0")
    }
    self.steps = steps
  }

  /// Reads a CSV file of times and rates: `0,2`, `30s,10`, `2m,0`. A header `time,rate` may stand above them.
  public init(file path: String) throws(DatasetError) {
    let reader = try CSVReader(path: path)
    func failure(_ message: String, column: Int? = nil) -> DatasetError {
      DatasetError(
        file: path, line: reader.line, column: column.map { reader.place(of: $0).column }, message: message)
    }
    var given: [(start: Int64, rate: Double)] = []
    var isFirst = true
    while try reader.next() {
      defer { isFirst = false }
      guard reader.fieldCount == 2 else { throw failure("a line of a profile is TIME,RATE, such as 30s,10") }
      let (time, rate) = (Self.trimmed(reader.text(0)), Self.trimmed(reader.text(1)))
      if isFirst, time == "time", rate == "rate" { continue }
      guard given.count < Self.stepLimit else {
        throw failure("a profile has at most \(Self.stepLimit) lines")
      }
      do throws(PacingError) {
        let start = NumberText.double(time) == 0 ? 0 : try PacingText.nanoseconds(time, option: "the time")
        let perSecond = try Pacer.Mode.perSecondOrPause(rate, option: "the rate")
        given.append((start, perSecond))
        if let last = given.dropLast().last, start <= last.start {
          throw PacingError("the times of a profile must grow")
        }
      } catch {
        throw failure(error.message)
      }
    }
    do throws(PacingError) {
      try self.init(given)
    } catch {
      throw DatasetError(file: path, message: error.message)
    }
  }

  private static func trimmed(_ text: String) -> String {
    String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }

  /// When so many messages (a fraction, too) have come due, in nanoseconds; infinite if that never happens.
  func time(of count: Double) -> Double {
    // A pause and the rate after it begin with the same count: the last of them is what holds for the next message.
    let step = steps[max(0, steps.partitioningIndex { $0.count > count } - 1)]
    guard step.rate > 0 else { return .infinity }
    return Double(step.start) + max(0, count - step.count) * 1e9 / step.rate
  }

  /// How many messages are due within so many nanoseconds.
  func count(at time: Double) -> Double {
    let step = step(at: time)
    return step.count + max(0, time - Double(step.start)) * step.rate / 1e9
  }

  /// The rate that holds at a time.
  func rate(at time: Double) -> Double { step(at: time).rate }

  private func step(at time: Double) -> Step {
    steps[max(0, steps.partitioningIndex { Double($0.start) > time } - 1)]
  }
}

extension Array {
  /// The index of the first element for which `isAfter` holds; it must hold for all that follow one.
  fileprivate func partitioningIndex(where isAfter: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
