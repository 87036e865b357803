import Dispatch
import Files
import HTTP
import JSON
import Numbers
import Store
import Time

/// Timestream's write service over the stores of a folder: a database is a file, its tables are the store's.
///
/// All operations run one after another on a queue; the stores stay open between them.
final class TimestreamWriteService: Sendable {
  private let folder: String
  private let queue = DispatchQueue(label: "timestream-write")
  private let stores = OpenStores()

  /// The maximum number of stores that stay open.
  private static let storesKept = 16
  /// The default number of entries on a page, which is also the maximum.
  private static let pageEntries = 20

  /// @unchecked Sendable: used on the queue only.
  private final class OpenStores: @unchecked Sendable {
    var byName: [String: (store: LocalStore, inode: UInt64?)] = [:]
  }

  /// The service over the stores in the folder of the file `store`.
  init(store: String) { folder = Files.folder(of: store) }

  /// Whether this service has the operation.
  static func hasOperation(_ name: String) -> Bool { TimestreamShapes.operations[name] != nil }

  /// Runs an operation and answers on the queue.
  func answer(
    _ operation: String, _ request: SignedRequest, finish: @escaping @Sendable (HTTPResponse) -> Void
  ) throws(AWSFault) {
    let input = try AWSInput(request.http.body).members
    let region = request.region
    queue.async { [self] in
      var json = JSONWriter()
      do throws(AWSFault) {
        if let violation = Shape.violation(
          of: input, TimestreamShapes.operations[operation] ?? [], at: "")
        {
          throw .validation(violation)
        }
        try self.do(operation, Input(members: input, region: region), &json)
        if json.bytes.isEmpty { json.object { _ in } }
        finish(AWSServer.jsonResponse(json))
      } catch {
        finish(error.jsonResponse)
      }
    }
  }

  /// The members of a valid request.
  struct Input {
    let members: [String: JSONElement]
    let region: String

    subscript(_ name: String) -> JSONElement? {
      switch members[name] {
      case nil, .null?: nil
      case let value?: value
      }
    }
    var database: String { self["DatabaseName"]?.text ?? "" }
    var table: String { self["TableName"]?.text ?? "" }
  }

  private func `do`(_ operation: String, _ input: Input, _ json: inout JSONWriter) throws(AWSFault) {
    switch operation {
    case "CreateDatabase": try createDatabase(input, &json)
    case "DescribeDatabase": try describe(database: input.database, input, &json)
    case "UpdateDatabase": try updateDatabase(input, &json)
    case "DeleteDatabase": try deleteDatabase(input)
    case "ListDatabases": try listDatabases(input, &json)
    case "CreateTable": try createTable(input, &json)
    case "DescribeTable": try describe(table: input.table, try database(input.database), input, &json)
    case "UpdateTable": try updateTable(input, &json)
    case "DeleteTable": try deleteTable(input)
    case "ListTables": try listTables(input, &json)
    case "WriteRecords": try writeRecords(input, &json)
    case "ListTagsForResource": try listTags(input, &json)
    case "TagResource": try tag(input)
    case "UntagResource": try untag(input)
    default: throw .unknownOperation(operation)
    }
  }

  // MARK: Databases

  private func databases() throws(AWSFault) -> [String] {
    do throws(FileError) {
      guard Files.isFolder(folder) else { return [] }
      return try Files.list(folder, suffix: ".sqlite").map { String($0.dropLast(7)) }
    } catch {
      throw .failure("\(error)")
    }
  }

  /// The store of a database; throws if the database doesn't exist.
  private func database(_ name: String) throws(AWSFault) -> Database {
    guard !name.utf8.contains(UInt8(ascii: "/")), try databases().contains(name) else {
      stores.byName[name] = nil
      throw .notFound("The database \(name.prefix(256)) does not exist.")
    }
    return Database(name: name, store: try open(name))
  }

  private func open(_ name: String) throws(AWSFault) -> LocalStore {
    let path = LocalStore.path(ofDatabase: name, in: folder)
    // The file may have been replaced.
    if let known = stores.byName[name], known.inode == Files.stamp(of: path)?.inode { return known.store }
    if stores.byName.count >= Self.storesKept { stores.byName.removeAll() }
    let store = try AWSFault.store { () throws(StoreError) in try LocalStore(path: path) }
    stores.byName[name] = (store, Files.stamp(of: path)?.inode)
    return store
  }

  private func createDatabase(_ input: Input, _ json: inout JSONWriter) throws(AWSFault) {
    let name = input.database
    if try databases().contains(where: { $0.lowercased() == name.lowercased() }) {
      throw AWSFault("ConflictException", "The database \(name) already exists.")
    }
    let database = Database(name: name, store: try open(name))
    try database.setNotes(
      ResourceNotes(created: Timestamp.now, tags: Self.tags(input["Tags"]), key: input["KmsKeyId"]?.text))
    try describe(database: name, input, &json)
  }

  private func describe(database name: String, _ input: Input, _ json: inout JSONWriter) throws(AWSFault) {
    let database = try database(name)
    let (notes, count) = (try database.notes(), try database.tables().count)
    json.object { $0.object("Database") { database.write(notes, tables: count, input.region, to: &$0) } }
  }

  private func updateDatabase(_ input: Input, _ json: inout JSONWriter) throws(AWSFault) {
    let database = try database(input.database)
    var notes = try database.notes()
    notes.key = input["KmsKeyId"]?.text
    notes.updated = Timestamp.now
    try database.setNotes(notes)
    try describe(database: input.database, input, &json)
  }

  private func deleteDatabase(_ input: Input) throws(AWSFault) {
    let database = try database(input.database)
    if let table = try database.tables().first {
      throw .validation(
        "The database \(input.database) cannot be deleted because it contains tables, such as \(table); delete them first"
      )
    }
    stores.byName[input.database] = nil
    do throws(StoreError) {
      try database.store.deleteFile()
    } catch {
      throw .validation("The database \(input.database) cannot be deleted: \(error)")
    }
  }

  private func listDatabases(_ input: Input, _ json: inout JSONWriter) throws(AWSFault) {
    let page = try page(of: try databases(), input)
    var entries: [(Database, ResourceNotes, Int)] = []
    for name in page.entries {
      // A file that isn't a store isn't a database.
      guard let database = try? database(name), let notes = try? database.notes() else { continue }
      entries.append((database, notes, try database.tables().count))
    }
    json.object {
      $0.array("Databases") {
        for (database, notes, count) in entries {
          $0.object { database.write(notes, tables: count, input.region, to: &$0) }
        }
      }
      if let next = page.next { $0.member("NextToken", next) }
    }
  }

  /// A page of the sorted names and the token of the next page, which is the last name on this one.
  private func page(of names: [String], _ input: Input) throws(AWSFault) -> (entries: [String], next: String?)
  {
    var rest = names.sorted()[...]
    if let token = input["NextToken"]?.text {
      guard token.utf8.count <= 600 else { throw .validation("The NextToken is invalid.") }
      rest = rest.drop { $0 <= token }
    }
    let entries = Array(rest.prefix(input["MaxResults"]?.integer ?? Self.pageEntries))
    return (entries, entries.count < rest.count ? entries.last : nil)
  }

  // MARK: Tables

  private func createTable(_ input: Input, _ json: inout JSONWriter) throws(AWSFault) {
    let database = try database(input.database)
    if try database.tables().contains(where: { $0.lowercased() == input.table.lowercased() }) {
      throw AWSFault("ConflictException", "The table \(input.table) already exists.")
    }
    // Timestream's defaults, for what the caller doesn't set.
    var retention = Retention(memoryHours: 6, magneticDays: 73_000, takesLate: false)
    retention.change(input)
    do {
      try database.store.createTable(input.table, retention)
    } catch let error as StoreError where error.kind == .invalid {
      throw .validation(error.message)
    } catch {
      throw .failure("\(error)")
    }
    var notes = ResourceNotes(created: Timestamp.now, tags: Self.tags(input["Tags"]))
    notes.change(input)
    try database.setNotes(notes, table: input.table)
    try describe(table: input.table, database, input, &json)
  }

  private func updateTable(_ input: Input, _ json: inout JSONWriter) throws(AWSFault) {
    let database = try database(input.database)
    var retention = try database.retention(of: input.table)
    retention.change(input)
    var notes = try database.notes(table: input.table)
    notes.change(input)
    notes.updated = Timestamp.now
    try AWSFault.store { () throws(StoreError) in
      try database.store.setRetention(retention, of: input.table)
    }
    try database.setNotes(notes, table: input.table)
    try describe(table: input.table, database, input, &json)
  }

  private func describe(
    table: String, _ database: Database, _ input: Input, _ json: inout JSONWriter
  ) throws(AWSFault) {
    let retention = try database.retention(of: table)
    let notes = try database.notes(table: table)
    json.object {
      $0.object("Table") { database.write(table, retention, notes, input.region, to: &$0) }
    }
  }

  private func deleteTable(_ input: Input) throws(AWSFault) {
    let database = try database(input.database)
    _ = try database.retention(of: input.table)
    do {
      try database.store.deleteTable(input.table)
    } catch {
      throw .failure("\(error)")
    }
    try database.setNotes(nil, table: input.table)
  }

  private func listTables(_ input: Input, _ json: inout JSONWriter) throws(AWSFault) {
    var found: [String: (database: Database, table: String)] = [:]
    if let name = input["DatabaseName"]?.text {
      let database = try database(name)
      for table in try database.tables() { found["\(name)/\(table)"] = (database, table) }
    } else {
      for name in try databases() {
        guard let database = try? database(name) else { continue }
        for table in try database.tables() { found["\(name)/\(table)"] = (database, table) }
      }
    }
    let page = try page(of: Array(found.keys), input)
    var entries: [(Database, String, Retention, ResourceNotes)] = []
    for key in page.entries {
      guard let (database, table) = found[key] else { continue }
      entries.append(
        (database, table, try database.retention(of: table), try database.notes(table: table)))
    }
    json.object {
      $0.array("Tables") {
        for (database, table, retention, notes) in entries {
          $0.object { database.write(table, retention, notes, input.region, to: &$0) }
        }
      }
      if let next = page.next { $0.member("NextToken", next) }
    }
  }

  // MARK: Records

  private func writeRecords(_ input: Input, _ json: inout JSONWriter) throws(AWSFault) {
    let database = try database(input.database)
    let retention = try database.retention(of: input.table)
    let records = try RecordReader.records(input["Records"], common: input["CommonAttributes"])
    let now = Timestamp.now
    let window = IngestionWindow(retention, now: now)
    var rejected: [RejectedRecord] = []
    var requests: [(index: Int, request: WriteRequest)] = []
    for (index, record) in records.enumerated() {
      if let reason = window.problem(with: record.time) ?? RecordReader.problem(with: record) {
        rejected.append(RejectedRecord(index: index, reason: reason))
      } else {
        requests.append((index, WriteRequest(table: input.table, record: record, isStrict: true)))
      }
    }
    let refused = try AWSFault.store { () throws(StoreError) in
      try database.store.write(requests.map(\.request))
    }
    for rejection in refused {
      guard let (index, request) = requests[ifPresent: rejection.index] else { continue }
      rejected.append(RejectedRecord(index: index, rejection, version: request.record.version))
    }
    guard rejected.isEmpty else {
      throw .rejected(rejected.sorted { $0.index < $1.index })
    }
    let late = records.count { window.isLate($0.time) }
    json.object {
      $0.object("RecordsIngested") {
        $0.member("Total", records.count)
        $0.member("MemoryStore", records.count - late)
        $0.member("MagneticStore", late)
      }
    }
  }

  // MARK: Tags

  static func tags(_ list: JSONElement?) -> [String: String] {
    var tags: [String: String] = [:]
    for tag in list?.elements ?? [] { tags[tag["Key"]?.text ?? ""] = tag["Value"]?.text ?? "" }
    return tags
  }

  /// The database and table that a request's ARN names: `arn:aws:timestream:REGION:ACCOUNT:database/D/table/T`.
  private func resource(_ input: Input) throws(AWSFault) -> (database: Database, table: String?) {
    let arn = input["ResourceARN"]?.text ?? ""
    let parts = arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
    let path = parts.count == 6 ? parts[5].split(separator: "/", omittingEmptySubsequences: false) : []
    guard parts.prefix(3).map(String.init) == ["arn", "aws", "timestream"], path.first == "database",
      path.count == 2 || path.count == 4 && path[2] == "table"
    else { throw .validation("The ResourceARN is not that of a database or table.") }
    let database = try database(String(path[1]))
    guard path.count == 4 else { return (database, nil) }
    _ = try database.retention(of: String(path[3]))
    return (database, String(path[3]))
  }

  private func listTags(_ input: Input, _ json: inout JSONWriter) throws(AWSFault) {
    let (database, table) = try resource(input)
    let tags = try database.notes(table: table).tags
    json.object {
      $0.array("Tags") {
        for (key, value) in tags.sorted(by: { $0.key < $1.key }) {
          $0.object {
            $0.member("Key", key)
            $0.member("Value", value)
          }
        }
      }
    }
  }

  private func tag(_ input: Input) throws(AWSFault) {
    let (database, table) = try resource(input)
    var notes = try database.notes(table: table)
    notes.tags.merge(Self.tags(input["Tags"])) { _, new in new }
    guard notes.tags.count <= 200 else {
      throw AWSFault("ServiceQuotaExceededException", "A resource has at most 200 tags.")
    }
    try database.setNotes(notes, table: table)
  }

  private func untag(_ input: Input) throws(AWSFault) {
    let (database, table) = try resource(input)
    var notes = try database.notes(table: table)
    for key in input["TagKeys"]?.elements ?? [] { notes.tags[key.text ?? ""] = nil }
    try database.setNotes(notes, table: table)
  }
}

extension Retention {
  /// Applies the settings of a request.
  fileprivate mutating func change(_ input: TimestreamWriteService.Input) {
    if let properties = input["RetentionProperties"] {
      memoryHours = properties["MemoryStoreRetentionPeriodInHours"]?.integer.map(Int64.init)
      magneticDays = properties["MagneticStoreRetentionPeriodInDays"]?.integer.map(Int64.init)
    }
    if let properties = input["MagneticStoreWriteProperties"] {
      takesLate = properties["EnableMagneticStoreWrites"]?.isTrue ?? false
    }
  }
}

extension AWSFault {
  /// The resource doesn't exist.
  fileprivate static func notFound(_ message: String) -> AWSFault {
    AWSFault("ResourceNotFoundException", message)
  }

  /// An error that isn't the caller's fault.
  static func failure(_ message: String) -> AWSFault {
    AWSFault("InternalServerException", status: 500, message)
  }

  /// Runs work on a store, whose errors aren't the caller's fault.
  static func store<Result>(_ work: () throws(StoreError) -> Result) throws(AWSFault) -> Result {
    do throws(StoreError) {
      return try work()
    } catch {
      throw .failure(error.message)
    }
  }
}
