/// The tables that statements can read, as a store provides them.
public protocol QueryCatalog {
  /// The databases' names.
  var databases: [String] { get }
  /// The database of tables that are named without a database.
  var defaultDatabase: String { get }
  /// The names of a database's tables; nil if the database doesn't exist.
  func tables(in database: String) -> [String]?
  /// A table; nil if there is none.
  func table(_ name: String, in database: String) -> QueryTable?
}

/// A table as statements see it.
public struct QueryTable: Sendable {
  /// The role of a column in Timestream.
  public enum Role: String, Sendable {
    case dimension = "DIMENSION"
    case measureName = "MEASURE_NAME"
    case time = "TIMESTAMP"
    case measureValue = "MEASURE_VALUE"
    case multi = "MULTI"
  }

  /// A column.
  public struct Column: Sendable {
    /// Its name in statements.
    public let name: String
    /// Its type.
    public let type: SQLType
    /// Its role.
    public let role: Role

    /// A column.
    public init(_ name: String, _ type: SQLType, _ role: Role) {
      self.name = name
      self.type = type
      self.role = role
    }
  }

  /// The columns in the order of `SELECT *` and DESCRIBE.
  public let columns: [Column]
  /// The table or view in SQLite's SQL; its columns have the names above.
  public let source: String
  /// The measures and their types, for SHOW MEASURES.
  public let measures: [(name: String, type: String)]
  /// The rollups kept beside the readings; nil if there are none.
  public let rollups: Rollups?

  /// A table.
  public init(
    columns: [Column], source: String, measures: [(name: String, type: String)], rollups: Rollups? = nil
  ) {
    self.columns = columns
    self.source = source
    self.measures = measures
    self.rollups = rollups
  }
}
