import Text

/// The names that an expression can use: columns of what stands after FROM, and what is around.
final class Scope {
  struct Column {
    let name: String?
    /// The table's alias, or its database and name.
    var qualifier: [String]
    let expression: TypedExpression
  }

  var columns: [Column]
  let outer: Scope?
  /// Parameters of the lambdas around, innermost last.
  var locals: [(name: String, type: SQLType)] = []

  init(_ columns: [Column], outer: Scope?) {
    self.columns = columns
    self.outer = outer
  }

  /// Names match by their letters; without regard to case where only that finds one.
  static func matches(_ name: String?, _ wanted: String, exactly: Bool) -> Bool {
    guard let name else { return false }
    return exactly ? name == wanted : name.lowercased() == wanted.lowercased()
  }

  /// The columns that `parts` can mean: the last part the column's name, those before it the end of its qualifier.
  func find(_ parts: [String]) -> [Column] {
    guard let name = parts.last else { return [] }
    let qualifier = parts.dropLast()
    for exactly in [true, false] {
      let found = columns.filter { column in
        Self.matches(column.name, name, exactly: exactly) && qualifier.count <= column.qualifier.count
          && zip(qualifier, column.qualifier.suffix(qualifier.count)).allSatisfy {
            Self.matches($1, $0, exactly: exactly)
          }
      }
      if !found.isEmpty { return found }
    }
    return []
  }

  /// The columns of `t.*`.
  func columns(of qualifier: [String]) -> [Column] {
    columns.filter { column in
      qualifier.count <= column.qualifier.count
        && zip(qualifier, column.qualifier.suffix(qualifier.count)).allSatisfy {
          Self.matches($1, $0, exactly: false)
        }
    }
  }

  /// The name that is spelt most like `name`, if one is near.
  func nearest(_ name: String) -> String? {
    NearestName.of(name, among: columns.compactMap(\.name) + (outer?.columns.compactMap(\.name) ?? []))
  }
}
