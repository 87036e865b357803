import JSON
import Numbers
import Store
import Time

/// Properties of a database or table that the store has no columns for; kept as JSON beside its tables.
struct ResourceNotes {
  /// Nanoseconds since 1970.
  var created: Int64
  var updated: Int64
  var tags: [String: String]
  var key: String?
  /// `MagneticStoreRejectedDataLocation` and `Schema` as received.
  var location: JSONElement?
  var schema: JSONElement?

  init(created: Int64, tags: [String: String] = [:], key: String? = nil) {
    (self.created, updated) = (created, created)
    self.tags = tags
    self.key = key
  }

  init(_ element: JSONElement) {
    created = element["created"]?.integer.map(Int64.init) ?? 0
    updated = element["updated"]?.integer.map(Int64.init) ?? created
    tags = element["tags"]?.texts ?? [:]
    key = element["key"]?.text
    location = element["location"]
    schema = element["schema"]
  }

  /// Applies the settings of a request.
  mutating func change(_ input: TimestreamWriteService.Input) {
    if let properties = input["MagneticStoreWriteProperties"] {
      location = properties["MagneticStoreRejectedDataLocation"]
    }
    schema = input["Schema"] ?? schema
  }

  var text: String {
    var json = JSONWriter()
    json.object {
      $0.member("created", created)
      $0.member("updated", updated)
      $0.member("tags", tags)
      $0.member("key", ifAny: key)
      for (name, value) in [("location", location), ("schema", schema)] {
        guard let value else { continue }
        $0.key(name)
        $0.value(value)
      }
    }
    return json.text
  }
}

/// An existing database.
struct Database {
  let name: String
  let store: LocalStore

  func tables() throws(AWSFault) -> [String] {
    try AWSFault.store { () throws(StoreError) in try store.tableNames() }
  }

  /// How long a table keeps its records; throws if the table doesn't exist.
  func retention(of table: String) throws(AWSFault) -> Retention {
    guard let found = try AWSFault.store({ () throws(StoreError) in try store.retention(of: table) }) else {
      throw AWSFault("ResourceNotFoundException", "The table \(table.prefix(256)) does not exist.")
    }
    return found
  }

  private static func state(_ table: String?) -> String { table.map { "aws table \($0)" } ?? "aws database" }

  func notes(table: String? = nil) throws(AWSFault) -> ResourceNotes {
    let text = try AWSFault.store { () throws(StoreError) in try store.state(Self.state(table)) }
    guard let text, let element = try? JSONElement(Array(text.utf8)) else { return ResourceNotes(created: 0) }
    return ResourceNotes(element)
  }

  func setNotes(_ notes: ResourceNotes?, table: String? = nil) throws(AWSFault) {
    try AWSFault.store { () throws(StoreError) in try store.setState(Self.state(table), notes?.text ?? "{}") }
  }

  /// Writes the members of a `Database`.
  func write(_ notes: ResourceNotes, tables: Int, _ region: String, to json: inout JSONWriter) {
    json.member("Arn", arn(region))
    json.member("DatabaseName", name)
    json.member("TableCount", tables)
    json.member(
      "KmsKeyId",
      notes.key ?? "arn:aws:kms:\(region):\(RESTRequest.account):key/default_key")
    json.write(notes)
  }

  /// Writes the members of a `Table`. The longest retention stands for an unlimited one.
  func write(
    _ table: String, _ retention: Retention, _ notes: ResourceNotes, _ region: String,
    to json: inout JSONWriter
  ) {
    json.member("Arn", arn(region) + "/table/\(table)")
    json.member("TableName", table)
    json.member("DatabaseName", name)
    json.member("TableStatus", "ACTIVE")
    json.object("RetentionProperties") {
      $0.member("MemoryStoreRetentionPeriodInHours", retention.memoryHours ?? 8766)
      $0.member("MagneticStoreRetentionPeriodInDays", retention.magneticDays ?? 73_000)
    }
    json.write(notes)
    json.object("MagneticStoreWriteProperties") {
      $0.member("EnableMagneticStoreWrites", retention.takesLate)
      if let location = notes.location {
        $0.key("MagneticStoreRejectedDataLocation")
        $0.value(location)
      }
    }
    json.key("Schema")
    if let schema = notes.schema {
      json.value(schema)
    } else {
      json.object { $0.array("CompositePartitionKey") { $0.object { $0.member("Type", "MEASURE") } } }
    }
  }

  private func arn(_ region: String) -> String {
    "arn:aws:timestream:\(region):\(RESTRequest.account):database/\(name)"
  }
}

extension JSONWriter {
  fileprivate mutating func write(_ notes: ResourceNotes) {
    member("CreationTime", Double(notes.created / 1_000_000) / 1000)
    member("LastUpdatedTime", Double(notes.updated / 1_000_000) / 1000)
  }
}
