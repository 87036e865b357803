/// InfluxDB's line protocol ("Line protocol" page of its documentation).
enum LineProtocol {
  private static let separators = ",= "

  /// Why a line can't say a record; nil if it can.
  ///
  /// Names and tag values have no escape for a backslash: one at the end, or before a comma, an equals sign or a blank, would
  /// escape what follows. They have none for a line break either.
  static func problem(with record: Record) -> String? {
    let texts =
      record.dimensions.flatMap { [$0.name, $0.value] } + record.measures.map { $0.name }
    for text in texts {
      if text.utf8.contains(where: { $0 < 0x20 }) {
        return
          "'\(printable(text))' contains a control character, which line protocol can't write in a name or dimension"
      }
      for (byte, next) in zip(text.utf8, text.utf8.dropFirst().map { $0 } + [UInt8(ascii: ",")])
      where byte == UInt8(ascii: "\\") && separators.utf8.contains(next) {
        return
          "'\(printable(text))' has a backslash at its end or before ',', '=' or a blank, which line protocol can't write"
      }
    }
    return nil
  }

  private static func printable(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.prefix(60).map { $0.value < 0x20 ? " " : $0 }))
  }

  /// One record as a line, its time in nanoseconds, which is what every server takes without being told.
  static func line(_ request: WriteRequest) -> [UInt8] {
    let record = request.record
    var line: [UInt8] = []
    append(request.table, escaping: ", ", to: &line)
    for dimension in record.dimensions.sorted(by: { $0.name < $1.name }) {
      line.append(UInt8(ascii: ","))
      append(dimension.name, escaping: separators, to: &line)
      line.append(UInt8(ascii: "="))
      append(dimension.value, escaping: separators, to: &line)
    }
    for (index, measure) in record.measures.enumerated() {
      line.append(index == 0 ? UInt8(ascii: " ") : UInt8(ascii: ","))
      append(measure.name, escaping: separators, to: &line)
      line.append(UInt8(ascii: "="))
      switch measure.value {
      // The first write fixes a field's type: without strict types all numbers are floats, so that 12 after 12.1 fits.
      case .timestamp(let number): line += Array("\(number)i".utf8)
      case .bigint(let number): line += Array((request.isStrict ? "\(number)i" : "\(number)").utf8)
      case .double(let number): line += Array("\(number)".utf8)
      case .boolean(let isTrue): line += Array((isTrue ? "true" : "false").utf8)
      case .varchar(let text):
        line.append(UInt8(ascii: "\""))
        append(text, escaping: "\"\\", to: &line)
        line.append(UInt8(ascii: "\""))
      }
    }
    line += Array(" \(record.time)\n".utf8)
    return line
  }

  private static func append(_ text: String, escaping special: String, to line: inout [UInt8]) {
    for byte in text.utf8 {
      // A line break would begin another line; only the text of a field can still have one.
      if byte < 0x20 {
        line.append(UInt8(ascii: " "))
        continue
      }
      if special.utf8.contains(byte) { line.append(UInt8(ascii: "\\")) }
      line.append(byte)
    }
  }
}
