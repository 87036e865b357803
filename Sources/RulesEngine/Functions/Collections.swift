extension Functions {
  /// Functions on values of any type.
  static let collections: [Function] = [
    Function("get", 2...2, star: .row, takesContainers: true) { arguments, _ in
      switch arguments[0] {
      case .array(let elements):
        guard let index = arguments[1].asIntegerArgument, elements.indices.contains(index) else {
          return .undefined
        }
        return elements[index]
      case .object(let object):
        return arguments[1].asString.flatMap { object[$0] } ?? .undefined
      case .string(let text):
        // The guide's table allows a string: the result is the character at that position.
        guard let index = arguments[1].asIntegerArgument, index >= 0 else { return .undefined }
        let scalars = text.unicodeScalars
        guard let place = scalars.index(scalars.startIndex, offsetBy: index, limitedBy: scalars.endIndex),
          place < scalars.endIndex
        else { return .undefined }
        return .string(String(scalars[place]))
      default: return .undefined
      }
    },
    Function("get_or_default", 2...2, takesContainers: true) { arguments, _ in
      arguments[0].isUndefined ? arguments[1] : arguments[0]
    },
    Function("isnull", takesContainers: true) { value, _ in
      if case .null = value { .boolean(true) } else { .boolean(false) }
    },
    Function("isundefined", takesContainers: true) { value, _ in .boolean(value.isUndefined) },
    Function("transform", 3...3, takesContainers: true) { arguments, evaluator in
      guard case .string(let mode) = arguments[0], mode == "enrichArray",
        case .object(let added) = onlyRow(of: arguments[1]),
        case .array(var elements) = arguments[2]
      else { return .undefined }
      if case .array(let inner) = onlyRow(of: arguments[2]) { elements = inner }
      // Keys are compared and hashed for each element.
      let keyBytes = added.keys.reduce(0) { $0 + $1.utf8.count }
      var results: [Value] = []
      for element in elements {
        guard evaluator.budget.take(Budget.element) else { return .undefined }
        if case .object(let object) = element,
          !evaluator.budget.take(object.count + added.count, times: Budget.member)
            || !evaluator.budget.take(keyBytes)
        {
          return .undefined
        }
        results.append(enriched(element, with: added))
      }
      return .array(results)
    },
  ]

  /// The element of an array that has only one, as a query over an object yields (the guide's third example of
  /// `transform`); otherwise the value itself.
  private static func onlyRow(of value: Value) -> Value {
    if case .array(let elements) = value, elements.count == 1 { elements[0] } else { value }
  }

  /// The element's own attributes come first and win.
  private static func enriched(_ element: Value, with added: ObjectValue) -> Value {
    guard case .object(var object) = element else { return element }
    for (key, value) in zip(added.keys, added.values) where object[key] == nil { object.set(key, value) }
    return .object(object)
  }
}
