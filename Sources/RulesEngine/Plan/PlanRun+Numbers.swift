/// Conversions to numbers and Booleans, as in the dialect's tables.
extension PlanRun {
  /// The value as a number; a string that is a number becomes a Decimal. Nil if the value isn't a number.
  @inline(__always)
  func operand(of value: PlanValue) -> PlanOperand? {
    switch value {
    case .numeral(let start, let count, let mayBeInt):
      return .small(Self.number(start, Int(count), mayBeInt: mayBeInt))
    case .number(let number): return .small(number)
    case .wide(let place): return .large(wides[Int(place)])
    case .text(let start, let count, _):
      if Self.isNumeral(start, count) { return .small(Self.number(start, count, mayBeInt: false)) }
      return Self.decimal(start, count).map { .large(Number(decimal: $0, isInt: false)) }
    default: return nil
    }
  }

  static func number(_ operand: PlanOperand) -> Number {
    switch operand {
    case .small(let number): number.number
    case .large(let number): number
    }
  }

  /// The number that a numeral stands for.
  @inline(__always)
  static func number(_ start: UnsafePointer<UInt8>, _ count: Int, mayBeInt: Bool) -> PlanNumber {
    var value: Int64 = 0
    let isNegative = start[0] == UInt8(ascii: "-")
    var index = isNegative ? 1 : 0
    while index < count, start[index] != UInt8(ascii: ".") {
      value = value &* 10 &+ Int64(start[index] &- UInt8(ascii: "0"))
      index += 1
    }
    let places = max(0, count - index - 1)
    index += 1
    while index < count {
      value = value &* 10 &+ Int64(start[index] &- UInt8(ascii: "0"))
      index += 1
    }
    return PlanNumber(
      isNegative ? -value : value, -Int32(truncatingIfNeeded: places), mayBeInt: mayBeInt)
  }

  /// Whether a string is a numeral: `-?digits[.digits]`, at most 18 characters after the sign.
  @inline(__always)
  static func isNumeral(_ start: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    let first = count > 0 && start[0] == UInt8(ascii: "-") ? 1 : 0
    guard count > first, count - first <= 18, start[first] != UInt8(ascii: "."),
      start[count - 1] != UInt8(ascii: ".")
    else { return false }
    var points = 0
    for index in first..<count where start[index] &- UInt8(ascii: "0") >= 10 {
      guard start[index] == UInt8(ascii: ".") else { return false }
      points += 1
    }
    return points <= 1
  }

  /// A string's number, as the evaluator reads it.
  static func decimal(_ start: UnsafePointer<UInt8>, _ count: Int) -> Decimal34? {
    let text = UnsafeBufferPointer(start: start, count: count)
    return text.contains(UInt8(ascii: "+")) ? nil : Decimal34(text)
  }

  mutating func wide(_ number: Number) -> PlanValue {
    wides.append(number)
    return .wide(Int32(truncatingIfNeeded: wides.count - 1))
  }

  /// An operation's result, made as `Evaluator.number` makes it.
  mutating func number(_ decimal: Decimal34?, isInt: Bool, _ version: SQLVersion) -> PlanValue {
    guard let decimal else { return .undefined }
    return wide(
      Number(decimal: decimal, isInt: (version == .v2016 || isInt) && decimal.isWhole))
  }

  @inline(__always)
  func boolean(_ value: PlanValue) -> Bool? {
    switch value {
    case .boolean(let flag): return flag
    case .text(let start, 4, _):
      return Self.isWord(start, [0x74, 0x72, 0x75, 0x65]) ? true : nil
    case .text(let start, 5, _):
      return Self.isWord(start, [0x66, 0x61, 0x6C, 0x73, 0x65]) ? false : nil
    default: return nil
    }
  }

  static func isWord(_ start: UnsafePointer<UInt8>, _ letters: [UInt8]) -> Bool {
    letters.indices.allSatisfy { start[$0] | 0x20 == letters[$0] }
  }

  mutating func cast(_ value: PlanValue, _ type: Expression.CastType, _ version: SQLVersion)
    -> PlanValue
  {
    switch type {
    case .string: return text(of: value).map { .text($0, count: $1, isPlain: $2) } ?? .undefined
    case .boolean:
      switch value {
      case .numeral, .number, .wide:
        return operand(of: value).map { .boolean(!Self.isZero($0)) } ?? .undefined
      default: return boolean(value).map { .boolean($0) } ?? .undefined
      }
    case .int:
      switch value {
      case .boolean(let flag): return .number(PlanNumber(flag ? 1 : 0, 0, mayBeInt: true))
      case .text(let start, let count, _) where Self.isNumeral(start, count):
        return whole(start, count)
      case .numeral(let start, let count, _): return whole(start, Int(count))
      default:
        switch operand(of: value) {
        case nil: return .undefined
        case .small(let number)?: return .number(PlanNumber(number.floor, 0, mayBeInt: true))
        case .large(let number)?: return self.number(number.decimal.rounded(.down), isInt: true, version)
        }
      }
    case .decimal:
      let mayBeInt = version == .v2016
      switch value {
      case .boolean(let flag): return .number(PlanNumber(flag ? 1 : 0, 0, mayBeInt: mayBeInt))
      case .numeral(let start, let count, _): return .numeral(start, count: count, mayBeInt: mayBeInt)
      case .text(let start, let count, _) where Self.isNumeral(start, count):
        return .numeral(start, count: Int32(truncatingIfNeeded: count), mayBeInt: mayBeInt)
      default:
        switch operand(of: value) {
        case nil: return .undefined
        case .small(let number)?:
          return .number(PlanNumber(number.coefficient, number.exponent, mayBeInt: mayBeInt))
        case .large(let number)?: return self.number(number.decimal, isInt: false, version)
        }
      }
    }
  }

  static func isZero(_ operand: PlanOperand) -> Bool {
    switch operand {
    case .small(let number): number.coefficient == 0
    case .large(let number): number.decimal.isZero
    }
  }

  /// A numeral rounded down.
  func whole(_ start: UnsafePointer<UInt8>, _ count: Int) -> PlanValue {
    for index in 0..<count where start[index] == UInt8(ascii: ".") {
      return .number(
        PlanNumber(Self.number(start, count, mayBeInt: true).floor, 0, mayBeInt: true))
    }
    return .numeral(start, count: Int32(truncatingIfNeeded: count), mayBeInt: true)
  }
}
