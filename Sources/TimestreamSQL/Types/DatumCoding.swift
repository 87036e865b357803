/// Arrays, rows and time series as the blobs that SQLite carries between parts of a statement.
///
/// Each value has a tag byte; numbers follow in eight bytes, texts and lists with their length in four. Equal values have
/// equal bytes, so that grouping and DISTINCT work on blobs.
public enum DatumCoding {
  private enum Tag: UInt8 { case null, no, yes, integer, double, text, list }

  /// The value as bytes.
  public static func encode(_ datum: Datum) -> [UInt8] {
    var bytes: [UInt8] = []
    append(datum, to: &bytes)
    return bytes
  }

  private static func append(_ datum: Datum, to bytes: inout [UInt8]) {
    func tag(_ tag: Tag) { bytes.append(tag.rawValue) }
    func count(_ count: Int) {
      withUnsafeBytes(of: UInt32(clamping: count).bigEndian) { bytes.append(contentsOf: $0) }
    }
    switch datum {
    case .null: tag(.null)
    case .boolean(let value): tag(value ? .yes : .no)
    case .integer(let value):
      tag(.integer)
      withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    case .double(let value):
      tag(.double)
      withUnsafeBytes(of: value.bitPattern.bigEndian) { bytes.append(contentsOf: $0) }
    case .text(let value):
      tag(.text)
      count(value.utf8.count)
      bytes.append(contentsOf: value.utf8)
    case .list(let values):
      tag(.list)
      count(values.count)
      for value in values { append(value, to: &bytes) }
    }
  }

  /// The value of such bytes; NULL for any others, such as a blob that a statement has changed.
  public static func decode(_ bytes: UnsafeRawBufferPointer) -> Datum {
    var reader = Reader(bytes: bytes)
    guard let datum = reader.datum(depth: 0), reader.index == bytes.count else { return .null }
    return datum
  }

  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    var index = 0

    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
      let size = MemoryLayout<Number>.size
      guard bytes.count - index >= size else { return nil }
      defer { index += size }
      return Number(bigEndian: bytes.loadUnaligned(fromByteOffset: index, as: Number.self))
    }

    mutating func datum(depth: Int) -> Datum? {
      guard depth < 32, let raw = number(UInt8.self), let tag = Tag(rawValue: raw) else { return nil }
      switch tag {
      case .null: return .null
      case .no: return .boolean(false)
      case .yes: return .boolean(true)
      case .integer: return number(Int64.self).map { .integer($0) }
      case .double: return number(UInt64.self).map { .double(Double(bitPattern: $0)) }
      case .text:
        guard let length = number(UInt32.self), length <= bytes.count - index else { return nil }
        let text = String(decoding: bytes[index..<index + Int(length)], as: UTF8.self)
        index += Int(length)
        return .text(text)
      case .list:
        guard let count = number(UInt32.self), count <= bytes.count - index else { return nil }
        var values: [Datum] = []
        values.reserveCapacity(Int(count))
        for _ in 0..<count {
          guard let value = datum(depth: depth + 1) else { return nil }
          values.append(value)
        }
        return .list(values)
      }
    }
  }
}
