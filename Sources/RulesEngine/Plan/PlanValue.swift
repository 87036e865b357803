/// A value of a plan while it runs: nothing that would be counted or freed. Texts lie in the payload, in the statement's
/// literals or in the run's memory.
enum PlanValue {
  case undefined
  case null
  case boolean(Bool)
  /// A number that is still text: `-?digits[.digits]` of at most 18 characters without its sign. It is an Int if it is
  /// whole and `mayBeInt`.
  case numeral(UnsafePointer<UInt8>, count: Int32, mayBeInt: Bool)
  case number(PlanNumber)
  /// A number of up to 34 digits: its place among the run's.
  case wide(Int32)
  /// UTF-8. What `isPlain` needs no escapes as JSON.
  case text(UnsafePointer<UInt8>, count: Int, isPlain: Bool)
  /// An array or an object: its node in the payload's index.
  case container(Int32)

  var isUndefined: Bool { if case .undefined = self { true } else { false } }
}

/// A number in the form that the operations need.
enum PlanOperand {
  case small(PlanNumber)
  case large(Number)
}
