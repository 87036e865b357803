import TimestreamSQL

/// The tables of one store, as its statements see them.
struct StoreCatalog: QueryCatalog {
  /// The database's name, from its file's.
  let database: String
  let databaseTables: [StoreReader.Table]

  var databases: [String] { [database] }
  var defaultDatabase: String { database }

  func tables(in database: String) -> [String]? {
    database == self.database ? databaseTables.map(\.name) : nil
  }

  /// A table, or `TABLE_wide` with a column a measure.
  func table(_ name: String, in database: String) -> QueryTable? {
    guard database == self.database else { return nil }
    if let table = databaseTables.first(where: { $0.name == name }) {
      let types = MeasureType.allCases.filter { type in table.measures.contains { $0.type == type } }
      return make(
        table, name,
        [.init("measure_name", .varchar, .measureName), .init("time", .timestamp, .time)]
          + types.map { .init("measure_value::\($0.rawValue.lowercased())", $0.sqlType, .measureValue) })
    }
    guard name.hasSuffix("_wide"), let table = databaseTables.first(where: { $0.name == name.dropLast(5) })
    else {
      return nil
    }
    return make(
      table, name,
      [.init("time", .timestamp, .time)] + table.measures.map { .init($0.name, $0.type.sqlType, .multi) })
  }

  private func make(_ table: StoreReader.Table, _ name: String, _ columns: [QueryTable.Column]) -> QueryTable
  {
    QueryTable(
      columns: table.dimensions.map { .init($0, .varchar, .dimension) } + columns,
      source: "\(Schema.quoted(database)).\(Schema.quoted(name))",
      measures: table.measures.map { ($0.name, $0.type.rawValue.lowercased()) })
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
    }
  }
}
