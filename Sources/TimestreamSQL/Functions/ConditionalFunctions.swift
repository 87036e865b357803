/// Presto's conditional functions. `if`, `coalesce`, `nullif` and `try` have only their names here, as the resolver turns their
/// calls into choices; the other "Conditional Expressions" are part of the syntax.
enum ConditionalFunctions {
  static let special: Set<String> = ["if", "coalesce", "nullif", "try"]

  static let all: [FunctionFamily] = [
    generic("typeof", "typeof(T)") { types in
      guard types.count == 1 else { return nil }
      let name = types[0].text
      return ScalarFunction(name: "typeof", parameters: types, result: .varchar, isStrict: false) {
        (_, _) throws(QueryError) in
        .text(name)
      }
    }
  ]
}
