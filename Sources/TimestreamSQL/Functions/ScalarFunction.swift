/// A scalar function for arguments of given types.
struct ScalarFunction: Sendable {
  /// What it gets besides its arguments.
  struct Context {
    /// now(), the same for the whole statement: nanoseconds since 1970.
    let now: Int64
    /// Calls the lambda that is argument `index` with values for its parameters.
    let call: (_ index: Int, _ values: [Datum]) throws(QueryError) -> Datum
  }

  typealias Body = @Sendable ([Datum], Context) throws(QueryError) -> Datum

  let name: String
  /// The types its arguments are coerced to.
  let parameters: [SQLType]
  let result: SQLType
  /// Whether a NULL argument gives NULL without calling the function.
  var isStrict = true
  var isDeterministic = true
  let body: Body
}

/// All functions with the same name; finds the one for given types.
struct FunctionFamily: Sendable {
  /// What is known about an argument: its type, or that it is a lambda.
  enum Argument {
    case value(SQLType)
    case lambda(parameters: Int)

    var type: SQLType { if case .value(let type) = self { type } else { .unknown } }
  }

  let name: String
  /// `lower(varchar)`, for messages.
  let signatures: [String]
  /// The function for these arguments; nil if there is none.
  let resolve: @Sendable ([SQLType]) -> ScalarFunction?
  /// For functions that take lambdas: the types of a lambda's parameters, derived from the types of the arguments before it.
  /// Returns nil if the function takes no lambda at that place.
  var lambdaParameters: (@Sendable (_ index: Int, _ types: [SQLType]) -> [SQLType]?)?
}

/// The functions, by name in lower case.
enum FunctionCatalog {
  static let families: [String: FunctionFamily] = {
    var families: [String: FunctionFamily] = [:]
    let all =
      MathFunctions.all + TextFunctions.all + TimeFunctions.all + ArrayFunctions.all + SeriesFunctions.all
      + ConditionalFunctions.all
    for family in all {
      if let known = families[family.name] {
        families[family.name] = FunctionFamily(
          name: family.name, signatures: known.signatures + family.signatures,
          resolve: { types in better(known.resolve(types), family.resolve(types), for: types) },
          lambdaParameters: known.lambdaParameters ?? family.lambdaParameters)
      } else {
        families[family.name] = family
      }
    }
    return families
  }()

  /// The function that coerces fewer arguments, or the first if they coerce equally many: date_trunc of a date is a date.
  private static func better(_ one: ScalarFunction?, _ other: ScalarFunction?, for types: [SQLType])
    -> ScalarFunction?
  {
    guard let one, let other else { return one ?? other }
    func coercions(_ function: ScalarFunction) -> Int { zip(function.parameters, types).count { $0 != $1 } }
    return coercions(other) < coercions(one) ? other : one
  }
}

/// A function of fixed parameter types.
func fixed(
  _ name: String, _ parameters: [SQLType], _ result: SQLType, isStrict: Bool = true,
  isDeterministic: Bool = true,
  _ body: @escaping @Sendable ([Datum]) throws(QueryError) -> Datum
) -> FunctionFamily {
  let function = ScalarFunction(
    name: name, parameters: parameters, result: result, isStrict: isStrict, isDeterministic: isDeterministic
  ) { (arguments, _) throws(QueryError) in try body(arguments) }
  return FunctionFamily(
    name: name, signatures: ["\(name)(\(parameters.map(\.text).joined(separator: ", ")))"],
    resolve: { types in
      types.count == parameters.count && zip(types, parameters).allSatisfy { $0.coerces(to: $1) }
        ? function : nil
    })
}

/// A function whose types depend on those of its arguments.
func generic(
  _ name: String, _ signature: String, lambdaParameters: (@Sendable (Int, [SQLType]) -> [SQLType]?)? = nil,
  _ resolve: @escaping @Sendable ([SQLType]) -> ScalarFunction?
) -> FunctionFamily {
  FunctionFamily(name: name, signatures: [signature], resolve: resolve, lambdaParameters: lambdaParameters)
}
