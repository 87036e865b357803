import Foundation
import Testing

@testable import Simulator

/// What `record` writes, and what a dataset makes of it.
@Suite struct RecordingTests {
  /// Records the messages, a second apart from 1000 s on, and reads the finished file.
  private func record(_ messages: [[UInt8]], _ check: (RecordingFile, Dataset) throws -> Void) throws {
    let place = TemporaryFile("")
    let file = try RecordingFile(place.path)
    for (index, message) in messages.enumerated() {
      try file.append(
        topic: "truck/freezer", payload: message, microseconds: 1_000_000_000 + Int64(index) * 1_000_000)
    }
    try file.finish()
    try check(file, try Dataset(path: place.path))
  }

  private func rows(_ dataset: Dataset) throws -> [[String]] {
    var rows: [[String]] = []
    while let reading = try dataset.next() { rows.append((0..<reading.count).map(reading.text)) }
    return rows
  }

  @Test func `a truck's messages become the dataset they came from, with the time of their arrival`() throws {
    let names = ["uptime", "volts", "temp", "door"]
    let original = TemporaryFile(
      names.joined(separator: ",") + "\n1,12.11,\"21,90\",0\n4,,\"a \"\"b\"\"\",1\n")
    let dataset = try Dataset(path: original.path)
    let encoder = PayloadEncoder(names: dataset.names)
    var messages: [[UInt8]] = []
    while let reading = try dataset.next() {
      var payload: [UInt8] = []
      encoder.append(reading, pass: 1, number: messages.count + 1, timestamp: 5, to: &payload)
      messages.append(payload)
    }
    try record(messages) { file, recorded in
      #expect(file.messages == 2 && file.lateColumns == 0)
      #expect(recorded.names == names)
      try dataset.rewind()
      #expect(try rows(recorded) == rows(dataset))
    }
    try record(messages) { _, recorded in
      for expected in [0.0, 1] {
        _ = try recorded.next()
        #expect(try recorded.elapsed() == expected)
        #expect(try recorded.recordedPayload() == nil)
      }
    }
  }

  @Test func `fields that appear later become columns of all lines`() throws {
    try record(
      [#"{"a":1}"#, #"{"b":true,"a":"x"}"#, "no JSON", #"{"c":{"d":[1, 2]},"b":null}"#].map { Array($0.utf8) }
    ) {
      file, recorded in
      #expect(file.lateColumns == 2 && file.table.encodedMessages == 1)
      #expect(recorded.names == ["a", "b", "c"])
      let found = try rows(recorded)
      #expect(
        found == [
          ["1", "", ""], ["x", "true", ""], ["", "", ""], ["", "", #"{"d":[1, 2]}"#],
        ])
    }
  }

  @Test func `a recorder that was killed leaves lines that are read leniently`() throws {
    let place = TemporaryFile("")
    let file = try RecordingFile(place.path)
    for text in [#"{"a":1}"#, #"{"a":2,"b":3}"#] {
      try file.append(topic: "t", payload: Array(text.utf8), microseconds: 1)
    }
    try file.flush()
    var options = Dataset.Options()
    options.isLenient = true
    let recorded = try Dataset(path: place.path, options: options)
    #expect(try rows(recorded) == [["1"], ["2"]])
    #expect(recorded.repairs.cutRows == 1)
  }

  @Test(arguments: [
    Array("plain".utf8), [], [0, 255, 10, 13], Array("[1]".utf8), Array("{}".utf8),
    Array(#"{"a":1,"a":2}"#.utf8),
    Array(#"{"":1}"#.utf8), Array(#"{" a":1}"#.utf8), Array(#"{"@time":1}"#.utf8), Array(#"{"a":1"#.utf8),
    Array(("{" + (0..<2000).map { "\"f\($0)\":1" }.joined(separator: ",") + "}").utf8),
  ])
  func `a message that columns can't say is given back byte for byte`(payload: [UInt8]) throws {
    try record([payload, Array(#"{"a":1}"#.utf8), payload]) { file, recorded in
      #expect(file.table.encodedMessages == 2)
      for expected in [payload, nil, payload] {
        _ = try recorded.next()
        #expect(try recorded.recordedPayload() == expected)
      }
      #expect(try recorded.next() == nil)
    }
  }

  @Test func `a message that is too long for a dataset is counted and left out`() throws {
    let longest = [UInt8](repeating: 0x41, count: RecordingTable.longestMessage)
    try record([longest, longest + [0x41]]) { file, recorded in
      #expect(file.messages == 1 && file.tooLong == 1)
      _ = try recorded.next()
      #expect(try recorded.recordedPayload() == longest)
    }
  }

  @Test func `a recording whose Base64 was changed is refused with its place`() throws {
    let file = TemporaryFile("@time,@topic,@payload\n1,t,a*b\n")
    let dataset = try Dataset(path: file.path)
    _ = try dataset.next()
    let error = #expect(throws: DatasetError.self) { try dataset.recordedPayload() }
    #expect(place(error) == "2:5")
  }
}
