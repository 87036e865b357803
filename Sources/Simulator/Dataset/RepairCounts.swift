/// How often each kind of fault was repaired while reading leniently; all zero in strict mode.
public struct RepairCounts: Sendable, Equatable, Codable {
  /// Rows with too few fields, filled with empty ones.
  public var paddedRows = 0
  /// Rows with too many fields, the surplus cut off.
  public var cutRows = 0
  /// Byte sequences that aren't UTF-8, each replaced by U+FFFD.
  public var invalidUTF8 = 0
  /// Quotes where RFC 4180 allows none, kept as text.
  public var strayQuotes = 0
  /// Quotes that were never closed; the field ends with the file.
  public var unclosedQuotes = 0
  /// Header names that were empty or taken and got a new name.
  public var renamedColumns = 0
  /// Columns left out because the payload has its own field of that name.
  public var droppedColumns = 0
  /// Steps back in time, treated as no step.
  public var stepsBack = 0
  /// Rows left out because the timing needs a time that they don't have.
  public var skippedRows = 0

  /// No repairs.
  public init() {}

  /// Each kind's name and count, in a fixed order.
  public var kinds: [(name: String, count: Int)] {
    [
      ("paddedRows", paddedRows), ("cutRows", cutRows), ("invalidUTF8", invalidUTF8),
      ("strayQuotes", strayQuotes), ("unclosedQuotes", unclosedQuotes), ("renamedColumns", renamedColumns),
      ("droppedColumns", droppedColumns), ("stepsBack", stepsBack), ("skippedRows", skippedRows),
    ]
  }

  mutating func add(_ other: RepairCounts) {
    paddedRows += other.paddedRows
    cutRows += other.cutRows
    invalidUTF8 += other.invalidUTF8
    strayQuotes += other.strayQuotes
    unclosedQuotes += other.unclosedQuotes
    renamedColumns += other.renamedColumns
    droppedColumns += other.droppedColumns
    stepsBack += other.stepsBack
    skippedRows += other.skippedRows
  }

  /// The kinds that occurred, with their counts.
  var text: String { kinds.filter { $0.count > 0 }.map { "\($0.name) \($0.count)" }.joined(separator: ", ") }

  /// All repairs together.
  public var total: Int { kinds.reduce(0) { $0 + $1.count } }
}
