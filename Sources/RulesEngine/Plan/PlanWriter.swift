import Glibc
import JSON

/// The result of writing a value.
enum PlanWriting {
  case written
  /// The value is Undefined, and nothing was written.
  case undefined
  /// The plan can't write it; part of it may have been written.
  case unable
}

/// Writes JSON into a `PlanBuffer`.
enum PlanWriter {
  /// The most keys of an object that are compared with one another.
  private static let keyLimit = 64

  /// Appends a text as a JSON string.
  @inline(__always)
  static func append(
    text: UnsafePointer<UInt8>, _ count: Int, isPlain: Bool, to buffer: inout PlanBuffer
  ) {
    buffer.append(UInt8(ascii: "\""))
    if isPlain || needsNoEscape(text, count) {
      buffer.append(padded: text, count)
    } else {
      var escaped: [UInt8] = []
      JSONText.appendEscaped(UnsafeRawBufferPointer(start: text, count: count), to: &escaped)
      buffer.append(escaped)
    }
    buffer.append(UInt8(ascii: "\""))
  }

  private static func needsNoEscape(_ text: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    for index in 0..<count
    where text[index] < 0x20 || text[index] == UInt8(ascii: "\"") || text[index] == UInt8(ascii: "\\") {
      return false
    }
    return true
  }

  /// Appends `-?digits[.digits]` in the dialect's form: without insignificant zeros and, if `withPoint`, with ".0" after
  /// a whole number. If that form has an exponent, writes nothing and returns false.
  @inline(__always)
  static func append(
    numeral text: UnsafePointer<UInt8>, _ count: Int, withPoint: Bool, to buffer: inout PlanBuffer
  ) -> Bool {
    let zero = UInt8(ascii: "0")
    let point = UInt8(ascii: ".")
    var start = text
    var end = text + count
    let isNegative = start[0] == UInt8(ascii: "-")
    if isNegative { start += 1 }
    var fraction = start
    while fraction < end, fraction[0] != point { fraction += 1 }
    let isWhole: Bool
    if fraction < end {
      while end[-1] == zero { end -= 1 }
      isWhole = end[-1] == point
      if isWhole { end -= 1 }
    } else {
      isWhole = true
    }
    while start + 1 < end, start[0] == zero, start[1] != point { start += 1 }
    if start[0] == zero {
      if end - start == 1 {
        buffer.append(zero)
        if withPoint {
          buffer.append(point)
          buffer.append(zero)
        }
        return true
      }
      // 0.000000x is written as x.0E-7.
      var zeros = 0
      while start[2 + zeros] == zero { zeros += 1 }
      guard zeros < 6 else { return false }
    }
    if isNegative { buffer.append(UInt8(ascii: "-")) }
    buffer.append(padded: start, end - start)
    if isWhole, withPoint {
      buffer.append(point)
      buffer.append(zero)
    }
    return true
  }

  /// Appends a number that fits in 64 bits.
  static func append(_ number: PlanNumber, withPoint: Bool, to buffer: inout PlanBuffer) {
    var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
    var rest = number.coefficient.magnitude
    let scale = Int(-number.exponent)
    let wasWritten = withUnsafeMutableBytes(of: &digits) { bytes -> Bool in
      var start = bytes.count
      repeat {
        start -= 1
        bytes[start] = UInt8(truncatingIfNeeded: 48 + rest % 10)
        rest /= 10
      } while rest > 0
      let length = bytes.count - start
      // The position of the point, counted from the first digit.
      let place = length - scale
      guard scale == 0 || place > -6 else { return false }
      buffer.reserve(32 + scale)
      if number.coefficient < 0 { buffer.append(UInt8(ascii: "-")) }
      if scale == 0 {
        buffer.append(bytes[start...])
      } else if place > 0 {
        buffer.append(bytes[start..<start + place])
        buffer.append(UInt8(ascii: "."))
        buffer.append(bytes[(start + place)...])
      } else {
        buffer.append(UInt8(ascii: "0"))
        buffer.append(UInt8(ascii: "."))
        for _ in 0..<(-place) { buffer.append(UInt8(ascii: "0")) }
        buffer.append(bytes[start...])
      }
      return true
    }
    guard wasWritten else { return append(number.number.decimal, withPoint: withPoint, to: &buffer) }
    if scale == 0, withPoint {
      buffer.append(UInt8(ascii: "."))
      buffer.append(UInt8(ascii: "0"))
    }
  }

  /// Appends a number of up to 34 digits.
  static func append(_ decimal: Decimal34, withPoint: Bool, to buffer: inout PlanBuffer) {
    var bytes: [UInt8] = []
    decimal.append(to: &bytes, withPoint: withPoint)
    buffer.append(bytes)
  }

  // MARK: Arrays and objects

  /// Appends the value of a node as compact JSON, `depth` containers deep in the result.
  static func append(
    node index: Int, of payload: PlanPayload, _ version: SQLVersion, depth: Int, to buffer: inout PlanBuffer
  ) -> PlanWriting {
    let node = payload.nodes[index]
    switch node.kind {
    case .null: buffer.append("null".utf8)
    case .yes: buffer.append("true".utf8)
    case .no: buffer.append("false".utf8)
    case .number: return append(number: node, of: payload, version, to: &buffer)
    case .string:
      if node.isSpecial {
        appendString(payload.string(node), to: &buffer)
      } else {
        // The text has no escapes and needs none; it is copied with the payload's quotes.
        buffer.append(padded: payload.text + Int(node.start) - 1, Int(node.end - node.start) + 2)
      }
    case .array:
      guard depth < EvaluationLimits.depth else { return .unable }
      buffer.append(UInt8(ascii: "["))
      var isFirst = true
      var child = index + 1
      while child < Int(node.next) {
        let length = buffer.count
        if !isFirst { buffer.append(UInt8(ascii: ",")) }
        switch append(node: child, of: payload, version, depth: depth + 1, to: &buffer) {
        case .written: isFirst = false
        case .undefined: buffer.truncate(length)
        case .unable: return .unable
        }
        child = Int(payload.nodes[child].next)
      }
      buffer.append(UInt8(ascii: "]"))
    case .object:
      guard depth < EvaluationLimits.depth else { return .unable }
      buffer.append(UInt8(ascii: "{"))
      let start = buffer.count
      guard
        forEachMember(
          of: index, payload,
          { key, value in
            let length = buffer.count
            append(key: payload.nodes[key], of: payload, isFirst: length == start, to: &buffer)
            switch append(node: value, of: payload, version, depth: depth + 1, to: &buffer) {
            case .written: break
            case .undefined: buffer.truncate(length)
            case .unable: return false
            }
            return true
          })
      else { return .unable }
      buffer.append(UInt8(ascii: "}"))
    }
    return .written
  }

  static func append(
    key: JSONNode, of payload: PlanPayload, isFirst: Bool, to buffer: inout PlanBuffer
  ) {
    if !isFirst { buffer.append(UInt8(ascii: ",")) }
    buffer.append(padded: payload.text + Int(key.start) - 1, Int(key.end - key.start) + 2)
    buffer.append(UInt8(ascii: ":"))
  }

  /// Calls `body` with the nodes of each key and its value. A repeated key is passed once, at its first place with its
  /// last value. Returns false if `body` does, if a key has escapes, or if there are too many keys to compare.
  @inline(__always)
  static func forEachMember(
    of object: Int, _ payload: PlanPayload, _ body: (_ key: Int, _ value: Int) -> Bool
  ) -> Bool {
    let nodes = payload.nodes
    let end = Int(nodes[object].next)
    // One bit for a hash of each key's length and first bytes: if all bits differ, so do the keys.
    var seen: UInt64 = 0
    var mayRepeat = false
    var count = 0
    var key = object + 1
    while key < end {
      guard !nodes[key].isSpecial else { return false }
      let word = prefix(nodes[key], payload) &* 0x9E37_79B9_7F4A_7C15
      let length = UInt64(truncatingIfNeeded: nodes[key].end - nodes[key].start)
      let bit: UInt64 = 1 << ((word ^ length &* 0x1234_5678_9ABC_DEF1) >> 58)
      mayRepeat = mayRepeat || seen & bit != 0
      seen |= bit
      count += 1
      key = Int(nodes[key + 1].next)
    }
    guard !mayRepeat || count <= keyLimit else { return false }
    key = object + 1
    while key < end {
      var value = key + 1
      if mayRepeat {
        var other = object + 1
        var isRepetition = false
        while other < end {
          if other != key, isSame(nodes[other], nodes[key], payload) {
            if other < key { isRepetition = true }
            value = max(value, other + 1)
          }
          other = Int(nodes[other + 1].next)
        }
        if isRepetition {
          key = Int(nodes[key + 1].next)
          continue
        }
      }
      guard body(key, value) else { return false }
      key = Int(nodes[key + 1].next)
    }
    return true
  }

  /// The first eight bytes of a key.
  @inline(__always)
  static func prefix(_ key: JSONNode, _ payload: PlanPayload) -> UInt64 {
    let length = Int(key.end - key.start)
    let word = UnsafeRawPointer(payload.text + Int(key.start)).loadUnaligned(as: UInt64.self).littleEndian
    return length < 8 ? word & ((1 << UInt64(truncatingIfNeeded: 8 * length)) &- 1) : word
  }

  private static func isSame(_ left: JSONNode, _ right: JSONNode, _ payload: PlanPayload) -> Bool {
    left.end - left.start == right.end - right.start
      && memcmp(
        payload.text + Int(left.start), payload.text + Int(right.start), Int(left.end - left.start)) == 0
  }

  static func appendString(_ text: String, to buffer: inout PlanBuffer) {
    var bytes: [UInt8] = []
    JSONText.appendString(text, to: &bytes)
    buffer.append(bytes)
  }

  private static func append(
    number node: JSONNode, of payload: PlanPayload, _ version: SQLVersion, to buffer: inout PlanBuffer
  ) -> PlanWriting {
    let text = UnsafeBufferPointer(
      start: payload.text + Int(node.start), count: Int(node.end - node.start))
    let mayBeInt = version == .v2016 || !node.isSpecial
    if text.count <= 18, !node.isSpecial || !text.contains(where: { $0 | 0x20 == UInt8(ascii: "e") }),
      append(numeral: payload.text + Int(node.start), text.count, withPoint: !mayBeInt, to: &buffer)
    {
      return .written
    }
    guard let decimal = Decimal34(text) else { return .undefined }
    append(decimal, withPoint: !(mayBeInt && decimal.isWhole), to: &buffer)
    return .written
  }
}
