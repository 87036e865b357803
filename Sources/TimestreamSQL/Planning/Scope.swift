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
    let all = Set(columns.compactMap(\.name) + (outer?.columns.compactMap(\.name) ?? []))
    return NearestSpelling.of(name, in: all)
  }
}

/// Finds what somebody may have meant.
enum NearestSpelling {
  /// The candidate at the smallest edit distance, if that is at most a third of the name's length.
  static func of(_ name: String, in candidates: some Sequence<String>) -> String? {
    let wanted = Array(name.lowercased())
    guard wanted.count < 100 else { return nil }
    var best: (name: String, distance: Int)?
    for candidate in candidates.sorted() {
      let distance = distance(wanted, Array(candidate.lowercased()))
      if distance <= max(1, wanted.count / 3), distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.name
  }

  private static func distance(_ left: [Character], _ right: [Character]) -> Int {
    var row = Array(0...right.count)
    for (index, one) in left.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for (place, other) in right.enumerated() {
        let next = min(diagonal + (one == other ? 0 : 1), row[place] + 1, row[place + 1] + 1)
        diagonal = row[place + 1]
        row[place + 1] = next
      }
    }
    return row[right.count]
  }
}
