/// Writes the payload of `truck/freezer` (DESIGN.md section 5): the row's fields as strings exactly as in the file, then
/// `i` (the pass), `n` (the message's number) and `timestamp`.
public struct PayloadEncoder: Sendable {
  /// What stands before each field's value, made once.
  private let prefixes: [[UInt8]]
  private let suffix: [UInt8]

  /// An encoder for rows with these fields.
  public init(fields: [String]) {
    prefixes = fields.enumerated().map { index, name in
      var bytes = Array((index == 0 ? "{\"" : "\",\"").utf8)
      Array(name.utf8).withUnsafeBytes { JSONText.appendEscaped($0, to: &bytes) }
      return bytes + Array("\":\"".utf8)
    }
    suffix = Array((fields.isEmpty ? "{\"i\":\"" : "\",\"i\":\"").utf8)
  }

  /// Appends the payload of `reading`; `timestamp` is in seconds since 1970.
  public func append(_ reading: Reading, pass: Int, number: Int, timestamp: Double, to bytes: inout [UInt8]) {
    for index in 0..<prefixes.count {
      bytes.append(contentsOf: prefixes[index])
      JSONText.appendEscaped(reading[index], to: &bytes)
    }
    bytes.append(contentsOf: suffix)
    JSONText.append(pass, to: &bytes)
    bytes.append(contentsOf: "\",\"n\":\"".utf8)
    JSONText.append(number, to: &bytes)
    bytes.append(contentsOf: "\",\"timestamp\":".utf8)
    JSONText.append(timestamp, to: &bytes)
    bytes.append(UInt8(ascii: "}"))
  }
}
