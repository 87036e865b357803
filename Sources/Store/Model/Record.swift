import JSON
import Numbers
import Time

/// A name and a text that tell a series apart, such as the device.
public struct Dimension: Sendable, Hashable {
  /// The dimension's name, a column of the table.
  public let name: String
  /// Its value.
  public let value: String

  /// A dimension.
  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }

  /// The dimensions as a JSON object, sorted by name; they identify a series. A MULTI record's measure name stands
  /// among them; no dimension can have this name.
  static func json(_ dimensions: [Dimension], measureName: String? = nil) -> String {
    let measureName = measureName.map { [Dimension(Schema.measureName, $0)] } ?? []
    var json = JSONWriter()
    json.object {
      for dimension in (dimensions + measureName).sorted(by: { $0.name < $1.name }) {
        $0.member(dimension.name, dimension.value)
      }
    }
    return json.text
  }
}

/// The values of one series at one time.
///
/// Without a `measureName` each value is a single-measure record of Timestream's, found by statements under its own measure
/// name; with one all of them are a MULTI record, each a column of its own.
public struct Record: Sendable {
  /// In any order; no name twice.
  public var dimensions: [Dimension]
  /// A MULTI record's measure name.
  public var measureName: String?
  /// Nanoseconds since 1970.
  public var time: Int64
  /// At least one; no name twice.
  public var measures: [(name: String, value: MeasureValue)]
  /// A value that differs from the stored one replaces it only with a higher version.
  public var version: Int64

  /// A record of version 1.
  public init(
    dimensions: [Dimension], measureName: String? = nil, time: Int64,
    measures: [(name: String, value: MeasureValue)], version: Int64 = 1
  ) {
    self.dimensions = dimensions
    self.measureName = measureName
    self.time = time
    self.measures = measures
    self.version = version
  }
}

/// Why a record was rejected (Timestream's `RejectedRecord`).
public struct Rejection: Sendable, Hashable {
  /// The record's place among those written, from 0.
  public let index: Int
  /// The reason, a sentence.
  public let reason: String
  /// The version of the stored record that stands in the way.
  public let existingVersion: Int64?
  /// Whether its time is outside what the store accepts: then all readings of that time are refused, whatever they say.
  public var isAboutTime: Bool { reason.hasPrefix(Self.timeReason) }

  /// How each reason about a time begins.
  static let timeReason = "its time"

  package init(index: Int, reason: String, existingVersion: Int64? = nil) {
    self.index = index
    self.reason = reason
    self.existingVersion = existingVersion
  }
}

/// A batch of records and where they go.
public struct WriteRequest: Sendable {
  /// The table; it is made if it isn't there.
  public let table: String
  /// The record.
  public let record: Record
  /// Whether a value whose type differs from its measure's is refused, as on AWS. Otherwise it is kept if that loses
  /// nothing.
  public let isStrict: Bool

  /// A record for a table.
  public init(table: String, record: Record, isStrict: Bool = false) {
    self.table = table
    self.record = record
    self.isStrict = isStrict
  }
}

/// The limits of names and records, as Timestream's "Quotas" page has them.
public enum RecordLimits {
  /// Measures of one series at one time: records in one request.
  public static let measures = 100
  /// Measures in one MULTI record.
  public static let recordMeasures = 256
  /// Dimensions of one record.
  public static let dimensions = 128
  /// Bytes of a name.
  public static let name = 256
  /// Bytes of a text value.
  public static let text = 2048
  /// Different measures of one table: fewer than Timestream's 8 192, since each is a column here.
  public static let tableMeasures = 400
  /// Different measures of one table's MULTI records ("Measures per multi-measure table").
  public static let multiMeasures = 1024
  /// The times of readings, nanoseconds since 1970, up to the year 2115: sums of any two and three months, and differences,
  /// fit in 64 bits. Only a damaged file has others; charts leave them out, and `LocalStore.verify` reports them.
  package static let times: Range<Int64> = 0..<(1 << 62) - (1 << 53)
  /// How far ahead of the clock a record's time may be, in nanoseconds: 15 minutes.
  public static let future: Int64 = 900_000_000_000

  /// Why `name` can't be a dimension's or measure's name; nil if it can ("Naming constraints").
  public static func problem(withName name: String) -> String? {
    if name.isEmpty { return "an empty name" }
    if name.utf8.count > Self.name {
      return "the name '\(name.prefix(20))…' is longer than \(Self.name) bytes"
    }
    // This runs for every point: most names begin with a letter that no reserved name begins with.
    if let first = name.utf8.first.map({ $0 | 0x20 }),
      first == UInt8(ascii: "t") || first == UInt8(ascii: "m")
    {
      let lowercase = name.lowercased()
      if lowercase == "time" || lowercase == Schema.measureName || lowercase.hasPrefix("measure_value")
        || lowercase.hasPrefix("ts_")
      {
        return "the name '\(name)' is reserved"
      }
    }
    if name.utf8.contains(where: { $0 == UInt8(ascii: ":") || $0 < 0x20 }) {
      return "the name '\(name)' has a colon or a control character"
    }
    return nil
  }

  /// Why `name` can't be a database's or table's name; nil if it can.
  public static func problem(withTable name: String) -> String? {
    let isPlain = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
        true
      default: false
      }
    }
    guard isPlain, (3...256).contains(name.utf8.count), name.utf8.first != UInt8(ascii: ".") else {
      return "'\(name)' is not a valid table name: 3 to 256 letters, digits, '_', '-' and '.'"
    }
    let lowercase = name.lowercased()
    if lowercase.hasPrefix("ts_") || lowercase.hasPrefix("sqlite_") || lowercase.hasSuffix("_wide") {
      return "'\(name)' is a name that the store uses itself"
    }
    return nil
  }

  /// Why a server can't keep a record; nil if it can. The local store checks names only when they are new.
  static func problem(withRequest request: WriteRequest, now: Int64) -> String? {
    if let problem = problem(withTable: request.table) ?? problem(with: request.record, now: now) {
      return problem
    }
    if request.record.measureName != nil { return "only the local store keeps MULTI records" }
    var names: Set<String> = []
    for name in request.record.dimensions.map(\.name) + request.record.measures.map(\.name) {
      if let problem = problem(withName: name) { return problem }
      guard names.insert(name).inserted else { return "it has '\(name)' twice" }
    }
    return nil
  }

  /// Why a record can't be stored by any store; nil if it can. `now` is in nanoseconds.
  static func problem(with record: Record, now: Int64) -> String? {
    if record.measures.isEmpty { return "it has no measure" }
    let most = record.measureName == nil ? measures : recordMeasures
    if record.measures.count > most {
      return "it has \(record.measures.count) measures; \(most) are allowed"
    }
    if record.dimensions.count > dimensions {
      return "it has \(record.dimensions.count) dimensions; \(dimensions) are allowed"
    }
    if record.time < times.lowerBound { return "\(Rejection.timeReason) is before 1970" }
    if record.time > now.saturatingAdd(future) || record.time >= times.upperBound {
      return
        "\(Rejection.timeReason), \(Timestamp.text(record.time)), is more than 15 minutes ahead of the clock"
    }
    if let name = record.measureName {
      if name.isEmpty { return "its measure name is empty" }
      if name.utf8.count > Self.name { return "its measure name is longer than \(Self.name) bytes" }
    }
    for dimension in record.dimensions {
      if dimension.value.isEmpty { return "its dimension '\(dimension.name)' is empty" }
      if dimension.value.utf8.count > text {
        return "its dimension '\(dimension.name)' is longer than \(text) bytes"
      }
    }
    for (name, value) in record.measures {
      switch value {
      case .double(let number) where !number.isFinite:
        return "its measure '\(name)' is \(number), which is not a number"
      case .varchar(let value) where value.utf8.count > text:
        return "its measure '\(name)' is longer than \(text) bytes"
      case .timestamp(let time) where !times.contains(time):
        return "its measure '\(name)' is before 1970 or after 2115"
      case .timestamp where record.measureName == nil:
        return "its measure '\(name)' is a TIMESTAMP, which only MULTI records have"
      default: break
      }
    }
    return nil
  }
}
