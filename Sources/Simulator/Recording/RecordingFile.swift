import Files

/// A recording on disk: written line by line while messages arrive, so that a recorder that is killed leaves what it has.
public final class RecordingFile {
  /// What is in the file.
  public private(set) var table = RecordingTable()
  /// How many messages are in the file, or wait for `flush`.
  public private(set) var messages = 0
  /// How many messages were too long for it.
  public private(set) var tooLong = 0
  /// How many columns have come after the first line of a message.
  public private(set) var lateColumns = 0

  private let path: String
  private var file: LineFile?
  private var waiting: [UInt8] = []
  private static let flushSize = 1 << 16

  /// Begins a recording at `path`, in place of the file that is there.
  public init(_ path: String) throws(FileError) {
    self.path = path
    // An empty file now, and not an error with the first message.
    try Files.write([], to: path)
    file = try LineFile(path)
  }

  /// Adds a message that arrived at `microseconds` since 1970.
  public func append(topic: String, payload: [UInt8], microseconds: Int64) throws(FileError) {
    let before = table.columns.count
    guard let line = table.line(topic: topic, payload: payload, microseconds: microseconds) else {
      tooLong += 1
      return
    }
    if messages == 0 {
      waiting += table.header
    } else {
      lateColumns += table.columns.count - before
    }
    waiting += line
    messages += 1
    if waiting.count >= Self.flushSize { try flush() }
  }

  /// Writes what waits.
  public func flush() throws(FileError) {
    guard !waiting.isEmpty else { return }
    // The file adds the last line's end.
    try file?.append(Array(waiting.dropLast()))
    waiting.removeAll(keepingCapacity: true)
  }

  /// Ends the recording. Where columns came late, the file is written again with all of them, in constant memory.
  public func finish() throws {
    try flush()
    file = nil
    guard lateColumns > 0 else { return }
    let reader = try CSVReader(path: path)
    let complete = try AtomicFile(path)
    complete.append(table.header)
    _ = try reader.next()
    while try reader.next() {
      var cells = (0..<reader.fieldCount).map { Array(reader.field($0)) }
      while cells.count < table.columns.count { cells.append([]) }
      complete.append(RecordingTable.line(cells))
    }
    try complete.commit()
  }
}
