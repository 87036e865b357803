import TimestreamSQL

/// The databases of a store's folder, as its statements see them; another one than the store's own is opened when it is named.
final class StoreCatalog: QueryCatalog {
  private let reader: StoreReader
  private var known: [String: [StoreReader.Table]]
  /// Why another database can't be read.
  private(set) var failure: StoreError?

  /// `tables` are those of the reader's own database.
  init(_ reader: StoreReader, tables: [StoreReader.Table]) {
    self.reader = reader
    known = [reader.databaseName: tables]
  }

  var databases: [String] { reader.databases }
  var defaultDatabase: String { reader.databaseName }

  func tables(in database: String) -> [String]? { content(of: database)?.map(\.name) }

  private func content(of database: String) -> [StoreReader.Table]? {
    if let tables = known[database] { return tables }
    do throws(StoreError) {
      let tables = try reader.tables(inOther: database)
      known[database] = tables
      return tables
    } catch {
      failure = error
      return nil
    }
  }

  /// A table, or `TABLE_wide` with a column for each measure.
  func table(_ name: String, in database: String) -> QueryTable? {
    guard let tables = content(of: database) else { return nil }
    if let table = tables.first(where: { $0.name == name }) {
      return make(
        table, name, database,
        [Self.measureName, .init("time", .timestamp, .time)]
          + table.scalarTypes.map {
            .init("measure_value::\($0.rawValue.lowercased())", $0.sqlType, .measureValue)
          }
          + table.measures.filter(\.isMulti).map { .init($0.name, $0.type.sqlType, .multi) },
        rollups: TableRollups.of(table, in: database))
    }
    guard name.hasSuffix("_wide"), let table = tables.first(where: { $0.name == name.dropLast(5) })
    else {
      return nil
    }
    let measureName = table.measures.contains(where: \.isMulti) ? [Self.measureName] : []
    return make(
      table, name, database,
      measureName + [.init("time", .timestamp, .time)]
        + table.wideMeasures.map { .init($0.name, $0.type.sqlType, .multi) })
  }

  private static let measureName = QueryTable.Column(Schema.measureName, .varchar, .measureName)

  /// The measure names of a table's MULTI records.
  private func multiNames(of table: StoreReader.Table, in database: String) -> [String] {
    guard table.measures.contains(where: \.isMulti) else { return [] }
    do throws(StoreError) {
      return try reader.multiNames(of: table, in: database)
    } catch {
      failure = error
      return []
    }
  }

  private func make(
    _ table: StoreReader.Table, _ name: String, _ database: String, _ columns: [QueryTable.Column],
    rollups: QueryTable.Rollups? = nil
  ) -> QueryTable {
    QueryTable(
      columns: table.dimensions.map { .init($0, .varchar, .dimension) } + columns,
      source: "\(Schema.quoted(database)).\(Schema.quoted(name))",
      measures: table.measures.filter { !$0.isMulti }.map { ($0.name, $0.type.rawValue.lowercased()) }
        + multiNames(of: table, in: database).map { ($0, "multi") },
      rollups: rollups)
  }
}

extension MeasureType {
  /// The type of its values in statements.
  var sqlType: SQLType {
    switch self {
    case .bigint: .bigint
    case .double: .double
    case .boolean: .boolean
    case .varchar: .varchar
    case .timestamp: .timestamp
    }
  }
}
