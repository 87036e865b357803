import Text

/// The names that an expression can use: the columns after FROM, and the names of enclosing scopes.
final class Scope {
  struct Column {
    let name: String?
    /// The table's alias, or its database and name.
    var qualifier: [String]
    let expression: TypedExpression
  }

  var columns: [Column]
  let outer: Scope?
  /// Parameters of the enclosing lambdas, innermost last.
  var locals: [(name: String, type: SQLType)] = []

  init(_ columns: [Column], outer: Scope?) {
    self.columns = columns
    self.outer = outer
  }

  /// Whether a name is the wanted one, either exactly or without regard to case.
  static func matches(_ name: String?, _ wanted: String, exactly: Bool) -> Bool {
    guard let name else { return false }
    return exactly ? name == wanted : name.lowercased() == wanted.lowercased()
  }

  /// The columns that `parts` can mean: the last part is the column's name, the parts before it are the end of its qualifier.
  /// Case is ignored only if no name matches exactly.
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

  /// The name that is spelled most like `name`; nil if none is similar.
  func nearest(_ name: String) -> String? {
    NearestName.of(name, among: columns.compactMap(\.name) + (outer?.columns.compactMap(\.name) ?? []))
  }
}
