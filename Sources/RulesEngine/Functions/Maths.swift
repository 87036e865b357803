import Glibc

extension Functions {
  /// Mathematical functions. Arguments are converted to numbers; without a real result the call is Undefined.
  static let maths: [Function] =
    [
      real("acos", acos), real("asin", asin), real("atan", atan), real("cos", cos), real("cosh", cosh),
      real("exp", exp), real("ln", log), real("log", log10), real("sin", sin), real("sinh", sinh),
      real("sqrt", { $0.squareRoot() }), real("tan", tan), real("tanh", tanh),
      real("atan2", atan2), real("power", pow),
      exact("abs") { $0.magnitude }, exact("ceil") { $0.rounded(.up) }, exact("floor") { $0.rounded(.down) },
      exact("round") { $0.rounded(.halfAwayFromZero) },
      Function("trunc", 2...2) { arguments, evaluator in
        guard let value = arguments[0].asDecimal, let places = arguments[1].asIntegerArgument else {
          return .undefined
        }
        return evaluator.number(value.truncated(toPlaces: max(places, 0)), isInt: isInt(arguments[0]))
      },
      exact("sign") { Decimal34($0.isZero ? 0 : $0.isNegative ? -1 : 1) },
      Function("mod", 2...2, remainder), Function("remainder", 2...2, remainder),
      bits("bitand", &), bits("bitor", |), bits("bitxor", ^),
      Function("bitnot") { value, _ in value.asIntegerArgument.map { .int(~$0) } ?? .undefined },
      Function("nanvl", 2...2, takesContainers: true) { arguments, _ in
        // JSON has no NaN, so every value but null is returned as it is.
        switch arguments[0] {
        case .undefined, .null: arguments[1]
        default: arguments[0]
        }
      },
      Function("rand", 0...0) { _, evaluator in
        evaluator.number(Decimal34(Double.random(in: 0..<1)), isInt: false)
      },
    ]

  /// A function in double precision.
  private static func real(_ name: String, _ body: @escaping @Sendable (Double) -> Double) -> Function {
    Function(name) { value, evaluator in
      guard let argument = value.asDecimal else { return .undefined }
      return evaluator.number(Decimal34(body(argument.double)), isInt: false)
    }
  }

  private static func real(_ name: String, _ body: @escaping @Sendable (Double, Double) -> Double) -> Function
  {
    Function(name, 2...2) { arguments, evaluator in
      guard let a = arguments[0].asDecimal, let b = arguments[1].asDecimal else { return .undefined }
      return evaluator.number(
        Decimal34(body(a.double, b.double)), isInt: isInt(arguments[0]) && isInt(arguments[1]))
    }
  }

  /// A function on decimals. `abs` makes an Int only of an Int; the others always do.
  private static func exact(_ name: String, _ body: @escaping @Sendable (Decimal34) -> Decimal34) -> Function
  {
    Function(name) { value, evaluator in
      guard let argument = value.asDecimal else { return .undefined }
      return evaluator.number(body(argument), isInt: name == "abs" ? isInt(value) : true)
    }
  }

  private static func isInt(_ value: Value) -> Bool {
    if case .number(let number) = value { number.isInt } else { false }
  }

  private static let remainder: @Sendable ([Value], Evaluator) -> Value = { arguments, evaluator in
    guard let a = arguments[0].asDecimal, let b = arguments[1].asDecimal else { return .undefined }
    return evaluator.number(a % b, isInt: isInt(arguments[0]) && isInt(arguments[1]))
  }

  private static func bits(_ name: String, _ body: @escaping @Sendable (Int, Int) -> Int) -> Function {
    Function(name, 2...2) { arguments, _ in
      guard let a = arguments[0].asIntegerArgument, let b = arguments[1].asIntegerArgument else {
        return .undefined
      }
      return .int(body(a, b))
    }
  }
}
