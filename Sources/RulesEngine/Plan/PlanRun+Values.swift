/// Conversions to and from the plain evaluator's values, for functions called as the evaluator calls them.
extension PlanRun {
  /// A value as functions take it, with arrays and objects as JSON text; nil if the plan can't make it.
  mutating func argument(_ value: PlanValue) -> Value? {
    guard case .container = value else { return self.value(value, version) }
    guard let (start, count, _) = text(of: value) else { return nil }
    return .string(String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self))
  }

  /// A function's result as a value of the plan.
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
