import Numbers

/// Functions over arrays and rows, lambdas included (Presto documentation, "Array Functions and Operators", "Lambda
/// Expressions"). A time series counts as an array of rows with `time` and `value`.
enum ArrayFunctions {
  /// The maximum number of elements in an array that a function returns.
  static let countLimit = 1_000_000

  static let all: [FunctionFamily] =
    [
      array("cardinality", "cardinality(array(T))", extra: []) { _ in
        .bigint
      } body: {
        .integer(Int64($0[0].list.count))
      },
      array("array_max", "array_max(array(T))", extra: []) {
        $0
      } body: {
        extreme($0[0].list, 1)
      },
      array("array_min", "array_min(array(T))", extra: []) {
        $0
      } body: {
        extreme($0[0].list, -1)
      },
      array("array_distinct", "array_distinct(array(T))", extra: []) {
        .array($0)
      } body: {
        .list(distinct($0[0].list))
      },
      array("array_sort", "array_sort(array(T))", extra: []) {
        .array($0)
      } body: {
        .list(sorted($0[0].list))
      },
      array("reverse", "reverse(array(T))", extra: []) {
        .array($0)
      } body: {
        .list($0[0].list.reversed())
      },
      array("contains", "contains(array(T), T)", extra: [.element]) { _ in
        .boolean
      } body: { values in
        if values[0].list.contains(where: { !$0.isNull && Datum.order($0, values[1]) == 0 }) {
          return .boolean(true)
        }
        return values[0].list.contains(.null) ? .null : .boolean(false)
      },
      array("array_position", "array_position(array(T), T)", extra: [.element]) { _ in
        .bigint
      } body: { values in
        let place = values[0].list.firstIndex { !$0.isNull && Datum.order($0, values[1]) == 0 }
        return .integer(Int64((place ?? -1) + 1))
      },
      array("array_remove", "array_remove(array(T), T)", extra: [.element]) {
        .array($0)
      } body: { values in
        .list(values[0].list.filter { $0.isNull || Datum.order($0, values[1]) != 0 })
      },
      array("array_union", "array_union(array(T), array(T))", extra: [.same]) {
        .array($0)
      } body: {
        .list(distinct($0[0].list + $0[1].list))
      },
      array("array_intersect", "array_intersect(array(T), array(T))", extra: [.same]) {
        .array($0)
      } body: { values in
        let other = Set(values[1].list)
        return .list(distinct(values[0].list.filter(other.contains)))
      },
      array("array_except", "array_except(array(T), array(T))", extra: [.same]) {
        .array($0)
      } body: { values in
        let other = Set(values[1].list)
        return .list(distinct(values[0].list.filter { !other.contains($0) }))
      },
      array("arrays_overlap", "arrays_overlap(array(T), array(T))", extra: [.same]) { _ in
        .boolean
      } body: { values in
        let other = Set(values[1].list)
        return .boolean(values[0].list.contains { !$0.isNull && other.contains($0) })
      },
      array("element_at", "element_at(array(T), bigint)", extra: [.bigint]) {
        $0
      } body: { values in
        let (list, index) = (values[0].list, values[1].integer)
        let place = index > 0 ? index - 1 : index.saturatingAdd(Int64(list.count))
        return index == 0 ? .null : list[ifPresent: Int(clamping: place)] ?? .null
      },
      generic("[]", "array(T)[bigint]") { types in
        guard types.count == 2, let element = elementType(types[0]), types[1].coerces(to: .bigint) else {
          return nil
        }
        return ScalarFunction(name: "[]", parameters: [.array(element), .bigint], result: element) {
          (values, _) throws(QueryError) in
          let (list, index) = (values[0].list, values[1].integer)
          guard index != 0 else { throw QueryError("SQL array indices start at 1") }
          guard index > 0 else { throw QueryError("Array subscript is negative: \(index)") }
          guard let value = list[ifPresent: Int(clamping: index - 1)] else {
            throw QueryError(
              "Array subscript must be less than or equal to array length: \(index) > \(list.count)")
          }
          return value
        }
      },
      array("slice", "slice(array(T), bigint, bigint)", extra: [.bigint, .bigint]) {
        .array($0)
      } body: { values in
        let (list, start, length) = (values[0].list, values[1].integer, values[2].integer)
        let first = start > 0 ? start - 1 : start.saturatingAdd(Int64(list.count))
        guard start != 0, length > 0, first >= 0, first < list.count else { return .list([]) }
        return .list(Array(list[Int(first)..<Int(min(Int64(list.count), first.saturatingAdd(length)))]))
      },
      generic("array_join", "array_join(array(T), varchar)") { types in
        guard types.count == 2 || types.count == 3, let element = elementType(types[0]), element.isScalar,
          types.dropFirst().allSatisfy({ $0.coerces(to: .varchar) })
        else { return nil }
        return ScalarFunction(
          name: "array_join", parameters: [.array(element)] + types.dropFirst().map { _ in .varchar },
          result: .varchar
        ) { (values, _) throws(QueryError) in
          let texts = values[0].list.compactMap {
            $0.isNull ? values[ifPresent: 2]?.text : $0.text(as: element)
          }
          return .text(try TextFunctions.bounded(texts.joined(separator: values[1].text)))
        }
      },
      generic("flatten", "flatten(array(array(T)))") { types in
        guard types.count == 1, case .array(.array(let element)) = types[0] else { return nil }
        return ScalarFunction(name: "flatten", parameters: types, result: .array(element)) {
          (values, _) throws(QueryError) in
          .list(try bounded(values[0].list.flatMap(\.list)))
        }
      },
      generic("zip", "zip(array(T), array(U), ...)") { types in
        let elements = types.compactMap(elementType)
        guard (2...5).contains(types.count), elements.count == types.count else { return nil }
        return ScalarFunction(
          name: "zip", parameters: elements.map { .array($0) },
          result: .array(.row(elements.map { .init(name: nil, type: $0) }))
        ) { (values, _) throws(QueryError) in
          let count = values.map(\.list.count).max() ?? 0
          return .list((0..<count).map { index in .list(values.map { $0.list[ifPresent: index] ?? .null }) })
        }
      },
      generic("ngrams", "ngrams(array(T), bigint)") { types in
        guard types.count == 2, let element = elementType(types[0]), types[1].coerces(to: .bigint) else {
          return nil
        }
        return ScalarFunction(
          name: "ngrams", parameters: [.array(element), .bigint], result: .array(.array(element))
        ) { (values, _) throws(QueryError) in
          let (list, size) = (values[0].list, Int(clamping: values[1].integer))
          guard size > 0 else { throw QueryError("N must be positive") }
          guard list.count > size else { return .list([.list(list)]) }
          guard (list.count - size + 1).saturatingMultiply(size) <= countLimit else {
            throw QueryError("The arrays have more than \(countLimit) elements")
          }
          return .list((0...list.count - size).map { .list(Array(list[$0..<$0 + size])) })
        }
      },
      generic("shuffle", "shuffle(array(T))") { types in
        guard types.count == 1, let element = elementType(types[0]) else { return nil }
        return ScalarFunction(
          name: "shuffle", parameters: [.array(element)], result: .array(element), isDeterministic: false
        ) { (values, _) throws(QueryError) in
          .list(values[0].list.shuffled())
        }
      },
      generic("repeat", "repeat(T, bigint)") { types in
        guard types.count == 2, types[1].coerces(to: .bigint) else { return nil }
        return ScalarFunction(
          name: "repeat", parameters: [types[0], .bigint], result: .array(types[0]), isStrict: false
        ) { (values, _) throws(QueryError) in
          guard values[1].integer <= countLimit else {
            throw QueryError("An array has more than \(countLimit) elements")
          }
          return .list(Array(repeating: values[0], count: Int(max(0, values[1].integer))))
        }
      },
      sequence([.bigint, .bigint], .bigint, step: { $0[0].integer <= $0[1].integer ? 1 : -1 }),
      sequence([.bigint, .bigint, .bigint], .bigint, step: { $0[2].integer }),
      sequence([.timestamp, .timestamp, .intervalDayToSecond], .timestamp, step: { $0[2].integer }),
      sequence([.date, .date], .date, step: { $0[0].integer <= $0[1].integer ? 1 : -1 }),
      sequence([.date, .date, .intervalDayToSecond], .date, step: { $0[2].integer / TimeFunctions.day }),
    ]
    + ["concat", "||"].map { name in
      generic(name, "\(name)(array(T), array(T))") { types in
        guard types.count >= 2, types.contains(where: { if case .array = $0 { true } else { false } }),
          let type = SQLType.common(of: types),
          case .array = type
        else { return nil }
        return ScalarFunction(name: name, parameters: types.map { _ in type }, result: type) {
          (values, _) throws(QueryError) in
          .list(try bounded(values.flatMap(\.list)))
        }
      }
    } + lambdas

  // MARK: Lambdas

  @Sendable private static func elements(_ index: Int, _ types: [SQLType]) -> [SQLType]? {
    index == 1 ? types.first.flatMap(elementType).map { [$0] } : nil
  }

  private static func predicate(_ name: String, _ body: @escaping @Sendable ([Datum]) -> Datum)
    -> FunctionFamily
  {
    generic(name, "\(name)(array(T), function(T, boolean))", lambdaParameters: elements) { types in
      guard types.count == 2, let element = elementType(types[0]), types[1].coerces(to: .boolean) else {
        return nil
      }
      return ScalarFunction(name: name, parameters: [.array(element), .boolean], result: .boolean) {
        (values, context) throws(QueryError) in
        var answers: [Datum] = []
        for value in values[0].list { answers.append(try context.call(1, [value])) }
        return body(answers)
      }
    }
  }

  private static let lambdas: [FunctionFamily] = [
    generic(
      "zip_with", "zip_with(array(T), array(U), function(T, U, R))",
      lambdaParameters: { index, types in
        guard index == 2, types.count > 1, let one = elementType(types[0]), let other = elementType(types[1])
        else { return nil }
        return [one, other]
      }
    ) { types in
      guard types.count == 3, let one = elementType(types[0]), let other = elementType(types[1]) else {
        return nil
      }
      return ScalarFunction(
        name: "zip_with", parameters: [.array(one), .array(other), types[2]], result: .array(types[2])
      ) { (values, context) throws(QueryError) in
        var results: [Datum] = []
        // The shorter array is filled up with NULLs.
        for index in 0..<max(values[0].list.count, values[1].list.count) {
          let pair = values[0...1].map { $0.list[ifPresent: index] ?? .null }
          results.append(try context.call(2, pair))
        }
        return .list(results)
      }
    },
    generic("filter", "filter(array(T), function(T, boolean))", lambdaParameters: elements) { types in
      guard types.count == 2, let element = elementType(types[0]), types[1].coerces(to: .boolean) else {
        return nil
      }
      // A filtered time series is still a time series.
      return ScalarFunction(
        name: "filter", parameters: [isSeries(types[0]) ? types[0] : .array(element), .boolean],
        result: isSeries(types[0]) ? types[0] : .array(element)
      ) { (values, context) throws(QueryError) in
        var kept: [Datum] = []
        for value in values[0].list where try context.call(1, [value]).isTrue { kept.append(value) }
        return .list(kept)
      }
    },
    generic("transform", "transform(array(T), function(T, U))", lambdaParameters: elements) { types in
      guard types.count == 2, let element = elementType(types[0]) else { return nil }
      return ScalarFunction(
        name: "transform", parameters: [.array(element), types[1]], result: .array(types[1])
      ) { (values, context) throws(QueryError) in
        var results: [Datum] = []
        for value in values[0].list { results.append(try context.call(1, [value])) }
        return .list(results)
      }
    },
    generic(
      "reduce", "reduce(array(T), S, function(S, T, S), function(S, R))",
      lambdaParameters: { index, types in
        guard let element = types.first.flatMap(elementType), types.count > 1 else { return nil }
        // The state has the type that the step returns, if that is wider than the type of the start.
        return index == 2 ? [types[1], element] : index == 3 ? [types[ifPresent: 2] ?? types[1]] : nil
      }
    ) { types in
      guard types.count == 4, let element = elementType(types[0]), types[1].coerces(to: types[2]) else {
        return nil
      }
      return ScalarFunction(
        name: "reduce", parameters: [.array(element), types[2], types[2], types[3]], result: types[3],
        isStrict: false
      ) { (values, context) throws(QueryError) in
        if values[0].isNull { return .null }
        var state = values[1]
        for value in values[0].list { state = try context.call(2, [state, value]) }
        return try context.call(3, [state])
      }
    },
    predicate("any_match") {
      $0.contains(.boolean(true)) ? .boolean(true) : $0.contains(.null) ? .null : .boolean(false)
    },
    predicate("all_match") {
      $0.contains(.boolean(false)) ? .boolean(false) : $0.contains(.null) ? .null : .boolean(true)
    },
    predicate("none_match") {
      $0.contains(.boolean(true)) ? .boolean(false) : $0.contains(.null) ? .null : .boolean(true)
    },
  ]

  // MARK: Parts

  static func elementType(_ type: SQLType) -> SQLType? {
    switch type {
    case .array(let element): element
    case .timeseries(let value): SQLType.point(value)
    default: nil
    }
  }

  private static func isSeries(_ type: SQLType) -> Bool { if case .timeseries = type { true } else { false } }

  private enum Extra { case element, same, bigint }

  /// A function whose first argument is an array.
  private static func array(
    _ name: String, _ signature: String, extra: [Extra], result: @escaping @Sendable (SQLType) -> SQLType,
    body: @escaping @Sendable ([Datum]) -> Datum
  ) -> FunctionFamily {
    generic(name, signature) { types in
      guard types.count == extra.count + 1, var element = elementType(types[0]) else { return nil }
      for (kind, type) in zip(extra, types.dropFirst()) {
        switch kind {
        case .element:
          guard let common = SQLType.common(element, type) else { return nil }
          element = common
        case .same:
          guard let other = elementType(type), let common = SQLType.common(element, other) else { return nil }
          element = common
        case .bigint: guard type.coerces(to: .bigint) else { return nil }
        }
      }
      let parameters: [SQLType] =
        [.array(element)]
        + extra.map { kind in
          switch kind {
          case .element: element
          case .same: .array(element)
          case .bigint: .bigint
          }
        }
      return ScalarFunction(name: name, parameters: parameters, result: result(element)) {
        (values, _) throws(QueryError) in
        body(values)
      }
    }
  }

  static func bounded(_ values: [Datum]) throws(QueryError) -> [Datum] {
    guard values.count <= countLimit else {
      throw QueryError("An array has more than \(countLimit) elements")
    }
    return values
  }

  private static func sequence(
    _ parameters: [SQLType], _ element: SQLType, step: @escaping @Sendable ([Datum]) -> Int64
  ) -> FunctionFamily {
    fixed("sequence", parameters, .array(element)) { (values) throws(QueryError) in
      let (start, stop, step) = (values[0].integer, values[1].integer, step(values))
      guard step != 0 else { throw QueryError("step must not be zero") }
      guard step > 0 ? stop >= start : stop <= start else {
        throw QueryError(
          "sequence stop value should be greater than or equal to start value if step is greater than zero, otherwise stop should be less than or equal to start"
        )
      }
      // Presto's own limit.
      let count = stop.saturatingSubtract(start).magnitude / step.magnitude
      guard count < 10_000 else {
        throw QueryError("result of sequence function must not have more than 10000 entries")
      }
      return .list((0...Int64(count)).map { .integer(start + $0 * step) })
    }
  }

  private static func extreme(_ values: [Datum], _ sign: Int) -> Datum {
    guard let first = values.first, !values.contains(.null) else { return .null }
    return values.dropFirst().reduce(first) { Datum.order($1, $0) == sign ? $1 : $0 }
  }

  static func distinct(_ values: [Datum]) -> [Datum] {
    var seen: Set<Datum> = []
    return values.filter { seen.insert($0).inserted }
  }

  static func sorted(_ values: [Datum]) -> [Datum] {
    values.filter { !$0.isNull }.sorted { Datum.order($0, $1) < 0 } + values.filter(\.isNull)
  }
}
