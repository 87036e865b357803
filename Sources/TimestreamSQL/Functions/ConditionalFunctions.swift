/// Functions whose arguments the resolver turns into choices (`if`, `coalesce`, `nullif`, `try`) have their names here for
/// messages; the others of Presto's "Conditional Expressions" are in the syntax.
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
