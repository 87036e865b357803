/// Finds bytes that aren't UTF-8 (Unicode 15, table 3-7: no overlong forms, no surrogates, nothing over U+10FFFF).
enum UTF8Scanner {
  /// The length of the well-formed sequence at `start` or, negated, of the maximal ill-formed part there.
  static func sequenceLength(_ bytes: UnsafeRawBufferPointer, at start: Int) -> Int {
    let first = bytes[start]
    var low: UInt8 = 0x80
    var high: UInt8 = 0xBF
    let length: Int
    switch first {
    case 0x00...0x7F: return 1
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, low) = (3, 0xA0)
    case 0xED: (length, high) = (3, 0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, low) = (4, 0x90)
    case 0xF1...0xF3: length = 4
    case 0xF4: (length, high) = (4, 0x8F)
    default: return -1
    }
    for offset in 1..<length {
      guard start + offset < bytes.count, (low...high).contains(bytes[start + offset]) else { return -offset }
      (low, high) = (0x80, 0xBF)
    }
    return length
  }

  /// Where the first ill-formed sequence begins, or nil.
  static func firstInvalid(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var index = 0
    while index < bytes.count {
      let length = sequenceLength(bytes, at: index)
      guard length > 0 else { return index }
      index += length
    }
    return nil
  }
}
