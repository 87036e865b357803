/// A value of a running plan. It holds nothing that is reference-counted or must be freed: texts are in the payload, in
/// the statement's literals or in the run's memory.
enum PlanValue {
  case undefined
  case null
  case boolean(Bool)
  /// A number that is still text: `-?digits[.digits]`, at most 18 characters after the sign. It is an Int if it is whole
  /// and `mayBeInt`.
  case numeral(UnsafePointer<UInt8>, count: Int32, mayBeInt: Bool)
  case number(PlanNumber)
  /// A number of up to 34 digits, as an index in the run's `wides`.
  case wide(Int32)
  /// UTF-8; if `isPlain`, it needs no escapes in JSON.
  case text(UnsafePointer<UInt8>, count: Int, isPlain: Bool)
  /// An array or an object, as the index of its node.
  case container(Int32)

  var isUndefined: Bool { if case .undefined = self { true } else { false } }
}

/// A number in the form that the operations need.
enum PlanOperand {
  case small(PlanNumber)
  case large(Number)
}
