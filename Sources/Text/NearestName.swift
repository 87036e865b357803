/// Finds the known name that a person probably meant.
package enum NearestName {
  /// Longer texts aren't mistyped names, and their distance would take long.
  private static let lengthLimit = 100

  /// The known name nearest to `name`, or one that is its last words (`port` for `dashboard-port`); nil if none is near.
  package static func of(_ name: String, among known: [String]) -> String? {
    guard name.utf8.count <= lengthLimit else { return nil }
    let name = name.lowercased()
    let characters = Array(name)
    return known.filter { $0.utf8.count <= lengthLimit }
      .map { ($0, distance(characters, Array($0.lowercased()))) }
      .filter {
        $0.1 <= max(1, min(3, $0.0.count / 3)) || (name.count > 2 && $0.0.lowercased().hasPrefix(name))
      }
      .min { $0.1 < $1.1 }?.0 ?? known.first { name.hasSuffix("-\($0.lowercased())") }
  }

  /// Optimal string alignment: Levenshtein's distance, a swap of neighbours counting once.
  static func distance(_ a: [Character], _ b: [Character]) -> Int {
    guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
    var rows = [[Int]](repeating: Array(repeating: 0, count: b.count + 1), count: a.count + 1)
    for i in 0...a.count { rows[i][0] = i }
    for j in 0...b.count { rows[0][j] = j }
    for i in 1...a.count {
      for j in 1...b.count {
        let cost = a[i - 1] == b[j - 1] ? 0 : 1
        rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + cost)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
        }
      }
    }
    return rows[a.count][b.count]
  }
}
