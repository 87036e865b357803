import JSON
import Numbers
import Store

/// AWS's `timestream` action: each attribute of the rule's result becomes a measure.
public struct TimestreamAction: Sendable {
  /// The units of a timestamp.
  enum Unit: String, CaseIterable, Sendable {
    case seconds = "SECONDS"
    case milliseconds = "MILLISECONDS"
    case microseconds = "MICROSECONDS"
    case nanoseconds = "NANOSECONDS"

    var nanoseconds: Int64 {
      switch self {
      case .seconds: 1_000_000_000
      case .milliseconds: 1_000_000
      case .microseconds: 1000
      case .nanoseconds: 1
      }
    }
  }

  /// The database, `sensorDB`.
  public let database: Template
  /// The table, `truck01_sensors`.
  public let table: Template
  /// The dimensions, which identify the series of the points.
  public let dimensions: [(name: String, value: Template)]
  /// When the points were measured; if nil, the time at which the engine received the message.
  public let timestamp: Template?
  let unit: Unit
  /// Whether to store as AWS does: a value whose type differs from its measure's is rejected, and the attributes that the
  /// dimensions and the timestamp read are stored as measures, too. Only this engine has the member.
  public let isStrict: Bool
  /// Attributes that are already stored as dimensions or time: too few for a set to pay off.
  let taken: [String]

  /// Why the result can't be stored.
  struct Failure: Error {
    let message: String
  }

  /// The name of the database and the request to write, for a message and the rule's result.
  func request(
    _ output: [UInt8], _ evaluator: StatementEvaluator, _ statement: CompiledStatement, _ message: Message,
    strict: Bool
  ) throws(Failure) -> (database: String, request: WriteRequest) {
    let templates = evaluator.templates(statement, message)
    func text(_ name: String, _ template: Template) throws(Failure) -> String {
      do throws(LimitError) {
        return try templates.text(template)
      } catch {
        throw Failure(message: "\(name): \(error)")
      }
    }
    let strict = strict || isStrict
    var record = Record(
      dimensions: [], time: Int64(message.receivedMilliseconds).saturatingMultiply(1_000_000), measures: [])
    for dimension in dimensions {
      record.dimensions.append(
        Dimension(dimension.name, try text("the dimension '\(dimension.name)'", dimension.value)))
    }
    if let timestamp { record.time = try time(text("the timestamp", timestamp)) }
    guard let attributes = evaluator.attributes(of: output, message) ?? Self.attributes(of: output) else {
      throw Failure(message: "the result is not a JSON object")
    }
    record.measures = try Self.measures(attributes, without: strict ? [] : taken)
    guard !record.measures.isEmpty else { throw Failure(message: "the result has no attribute to store") }
    guard record.measures.count <= RecordLimits.measures else {
      throw Failure(
        message: "the result has \(record.measures.count) attributes; \(RecordLimits.measures) are allowed")
    }
    for (name, _) in record.measures {
      if let problem = RecordLimits.problem(withName: name) { throw Failure(message: problem) }
    }
    func name(_ place: String, _ template: Template) throws(Failure) -> String {
      let name = try text(place, template)
      // A constant was checked when its document was read.
      if !template.isConstant, let problem = RecordLimits.problem(withTable: name) {
        throw Failure(message: problem)
      }
      return name
    }
    let database = try name("databaseName", database)
    return (
      database, WriteRequest(table: try name("tableName", table), record: record, isStrict: strict)
    )
  }

  private func time(_ text: String) throws(Failure) -> Int64 {
    guard !text.isEmpty else {
      throw Failure(
        message:
          "the timestamp '\(timestamp?.source ?? "")' has no value; the message may lack what it reads, or have null there"
      )
    }
    guard let value = Int64(text) else {
      throw Failure(
        message: "the timestamp '\(text)' is not a whole number of \(unit.rawValue); use cast(… AS Int)")
    }
    let (time, overflow) = value.multipliedReportingOverflow(by: unit.nanoseconds)
    guard !overflow else {
      throw Failure(message: "the timestamp '\(text)' is out of range in \(unit.rawValue)")
    }
    return time
  }

  /// The attributes of a document that isn't a statement's result, such as an error action's message.
  static func attributes(of document: [UInt8]) -> [(name: String, value: Value)]? {
    // Like the action, 2015-10-08 tells 12.0 from 12 by how they are written.
    guard case .object(let object)? = try? JSONDocument.value(of: document) else { return nil }
    return zip(object.keys, object.values).map { ($0, $1) }
  }

  /// Attributes with the types that AWS gives them ("Timestream rule action", "Timestream record content"): a number with
  /// a point is DOUBLE, one without BIGINT, a string VARCHAR; objects and arrays become JSON text. Null isn't stored.
  static func measures(
    _ attributes: [(name: String, value: Value)], without taken: [String]
  ) throws(Failure) -> [(name: String, value: MeasureValue)] {
    var measures: [(name: String, value: MeasureValue)] = []
    measures.reserveCapacity(attributes.count)
    for (name, value) in attributes where !taken.contains(name) {
      switch value {
      case .null, .undefined: continue
      case .bytes(let bytes): measures.append((name, .varchar(String(decoding: bytes, as: UTF8.self))))
      case .boolean(let flag): measures.append((name, .boolean(flag)))
      case .string(let text): measures.append((name, .varchar(text)))
      case .array, .object:
        guard let text = value.asString else { throw Failure(message: "'\(name)' is too long to store") }
        measures.append((name, .varchar(text)))
      case .number(let number):
        if number.isInt {
          guard let whole = Int64(number.text) else {
            throw Failure(message: "'\(name)' is \(number.text), beyond BIGINT")
          }
          measures.append((name, .bigint(whole)))
        } else {
          measures.append((name, .double(number.decimal.double)))
        }
      }
    }
    return measures
  }
}

extension DocumentReader {
  mutating func timestream(
    variables: [String], role actions: inout ActionReader
  ) throws(RuleError) -> TimestreamAction {
    _ = try actions.role(of: &self)
    guard let database = try template("databaseName", variables: variables) else {
      throw error("databaseName", "is missing")
    }
    guard let table = try template("tableName", variables: variables) else {
      throw error("tableName", "is missing")
    }
    for (name, template) in [("databaseName", database), ("tableName", table)] where template.isConstant {
      if let problem = RecordLimits.problem(withTable: template.source) { throw error(name, problem) }
    }
    var taken: Set<String> = []
    var dimensions: [(name: String, value: Template)] = []
    guard let documents = try objects("dimensions"), !documents.isEmpty else {
      throw error("dimensions", "needs at least one dimension")
    }
    for document in documents {
      var document = document
      guard let name = try document.string("name") else { throw document.error("name", "is missing") }
      if let problem = RecordLimits.problem(withName: name) { throw document.error("name", problem) }
      if dimensions.contains(where: { $0.name == name }) {
        throw document.error("name", "'\(name)' appears twice")
      }
      guard let value = try document.template("value", variables: variables) else {
        throw document.error("value", "is missing")
      }
      try document.finish()
      taken.formUnion(value.attributes)
      dimensions.append((name, value))
    }
    guard dimensions.count <= RecordLimits.dimensions else {
      throw error("dimensions", "has more than \(RecordLimits.dimensions)")
    }
    var timestamp: Template?
    var unit = TimestreamAction.Unit.milliseconds
    if var document = try object("timestamp") {
      guard let value = try document.template("value", variables: variables) else {
        throw document.error("value", "is missing")
      }
      timestamp = value
      taken.formUnion(value.attributes)
      if let name = try document.string("unit") {
        guard let known = TimestreamAction.Unit(rawValue: name) else {
          let all = TimestreamAction.Unit.allCases.map(\.rawValue).joined(separator: ", ")
          throw document.error("unit", "is '\(name)', not one of \(all)")
        }
        unit = known
      }
      try document.finish()
    }
    let isStrict = try boolean("strictTypes") ?? false
    try finish()
    return TimestreamAction(
      database: database, table: table, dimensions: dimensions, timestamp: timestamp, unit: unit,
      isStrict: isStrict,
      taken: taken.sorted())
  }
}

extension Template {
  /// The attributes of the payload that its expressions read.
  var attributes: Set<String> {
    var names: Set<String> = []
    for expression in expressions { expression.collectAttributes(into: &names) }
    return names
  }
}

extension Expression {
  fileprivate func collectAttributes(into names: inout Set<String>) {
    switch self {
    case .path(let path): if let first = path.first { names.insert(first) }
    case .member(let operand, _), .cast(let operand, _), .negate(let operand), .not(let operand):
      operand.collectAttributes(into: &names)
    case .call(_, let arguments), .array(let arguments):
      for argument in arguments { argument.collectAttributes(into: &names) }
    case .binary(_, let left, let right):
      left.collectAttributes(into: &names)
      right.collectAttributes(into: &names)
    case .choice(let subject, let cases, let otherwise):
      subject.collectAttributes(into: &names)
      for branch in cases {
        branch.when.collectAttributes(into: &names)
        branch.then.collectAttributes(into: &names)
      }
      otherwise?.collectAttributes(into: &names)
    case .object(let members):
      for member in members {
        member.key.collectAttributes(into: &names)
        member.value.collectAttributes(into: &names)
      }
    case .literal, .variable, .row, .payload, .query: break
    }
  }
}
