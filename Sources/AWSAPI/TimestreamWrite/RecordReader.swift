import HTTP
import JSON
import Numbers
import Store
import Time

/// Reads the records of a WriteRecords request.
enum RecordReader {
  /// The maximum length of a dimension's name, in bytes ("Quotas").
  private static let dimensionName = 60

  /// The records with the common attributes added. Throws if one is malformed; Timestream rejects the whole request, too.
  static func records(_ list: JSONElement?, common: JSONElement?) throws(AWSFault) -> [Record] {
    let shared = try Attributes(common ?? .object([:]))
    var records: [Record] = []
    for (index, element) in (list?.elements ?? []).enumerated() {
      do throws(AWSFault) {
        records.append(try Attributes(element).record(shared))
      } catch {
        throw .validation("Records[\(index)]: \(error.message)")
      }
    }
    return records
  }

  /// Why Timestream rejects a record that the store would accept; nil if it accepts the record.
  static func problem(with record: Record) -> String? {
    for dimension in record.dimensions where dimension.name.utf8.count > dimensionName {
      return "The dimension name \(dimension.name.prefix(60))… exceeds \(dimensionName) bytes."
    }
    return nil
  }

  /// The attributes of a record, or those common to all records; a record's own take precedence.
  private struct Attributes {
    private let element: JSONElement
    private let dimensions: [Dimension]

    init(_ element: JSONElement) throws(AWSFault) {
      self.element = element
      dimensions = (element["Dimensions"]?.elements ?? []).map {
        Dimension($0["Name"]?.text ?? "", $0["Value"]?.text ?? "")
      }
    }

    func record(_ common: Attributes) throws(AWSFault) -> Record {
      func text(_ name: String) -> String? { (element[name] ?? common.element[name])?.text }
      for dimension in dimensions where common.dimensions.contains(where: { $0.name == dimension.name }) {
        throw .validation("the dimension \(dimension.name) is in CommonAttributes, too")
      }
      guard let name = text("MeasureName") else { throw .validation("MeasureName is missing") }
      guard let digits = text("Time") else { throw .validation("Time is missing") }
      let unit = text("TimeUnit") ?? "MILLISECONDS"
      let factor: Int64 =
        switch unit {
        case "SECONDS": 1_000_000_000
        case "MICROSECONDS": 1000
        case "NANOSECONDS": 1
        default: 1_000_000
        }
      guard let number = Int64(digits) else {
        throw .validation("Time '\(digits.prefix(60))' is not an integer number of \(unit.lowercased())")
      }
      guard let time = number.checkedMultiply(factor) else {
        throw .validation("Time '\(digits)' in \(unit.lowercased()) is outside the years 1677 to 2262")
      }
      let type = text("MeasureValueType") ?? "DOUBLE"
      let list = element["MeasureValues"] ?? common.element["MeasureValues"]
      var record = Record(
        dimensions: common.dimensions + dimensions, time: time, measures: [],
        version: (element["Version"] ?? common.element["Version"])?.integer.map(Int64.init) ?? 1)
      if type == "MULTI" {
        guard let values = list?.elements, !values.isEmpty else {
          throw .validation("a record of type MULTI needs MeasureValues")
        }
        guard text("MeasureValue") == nil else {
          throw .validation("a record of type MULTI has MeasureValues, not MeasureValue")
        }
        record.measureName = name
        for value in values {
          let type = value["Type"]?.text ?? ""
          guard type != "MULTI" else { throw .validation("a value of MeasureValues can't be MULTI") }
          record.measures.append(
            (value["Name"]?.text ?? "", try RecordReader.value(value["Value"]?.text ?? "", type)))
        }
      } else {
        guard type != "TIMESTAMP" else {
          throw .validation("only MULTI records have values of type TIMESTAMP")
        }
        guard list == nil else { throw .validation("MeasureValues need the MeasureValueType MULTI") }
        guard let value = text("MeasureValue") else { throw .validation("MeasureValue is missing") }
        record.measures = [(name, try RecordReader.value(value, type))]
      }
      return record
    }
  }

  private static func value(_ text: String, _ type: String) throws(AWSFault) -> MeasureValue {
    let value: MeasureValue? =
      switch type {
      case "BIGINT": Int64(text).map(MeasureValue.bigint)
      case "BOOLEAN": ["true": true, "false": false][text.lowercased()].map(MeasureValue.boolean)
      case "VARCHAR": .varchar(text)
      // The service takes times in the record's unit or as milliseconds; its clients send nanoseconds or milliseconds.
      case "TIMESTAMP": Int64(text).flatMap(nanoseconds).map(MeasureValue.timestamp)
      default: NumberText.double(text).map(MeasureValue.double)
      }
    guard let value else {
      throw .validation("the value '\(text.prefix(60))' is not a valid \(type)")
    }
    return value
  }

  /// A time in nanoseconds since 1970; its magnitude tells its unit.
  private static func nanoseconds(_ number: Int64) -> Int64? {
    switch number.magnitude {
    case 100_000_000_000_000_000...: number
    case 100_000_000_000_000...: number.checkedMultiply(1000)
    default: number.checkedMultiply(1_000_000)
    }
  }
}

/// The range of times that a table accepts.
struct IngestionWindow {
  private let oldest: Int64
  private let memory: Int64
  private let newest: Int64

  init(_ retention: Retention, now: Int64) {
    let hour: Int64 = 3_600_000_000_000
    func start(_ span: Int64?, _ unit: Int64) -> Int64 {
      span.map { now.saturatingSubtract($0.saturatingMultiply(unit)) } ?? .min
    }
    let magnetic = start(retention.magneticDays, 24 * hour)
    memory = start(retention.memoryHours, hour)
    oldest = retention.takesLate ? magnetic : max(memory, magnetic)
    newest = now.saturatingAdd(RecordLimits.future)
  }

  /// Why a time is rejected, in the service's words; nil if it is accepted.
  func problem(with time: Int64) -> String? {
    guard time < oldest || time > newest else { return nil }
    return
      "The record timestamp is outside the time range [\(Timestamp.iso8601(oldest)), \(Timestamp.iso8601(newest))) of the data ingestion window."
  }

  /// Whether a time is older than the memory store.
  func isLate(_ time: Int64) -> Bool { time < memory }
}

/// A rejected record.
struct RejectedRecord {
  let index: Int
  let reason: String
  var existingVersion: Int64?

  init(index: Int, reason: String) {
    self.index = index
    self.reason = reason
  }

  /// A store's rejection in the service's words.
  init(index: Int, _ rejection: Rejection, version: Int64) {
    self.index = index
    switch rejection.existingVersion {
    case version?:
      reason =
        "A record already exists with the same time, dimensions, measure name, and record version. A higher record version "
        + "must be specified in order to update the measure value. Specifying record version is supported by the latest SDKs."
    case let existing?:
      reason =
        "The record version \(version) is lower than the existing version \(existing). A higher version is required to "
        + "update the measure value."
      existingVersion = existing
    case nil: reason = "The record is not valid: \(rejection.reason)."
    }
  }

  func write(to json: inout JSONWriter) {
    json.object {
      $0.member("RecordIndex", index)
      $0.member("Reason", reason)
      if let existingVersion { $0.member("ExistingVersion", existingVersion) }
    }
  }
}

extension AWSFault {
  /// Some records were rejected; the others are stored.
  static func rejected(_ records: [RejectedRecord]) -> AWSFault {
    var fault = AWSFault(
      "RejectedRecordsException", status: 419,
      "One or more records have been rejected. See RejectedRecords for details.")
    fault.rejected = records
    return fault
  }
}
