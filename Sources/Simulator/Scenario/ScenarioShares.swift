import Numbers

/// Which scenario each truck of a fleet drives, by shares: `healthy:0.9,electrical-sag:0.1`.
public struct ScenarioShares: Sendable, Equatable {
  /// Why a text gives no shares.
  public struct ParseError: Error, Equatable, CustomStringConvertible {
    /// What is wrong, and what to write instead.
    public let description: String
  }

  /// A scenario, or several joined by '+', and its share of the trucks: 1 is all of them.
  public struct Entry: Sendable, Equatable {
    /// As it was given: `hot-day+door-left-open`.
    public let name: String
    /// What happens.
    public let scenarios: [Scenario]
    /// From 0 to 1.
    public let share: Double
  }

  /// In the order given.
  public let entries: [Entry]

  /// Reads `NAME:SHARE,…`. Shares are relative to their sum; a scenario without one has the share 1.
  public init(_ text: String) throws(ParseError) {
    var found: [(name: String, scenarios: [Scenario], weight: Double)] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pieces = part.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      let name = pieces[0]
      guard let scenarios = Scenario.combination(name) else {
        throw ParseError(
          description: "there is no scenario '\(name)'; there are "
            + Scenario.allCases.map(\.rawValue).joined(separator: ", "))
      }
      guard pieces.count <= 2, let weight = pieces.count == 1 ? 1 : NumberText.double(pieces[1]), weight > 0,
        weight <= 1e6
      else {
        throw ParseError(
          description: "'\(part)' has no share; write for example healthy:0.9,electrical-sag:0.1")
      }
      guard !found.contains(where: { $0.name == name }) else {
        throw ParseError(description: "the scenario '\(name)' is given twice")
      }
      found.append((name, scenarios, weight))
    }
    let sum = found.reduce(0) { $0 + $1.weight }
    entries = found.map { Entry(name: $0.name, scenarios: $0.scenarios, share: $0.weight / sum) }
  }

  /// The index of the entry of each of `count` trucks. Every beginning of the fleet has the shares as exactly as whole
  /// trucks can.
  public func assignment(trucks count: Int) -> [Int] {
    var given = entries.map { _ in 0.0 }
    return (0..<max(0, count)).map { truck in
      var best = 0
      var largest = -Double.infinity
      for (index, entry) in entries.enumerated() {
        let missing = entry.share * Double(truck + 1) - given[index]
        if missing > largest { (best, largest) = (index, missing) }
      }
      given[best] += 1
      return best
    }
  }
}
