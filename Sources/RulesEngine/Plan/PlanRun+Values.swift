/// Values of the plain evaluator, for the functions that are called as it calls them.
extension PlanRun {
  /// A value as functions take it, arrays and objects as their JSON; nil if the plan can't.
  mutating func argument(_ value: PlanValue) -> Value? {
    guard case .container = value else { return self.value(value, version) }
    guard let (start, count, _) = text(of: value) else { return nil }
    return .string(String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self))
  }

  /// A function's result.
  mutating func value(of value: Value, _ version: SQLVersion) -> PlanValue {
    switch value {
    case .undefined: return .undefined
    case .null: return .null
    case .boolean(let flag): return .boolean(flag)
    case .number(let number): return PlanNumber(number).map { .number($0) } ?? wide(number)
    case .string(let string): return text(string)
    case .array, .object, .bytes:
      isUnable = true
      return .undefined
    }
  }
}
