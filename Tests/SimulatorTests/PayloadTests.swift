import Numbers
import Foundation
import JSON
import Testing

@testable import Simulator

@Suite struct PayloadTests {
  private func payload(_ csv: String, timestamp: Double = 1_729_703_643.979735) throws -> String {
    let file = TemporaryFile(csv)
    let dataset = try Dataset(path: file.path)
    let reading = try #require(try dataset.next())
    var bytes: [UInt8] = []
    PayloadEncoder(names: dataset.names).append(reading, pass: 1, number: 1, timestamp: timestamp, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func `The first message is the one of the sample, byte for byte`() throws {
    #expect(
      try payload("uptime,volts,temp,door\n1,12.11,21.90,0\n")
        == #"{"uptime":"1","volts":"12.11","temp":"21.90","door":"0","i":"1","n":"1","timestamp":1729703643.979735}"#
    )
  }

  @Test(arguments: [1, 7, 99, 123_456_789_012_345_678])
  func `the number of a message is read back from it`(number: Int) throws {
    let file = TemporaryFile("a,b\n\",\"\"n\"\":\"\"5\",x\n")
    let dataset = try Dataset(path: file.path)
    let reading = try #require(try dataset.next())
    for timestamp in [0, 1_729_703_643.979735, 2.5e-308, -1.7976931348623157e308] {
      var bytes: [UInt8] = []
      PayloadEncoder(names: dataset.names).append(
        reading, pass: 1, number: number, timestamp: timestamp, to: &bytes)
      #expect(PayloadEncoder.number(of: bytes) == number)
      // No part of a message has a number that isn't its own.
      for count in 0..<bytes.count {
        let cut = PayloadEncoder.number(of: Array(bytes.prefix(count)))
        #expect(cut == nil || cut == number)
      }
    }
  }

  @Test(arguments: [
    "", "{}", "\"n\":\"\",\"timestamp\":1}", "\"n\":\"1234567890123456789\",\"timestamp\":1}",
    "n\":\"1\",\"timestamp\":",
    "\"n\":\"-1\",\"timestamp\":1}", ":", "\"timestamp\":", "\"n\":1,\"timestamp\":1}",
  ])
  func `another payload has no number`(text: String) {
    #expect(PayloadEncoder.number(of: Array(text.utf8)) == nil)
  }

  @Test func `Names and values are escaped`() throws {
    let text = try payload("\"a\"\"b\"\n\"x\"\"\\\n\t\0é\"\n", timestamp: 1_729_703_643)
    #expect(text == #"{"a\"b":"x\"\\\n\t\u0000é","i":"1","n":"1","timestamp":1729703643}"#)
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    #expect(object?["a\"b"] as? String == "x\"\\\n\t\0é")
  }

  @Test func `The fast paths equal the plain ones`() {
    var generator = SplitMix64(seed: 3)
    for round in 0..<200_000 {
      let value: Double =
        switch round % 5 {
        case 0: (Double.random(in: 0..<9e9, using: &generator) * 1e6).rounded() / 1e6
        case 1: Double.random(in: 0..<9e9, using: &generator)
        case 2: Double(Int.random(in: 0..<10_000_000_000, using: &generator)) / 1e3
        case 3: Double(bitPattern: generator.next())
        default: Double.random(in: 0..<1, using: &generator).rounded() * 1e-6 * Double(round)
        }
      var fast: [UInt8] = []
      var plain: [UInt8] = []
      JSONText.appendNumber(value, to: &fast)
      JSONText.appendPlainNumber(value, to: &plain)
      let text = String(decoding: fast, as: UTF8.self)
      guard fast == plain, !value.isFinite || Double(text) == value, !text.contains("e") else {
        Issue.record("\(value): \(text) and \(String(decoding: plain, as: UTF8.self))")
        return
      }
    }
    for _ in 0..<5000 {
      let bytes = (0..<12).map { _ in UInt8.random(in: 0...127, using: &generator) }
      var fast: [UInt8] = []
      var plain: [UInt8] = []
      bytes.withUnsafeBytes { JSONText.appendValue($0, to: &fast) }
      bytes.withUnsafeBytes { JSONText.appendEscaped($0, to: &plain) }
      #expect(fast == plain)
    }
  }

  @Test(
    arguments: [
      (0, "0"), (1, "1"), (0.5, "0.5"), (1e-7, "0.0000001"), (1e20, "100000000000000000000"),
      (-1.25, "-1.25"),
      (1_729_703_643.000001, "1729703643.000001"), (.nan, "null"),
      (8_589_934_591.999999, "8589934591.999999"),
    ] as [(Double, String)])
  func `Timestamps have no exponent and no needless zeros`(value: Double, expected: String) {
    var bytes: [UInt8] = []
    PayloadEncoder.append(timestamp: value, to: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == expected)
  }
}
