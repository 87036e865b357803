import JSON

/// Encodes readings as the truck's JSON message, byte for byte as in docs/formats.md:
/// `{"uptime":"1","volts":"12.11","temp":"21.90","door":"0","i":"1","n":"1","timestamp":1729703643.979735}`.
public struct PayloadEncoder: Sendable {
  /// What stands before each value: `{"uptime":"`, `","volts":"`, …
  private let prefixes: [[UInt8]]
  private let beforePass: [UInt8]
  private let beforeNumber = Array(#"","n":""#.utf8)
  private let beforeTimestamp = Array(#"","timestamp":"#.utf8)

  /// An encoder for readings with these names (a dataset's `names`). A recording can have none.
  public init(names: [String]) {
    beforePass = Array((names.isEmpty ? #"{"i":""# : #"","i":""#).utf8)
    prefixes = names.enumerated().map { index, name in
      var bytes = Array((index == 0 ? "{" : "\",").utf8)
      JSONText.appendString(name, to: &bytes)
      bytes.append(contentsOf: ":\"".utf8)
      return bytes
    }
  }

  /// Appends one message to `bytes`: `pass` over the dataset and message `number` (both from 1), and
  /// `timestamp` in epoch seconds as the shortest decimal that reads back to the same double.
  ///
  /// `values` replace the reading's own where they aren't nil.
  ///
  /// Allocates nothing once `bytes` has the capacity.
  public func append(
    _ reading: Reading, pass: Int, number: Int, timestamp: Double, replacing values: [[UInt8]?] = [],
    to bytes: inout [UInt8]
  ) {
    precondition(reading.count == prefixes.count)
    for index in 0..<prefixes.count {
      bytes.append(contentsOf: prefixes[index])
      if index < values.count, let value = values[index] {
        value.withUnsafeBytes { JSONText.appendValue($0, to: &bytes) }
      } else {
        JSONText.appendValue(reading[index], to: &bytes)
      }
    }
    bytes.append(contentsOf: beforePass)
    JSONText.appendInteger(pass, to: &bytes)
    bytes.append(contentsOf: beforeNumber)
    JSONText.appendInteger(number, to: &bytes)
    bytes.append(contentsOf: beforeTimestamp)
    JSONText.appendNumber(timestamp, to: &bytes)
    bytes.append(UInt8(ascii: "}"))
  }

  /// The number of a message that an encoder made; nil for any other.
  package static func number(of payload: [UInt8]) -> Int? {
    let quote = UInt8(ascii: "\"")
    // It stands behind the row's values, which can hold anything, and before the timestamp.
    guard let key = payload.lastIndex(of: UInt8(ascii: ":")), key >= 12,
      payload[..<key].suffix(11).elementsEqual("\"timestamp\"".utf8)
    else { return nil }
    // `"n":"17","timestamp"`
    let digitsEnd = key - 13
    guard digitsEnd > 0, payload[digitsEnd] == quote else { return nil }
    let digits = payload[..<digitsEnd].reversed().prefix {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
    }
    guard (1...18).contains(digits.count),
      payload[..<(digitsEnd - digits.count)].suffix(5).elementsEqual("\"n\":\"".utf8)
    else { return nil }
    return digits.reversed().reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
  }

  /// Appends `seconds` as the message's `timestamp` is written.
  public static func append(timestamp seconds: Double, to bytes: inout [UInt8]) {
    JSONText.appendNumber(seconds, to: &bytes)
  }
}
