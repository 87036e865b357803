/// A set of mostly consecutive numbers, kept as ranges.
struct NumberSet: Equatable {
  /// In ascending order, with no two adjacent.
  private(set) var ranges: [ClosedRange<Int>] = []
  /// How many numbers were inserted, each once.
  private(set) var count = 0
  /// The most ranges; numbers that would need more are counted but not remembered.
  static let rangeLimit = 10_000

  mutating func insert(_ number: Int) {
    if let last = ranges.last, last.upperBound < number {
      count += 1
      if last.upperBound == number - 1 {
        ranges[ranges.count - 1] = last.lowerBound...number
      } else {
        add(number, at: ranges.count)
      }
      return
    }
    let index = place(of: number)
    if index < ranges.count, ranges[index].contains(number) { return }
    count += 1
    let joinsBefore = index > 0 && ranges[index - 1].upperBound == number - 1
    let joinsAfter = index < ranges.count && number < .max && ranges[index].lowerBound == number + 1
    switch (joinsBefore, joinsAfter) {
    case (true, true):
      ranges[index - 1] = ranges[index - 1].lowerBound...ranges[index].upperBound
      ranges.remove(at: index)
    case (true, false): ranges[index - 1] = ranges[index - 1].lowerBound...number
    case (false, true): ranges[index] = number...ranges[index].upperBound
    case (false, false): add(number, at: index)
    }
  }

  private mutating func add(_ number: Int, at index: Int) {
    if ranges.count < Self.rangeLimit { ranges.insert(number...number, at: index) }
  }

  /// The first range that doesn't end before `number`.
  private func place(of number: Int) -> Int {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = low + (high - low) / 2
      if ranges[middle].upperBound < number { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
