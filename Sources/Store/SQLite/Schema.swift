import Numbers

/// The layout of a store's file.
///
/// `ts_tables`, `ts_measures` and `ts_series` say what there is. `ts_data_N` has a row for each reading, keyed by
/// series and time (nanoseconds since 1970), its measures as columns `mN`; `ts_rollup_N` has a row for each minute and
/// hour of a series (`RollupCell`); `ts_arrivals` says which readings the latest transactions added (`ArrivalJournal`).
/// A versioned value has its version in `ts_versions`; all others have version 1. `ts_series` has the dimensions as
/// JSON, sorted by name, which tells series apart, and the k-th dimension of the series' table as `dk` for the views;
/// the series of MULTI records have their measure name, too, and measures of their own (`is_multi`). Each table has two
/// views that carry its name: Timestream's columns, and `…_wide` with a column for each measure.
enum Schema {
  /// The column of a record's measure name.
  static let measureName = "measure_name"
  /// The state that has the greatest number of a deleted table.
  static let lastTable = "last table"
  /// "TSEN": tells our files from other databases.
  static let applicationID: Int64 = 0x5453_454E
  /// Since 2 there are MULTI records.
  static let version: Int64 = 2

  /// Checks the file, and makes the layout in a new one.
  static func prepare(_ connection: Connection) throws(StoreError) {
    if let found = try check(connection) {
      if found < version { try connection.transaction { () throws(StoreError) in try migrate(connection) } }
      return
    }
    try connection.run("PRAGMA journal_mode = WAL")
    try connection.transaction { () throws(StoreError) in
      // Another process may have been faster.
      guard try check(connection) == nil else { return }
      try connection.run(
        """
        CREATE TABLE ts_tables(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, memory_hours INTEGER,
          magnetic_days INTEGER, takes_late INTEGER NOT NULL DEFAULT 1) STRICT;
        \(measures("ts_measures"));
        CREATE TABLE ts_dimensions(table_id INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL,
          PRIMARY KEY(table_id, id), UNIQUE(table_id, name)) STRICT, WITHOUT ROWID;
        CREATE TABLE ts_series(id INTEGER PRIMARY KEY, table_id INTEGER NOT NULL, dimensions TEXT NOT NULL,
          measure_name TEXT, UNIQUE(table_id, dimensions)) STRICT;
        CREATE TABLE ts_versions(table_id INTEGER NOT NULL, series INTEGER NOT NULL, time INTEGER NOT NULL,
          measure INTEGER NOT NULL, version INTEGER NOT NULL, PRIMARY KEY(table_id, series, time, measure))
          STRICT, WITHOUT ROWID;
        CREATE TABLE ts_state(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(version);
        """)
    }
  }

  private static func measures(_ name: String) -> String {
    """
    CREATE TABLE \(name)(table_id INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
      is_multi INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(table_id, id), UNIQUE(table_id, is_multi, name))
      STRICT, WITHOUT ROWID
    """
  }

  /// Brings a file of layout 1 to the present one.
  private static func migrate(_ connection: Connection) throws(StoreError) {
    // Another process may have been faster.
    guard try check(connection) == 1 else { return }
    try connection.run(
      """
      \(measures("ts_measures_new"));
      INSERT INTO ts_measures_new(table_id, id, name, type) SELECT table_id, id, name, type FROM ts_measures;
      DROP TABLE ts_measures;
      ALTER TABLE ts_measures_new RENAME TO ts_measures;
      ALTER TABLE ts_series ADD COLUMN measure_name TEXT;
      PRAGMA user_version = \(version);
      """)
    for table in try TableCatalog.all(connection) { try makeViews(connection, table) }
  }

  /// The layout's version, nil for an empty file; throws if the file isn't a store.
  static func check(_ connection: Connection) throws(StoreError) -> Int64? {
    let application = try connection.integer("PRAGMA application_id")
    let found = try connection.integer("PRAGMA user_version")
    if application == 0, try connection.integer("SELECT count(*) FROM sqlite_schema") == 0 { return nil }
    guard application == applicationID else {
      throw StoreError(
        .notAStore, "\(connection.path) is another program's database; name another file with --store")
    }
    guard found <= version else {
      throw StoreError(
        .newerVersion,
        "\(connection.path) has layout \(found) of a newer trucksensor; this one knows layout \(version): update trucksensor"
      )
    }
    return found
  }

  /// Makes a table's own tables.
  static func makeTables(_ connection: Connection, table: Int64) throws(StoreError) {
    try connection.run(
      """
      CREATE TABLE ts_data_\(table)(series INTEGER NOT NULL, time INTEGER NOT NULL, PRIMARY KEY(series, time))
        STRICT, WITHOUT ROWID;
      CREATE TABLE ts_rollup_\(table)(series INTEGER NOT NULL, level INTEGER NOT NULL, time INTEGER NOT NULL,
        cells BLOB NOT NULL, PRIMARY KEY(series, level, time)) STRICT, WITHOUT ROWID;
      """)
  }

  /// Rebuilds a table's views, after a measure or dimension was added or widened.
  static func makeViews(_ connection: Connection, _ table: TableCatalog) throws(StoreError) {
    let name = quoted(table.name)
    let wideName = quoted(table.name + "_wide")
    try connection.run("DROP VIEW IF EXISTS \(name); DROP VIEW IF EXISTS \(wideName)")
    let dimensions = table.dimensions.enumerated().map { "s.d\($0 + 1) AS \(quoted($1)), " }.joined()
    let source =
      "FROM ts_series AS s CROSS JOIN ts_data_\(table.id) AS d ON d.series = s.id WHERE s.table_id = \(table.id)"
    let types = table.scalarTypes
    let multi = table.measures.filter(\.isMulti)
    func columns(_ scalar: MeasureInfo?) -> String {
      let scalars = types.map { type in
        (scalar.flatMap { $0.type == type ? cast($0) : nil } ?? "NULL")
          + " AS \(quoted("measure_value::\(type.rawValue.lowercased())"))"
      }
      return (scalars + multi.map { (scalar == nil ? cast($0) : "NULL") + " AS \(quoted($0.name))" }).joined(
        separator: ", ")
    }
    var parts = table.measures.filter { !$0.isMulti }.map { measure in
      "SELECT \(dimensions)\(literal(measure.name)) AS measure_name, d.time AS time, \(columns(measure)) \(source) "
        + "AND s.measure_name IS NULL AND d.m\(measure.id) IS NOT NULL"
    }
    if !multi.isEmpty {
      parts.append(
        "SELECT \(dimensions)s.measure_name AS measure_name, d.time AS time, \(columns(nil)) \(source) "
          + "AND s.measure_name IS NOT NULL")
    }
    let nothing = "SELECT \(dimensions)NULL AS measure_name, d.time AS time \(source) AND 0"
    try connection.run(
      "CREATE VIEW \(name) AS \(parts.isEmpty ? nothing : parts.joined(separator: " UNION ALL "))")
    let wide = table.wideMeasures.map { info in
      // A name can be a single measure's and a MULTI record's; no series has both.
      let same = table.measures.filter { $0.name == info.name && $0.type == info.type }.map(cast)
      return
        ", \(same.count == 1 ? same[0] : "coalesce(\(same.joined(separator: ", ")))") AS \(quoted(info.name))"
    }.joined()
    let measureName = multi.isEmpty ? "" : "s.measure_name AS measure_name, "
    try connection.run(
      "CREATE VIEW \(wideName) AS SELECT \(dimensions)\(measureName)d.time AS time\(wide) \(source)")
  }

  private static func cast(_ measure: MeasureInfo) -> String {
    // Whole numbers of DOUBLE measures are stored as integers, which take less space.
    measure.type == .double ? "CAST(d.m\(measure.id) AS REAL)" : "d.m\(measure.id)"
  }

  static func quoted(_ name: String) -> String { "\"" + name.replacing("\"", with: "\"\"") + "\"" }

  static func literal(_ text: String) -> String { "'" + text.replacing("'", with: "''") + "'" }
}

/// A measure of a table.
public struct MeasureInfo: Sendable, Hashable {
  let id: Int32
  /// Its name.
  public let name: String
  /// Its type; a BIGINT measure becomes DOUBLE with its first decimal.
  public internal(set) var type: MeasureType
  /// Whether it is a column of MULTI records.
  public internal(set) var isMulti = false
}

/// A table's name, retention, measures and dimensions.
struct TableCatalog {
  let id: Int64
  let name: String
  var memoryHours: Int64?
  var magneticDays: Int64?
  var takesLate: Bool
  var measures: [MeasureInfo] = []
  var dimensions: [String] = []

  /// The types of its single measures, each a column of Timestream's.
  var scalarTypes: [MeasureType] {
    MeasureType.allCases.filter { type in measures.contains { !$0.isMulti && $0.type == type } }
  }

  /// The columns of `…_wide`: a measure for each name, a single one before a MULTI record's.
  var wideMeasures: [MeasureInfo] {
    measures.filter { info in
      !info.isMulti || !measures.contains { $0.name == info.name && !$0.isMulti }
    }
  }

  /// The first moment within the magnetic store's days; nil if they are unlimited.
  func oldestMagnetic(at now: Int64) -> Int64? {
    magneticDays.map { now.saturatingSubtract($0.saturatingMultiply(24 * RollupLevel.hour)) }
  }

  /// The first moment within the memory store's hours; nil if late records are taken.
  func oldestTaken(at now: Int64) -> Int64? {
    takesLate ? nil : memoryHours.map { now.saturatingSubtract($0.saturatingMultiply(RollupLevel.hour)) }
  }

  /// The tables of a file, by name; of the attached database of that name, if one is given.
  static func all(_ connection: Connection, in database: String? = nil) throws(StoreError) -> [TableCatalog] {
    let schema = database.map { ", \(Schema.literal($0))" } ?? ""
    // Only writers migrate a file.
    let hasMulti =
      try connection.integer(
        "SELECT count(*) FROM pragma_table_info('ts_measures'\(schema)) WHERE name = 'is_multi'") > 0
    let database = database.map { Schema.quoted($0) + "." } ?? ""
    var tables: [TableCatalog] = []
    let rows = try Statement(
      connection,
      "SELECT id, name, memory_hours, magnetic_days, takes_late FROM \(database)ts_tables ORDER BY name")
    while try rows.step() {
      guard rows.integer(0) > 0 else {
        throw connection.damaged("the number of table '\(rows.text(1))' is out of range")
      }
      tables.append(
        TableCatalog(
          id: rows.integer(0), name: rows.text(1), memoryHours: rows.isNull(2) ? nil : rows.integer(2),
          magneticDays: rows.isNull(3) ? nil : rows.integer(3), takesLate: rows.integer(4) != 0))
    }
    for index in tables.indices {
      let measures = try Statement(
        connection,
        "SELECT id, name, type, \(hasMulti ? "is_multi" : "0") FROM \(database)ts_measures "
          + "WHERE table_id = \(tables[index].id) ORDER BY id")
      while try measures.step() {
        guard let type = MeasureType(rawValue: measures.text(2)) else {
          throw connection.damaged("the type of measure '\(measures.text(1))' is unknown")
        }
        guard let id = Int32(exactly: measures.integer(0)), id > 0 else {
          throw connection.damaged("the number of measure '\(measures.text(1))' is out of range")
        }
        tables[index].measures.append(
          MeasureInfo(id: id, name: measures.text(1), type: type, isMulti: measures.integer(3) != 0))
      }
      let dimensions = try Statement(
        connection,
        "SELECT name FROM \(database)ts_dimensions WHERE table_id = \(tables[index].id) ORDER BY id")
      while try dimensions.step() { tables[index].dimensions.append(dimensions.text(0)) }
    }
    return tables
  }
}
