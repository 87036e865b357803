import Testing

@testable import Simulator

@Suite struct InjectionTests {
  /// What a replay of a cold, steady truck says with faults: uptime, volts, temp and door, a row every 10 s.
  private func replayed(_ text: String, seed: UInt64 = 1, rows: Int = 400) throws -> [[String]] {
    let lines = (0..<rows).map { "\($0 * 10),12.15,-18.00,0" }
    let file = TemporaryFile("uptime,volts,temp,door\n" + lines.joined(separator: "\n") + "\n")
    let dataset = try Dataset(path: file.path)
    var injector = FaultInjector(try Injection.list(text), names: dataset.names, seed: seed)
    var result: [[String]] = []
    while let reading = try dataset.next() {
      let values = injector.values(for: reading, at: try dataset.elapsed())
      result.append(
        (0..<reading.count).map { index in
          values[index].map { String(decoding: $0, as: UTF8.self) } ?? reading.text(index)
        })
    }
    return result
  }

  private func number(_ row: [String], _ column: Int) throws -> Double { try #require(Double(row[column])) }

  @Test func `faults begin and end when the text says`() throws {
    #expect(
      try Injection.list("door-open@600s+5m,sag@0") == [
        Injection(.doorOpen, start: 600, length: 300), Injection(.sag, start: 0),
      ])
    let rows = try replayed("door-open@600s+300s")
    #expect(rows.enumerated().allSatisfy { ($0.element[3] == "1") == (60..<90).contains($0.offset) })
    #expect(rows[..<60].allSatisfy { $0[2] == "-18.00" })
    #expect(try number(rows[89], 2) > -12)
    // Closed, it cools to what the dataset has.
    #expect(rows.suffix(50).allSatisfy { $0[2] == "-18.00" })
  }

  @Test func `a sag falls below the shipped alert, and the box warms half a minute later`() throws {
    let rows = try replayed("sag@1000s")
    #expect(rows[99][1] == "12.15")
    #expect(try rows[100...].allSatisfy { try number($0, 1) < 11.95 && number($0, 1) > 11.7 })
    #expect(rows[100][2] == "-18.00" && rows[101][2] == "-18.00")
    #expect(try number(rows[106], 2) > -18)
    #expect(try number(rows[399], 2) > -5)
    let steady = try replayed("unit-off@1000s")
    #expect(try steady.allSatisfy { $0[1] == "12.15" } && number(steady[399], 2) > -5)
  }

  @Test func `a sensor sticks, reads zero, or is silent`() throws {
    let rows = try replayed(
      "unit-off@100s,sensor-stuck@1000s+1000s,sensor-zero@2500s+100s,sensor-dropout@3000s")
    #expect(Set(rows[100..<200].map { $0[2] }).count == 1 && rows[100][2] != "-18.00")
    #expect(rows[250..<260].allSatisfy { $0[2] == "0.00" } && rows[260][2] != "0.00")
    #expect(rows[300...].allSatisfy { $0[2].isEmpty })
  }

  @Test func `the same seed gives the same readings, another one others`() throws {
    let text = "sag@500s,door-open@1000s+200s"
    #expect(try replayed(text, seed: 7) == replayed(text, seed: 7))
    #expect(try replayed(text, seed: 7) != replayed(text, seed: 8))
  }

  @Test(
    arguments: [
      ("", 1, "an '@'"), ("sag", 1, "an '@'"), ("@5s", 1, "'' is unknown"),
      ("fire@5s", 1, "'fire' is unknown"),
      ("sag@", 5, "not understood"), ("sag@-5s", 5, "above 0"), ("sag@5s+", 8, "not understood"),
      ("sag@5s+0s", 8, "above 0"), ("sag@5s,", 8, "an '@'"), ("sag@5s,sag@x", 12, "not understood"),
      ("sag@5s+5s+5s", 8, "not understood"), ("sag@1e999", 5, "not understood"),
      ("sag@99999999999999999999s", 5, "too long"),
      (Array(repeating: "sag@5s", count: 101).joined(separator: ","), 701, "more than 100"),
    ])
  func `a text that isn't a list of faults is refused with its column`(
    _ text: String, _ column: Int, _ message: String
  ) {
    let error = #expect(throws: Injection.ParseError.self) { try Injection.list(text) }
    #expect(error?.column == column && error?.message.contains(message) == true, "\(error.debugDescription)")
  }

  @Test func `extreme values and times don't end a replay`() throws {
    let file = TemporaryFile(
      "uptime,volts,temp,door\n0,1e308,1e308,x\n1,-1e308,-1e308,\n1e12,,,9\n1e12,nan,inf,1\n1e12,12,-18,0\n")
    let dataset = try Dataset(path: file.path)
    let faults = Injection.Fault.allCases.map { "\($0.rawValue)@0" }.joined(separator: ",")
    var injector = FaultInjector(try Injection.list(faults), names: dataset.names, seed: .max)
    var rows = 0
    while let reading = try dataset.next() {
      rows += 1
      #expect(injector.values(for: reading, at: try dataset.elapsed()).count == 4)
    }
    #expect(rows == 5)
  }
}
