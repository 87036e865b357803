/// The words of the query language, for editors.
public enum Vocabulary {
  /// The keywords, in capitals.
  public static let keywords = [
    "ALL", "AND", "ARRAY", "AS", "ASC", "BETWEEN", "BY", "CASE", "CAST", "CROSS JOIN", "DESC", "DESCRIBE",
    "DISTINCT",
    "ELSE", "END", "ESCAPE", "EXCEPT", "EXISTS", "EXPLAIN", "EXTRACT", "FALSE", "FILTER", "FIRST", "FROM",
    "FULL JOIN",
    "GROUP BY", "HAVING", "IN", "INNER JOIN", "INTERSECT", "INTERVAL", "IS", "JOIN", "LAST", "LEFT JOIN",
    "LIKE",
    "LIMIT", "NOT", "NULL", "NULLS", "OFFSET", "ON", "OR", "ORDER BY", "OVER", "PARTITION BY", "RIGHT JOIN",
    "ROW",
    "SELECT", "SHOW DATABASES", "SHOW MEASURES FROM", "SHOW TABLES", "THEN", "TIMESTAMP", "TRUE", "TRY_CAST",
    "UNION",
    "UNNEST", "USING", "VALUES", "WHEN", "WHERE", "WITH",
  ]

  /// The functions that a statement can call, sorted.
  public static let functions: [String] =
    Set(Array(FunctionCatalog.families.keys) + AggregateCatalog.families.keys + ConditionalFunctions.special)
    .filter { $0.first?.isLetter == true && $0 != "like" && $0 != "negate" }.sorted()
}
