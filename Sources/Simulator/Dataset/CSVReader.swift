import Files
import Glibc

/// What makes the bytes of a CSV text as they are read.
protocol ByteSource: AnyObject {
  /// Fills `buffer` with the next bytes, not necessarily to its end; returns how many, 0 at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) -> Int
  /// Begins again.
  func rewind()
}

/// Reads CSV (RFC 4180) record by record from a file, in memory that doesn't grow with the file.
///
/// Fields are separated by the delimiter that the first line has: comma, semicolon or tab. Records end with LF, CRLF or CR; quoted fields may hold delimiters, line ends and `""`; a UTF-8 byte order mark
/// and blank lines are skipped. Fields are the file's bytes, unquoted, in place in the reader's buffer:
/// they are valid until the next call of `next()` or `rewind()`. Use a reader from one thread at a time.
public final class CSVReader {
  /// Sizes and strictness of a reader.
  public struct Options: Sendable {
    /// Bytes read at a time.
    public var bufferSize = 256 * 1024
    /// The most bytes one record may have, quotes included.
    public var recordLimit = 1 << 20
    /// The most fields one record may have.
    public var columnLimit = 1024
    /// Whether stray quotes and ill-formed UTF-8 are repaired and counted instead of being errors.
    public var isLenient = false

    /// Strict, with the default limits.
    public init() {}
  }

  /// Where a field is: offsets from the record's base, and its physical place in the file.
  struct Field {
    var start: Int32
    var end: Int32
    var lineOffset: Int32
    var column: Int32
  }

  /// The file's path, for messages.
  public let file: String
  /// The limits this reader was made with.
  public let options: Options
  /// What was repaired so far (lenient reading only).
  public internal(set) var repairs = RepairCounts()
  /// The physical line, from 1, on which the current record begins.
  public private(set) var line = 1
  /// The current record's number of fields.
  public private(set) var fieldCount = 0

  /// What separates the fields: a comma, or a semicolon or tab if the first line has more of these than commas.
  public private(set) var delimiter = UInt8(ascii: ",")

  private let descriptor: CInt
  private let closesDescriptor: Bool
  /// The reader whose descriptor this one uses.
  private let owner: CSVReader?
  /// What makes the bytes, if no file has them.
  private let source: (any ByteSource)?
  /// Whether bytes are read by their place, so that many readers can share a descriptor; a pipe has no places.
  private let isSeekable: Bool
  private var buffer: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  /// The unread bytes are `buffer[position..<end]`.
  private var position = 0
  private var end = 0
  /// The file's offset of `buffer[0]`, and of the first byte of the present line.
  private var bufferOffset = 0
  private var lineOffset = 0
  private var presentLine = 1
  private var endedWithCR = false
  private var isAtEnd = false
  /// Grows with the records: a fleet has a reader a truck.
  private(set) var fields: UnsafeMutablePointer<Field>
  private var fieldCapacity: Int
  /// The current record's bytes, `fields` are relative to it.
  private(set) var base: UnsafePointer<UInt8>
  private var repaired: [UInt8] = []

  /// Opens `path` and looks at its first bytes.
  ///
  /// Throws where the file can't be read or is UTF-16.
  public convenience init(path: String, options: Options = Options()) throws(DatasetError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let advice = errno == ENOENT ? "; check the path" : ""
      throw DatasetError(
        file: path, message: "can't open the dataset: \(systemError(errno))\(advice)")
    }
    try self.init(descriptor: descriptor, file: path, closesDescriptor: true, options: options)
  }

  /// Reads from an open descriptor; `file` is its name in messages.
  public convenience init(
    descriptor: CInt, file: String, closesDescriptor: Bool = false, options: Options = Options()
  ) throws(DatasetError) {
    try self.init(
      descriptor: descriptor, file: file, closesDescriptor: closesDescriptor, owner: nil, options: options)
  }

  /// Reads the file of `other`, from its beginning, through the same descriptor. Throws where it is a pipe.
  public convenience init(sharing other: CSVReader) throws(DatasetError) {
    guard other.isSeekable else { throw Self.notTwice(other.file) }
    try self.init(
      descriptor: other.descriptor, file: other.file, closesDescriptor: false, owner: other,
      options: other.options)
  }

  /// Reads what `source` makes; `file` is its name in messages.
  convenience init(source: any ByteSource, file: String, options: Options = Options()) throws(DatasetError) {
    try self.init(
      descriptor: -1, file: file, closesDescriptor: false, owner: nil, source: source, options: options)
  }

  private init(
    descriptor: CInt, file: String, closesDescriptor: Bool, owner: CSVReader?,
    source: (any ByteSource)? = nil,
    options: Options
  ) throws(DatasetError) {
    self.descriptor = descriptor
    self.owner = owner
    self.source = source
    isSeekable = source != nil || (owner?.isSeekable ?? (lseek(descriptor, 0, SEEK_CUR) == 0))
    self.file = file
    self.closesDescriptor = closesDescriptor
    self.options = options
    capacity = max(4, options.bufferSize)
    buffer = .allocate(capacity: capacity)
    base = UnsafePointer(buffer)
    fieldCapacity = max(1, min(16, options.columnLimit))
    fields = .allocate(capacity: fieldCapacity)
    try skipByteOrderMark()
    delimiter = try detectedDelimiter()
  }

  deinit {
    buffer.deallocate()
    fields.deallocate()
    repairStore.deallocate()
    if closesDescriptor { close(descriptor) }
  }

  /// Starts again at the file's first record. Throws where the input is a pipe, which can't be read twice.
  public func rewind() throws(DatasetError) {
    guard isSeekable else { throw Self.notTwice(file) }
    (position, end, bufferOffset, lineOffset, presentLine, line, fieldCount) = (0, 0, 0, 0, 1, 1, 0)
    (endedWithCR, isAtEnd) = (false, false)
    source?.rewind()
    try skipByteOrderMark()
  }

  /// The bytes of field `index` of the current record (0 ..< `fieldCount`).
  public func field(_ index: Int) -> UnsafeRawBufferPointer {
    precondition(index >= 0 && index < fieldCount)
    let field = fields[index]
    return UnsafeRawBufferPointer(start: base + Int(field.start), count: Int(field.end - field.start))
  }

  /// Field `index` of the current record as text.
  public func text(_ index: Int) -> String { String(decoding: field(index), as: UTF8.self) }

  /// The physical line and column (both from 1) at which field `index` of the current record begins.
  public func place(of index: Int) -> (line: Int, column: Int) {
    guard index >= 0 && index < fieldCount else { return (line, 1) }
    return (line + Int(fields[index].lineOffset), Int(fields[index].column))
  }

  /// Moves to the next record that isn't blank; false at the end of the file.
  ///
  /// Throws where a quote is misplaced or never closed, a record passes the limits, the bytes aren't UTF-8, or
  /// the file can't be read.
  public func next() throws(DatasetError) -> Bool {
    while try readRecord() {
      if fieldCount > 1 || fields[0].end > fields[0].start || wasQuoted { return true }
    }
    return false
  }

  /// Throws if the current record has numbers with a decimal comma, which only other delimiters allow: nothing would read
  /// them as numbers.
  public func requireDecimalPoints(_ columns: [String]) throws(DatasetError) {
    guard delimiter != Self.comma else { return }
    for index in 0..<min(fieldCount, columns.count) {
      let parts = field(index).split(separator: Self.comma, omittingEmptySubsequences: false)
      let digits = parts.map { $0.filter { $0 != UInt8(ascii: "-") && $0 != 0x20 } }
      guard parts.count == 2,
        digits.allSatisfy({ !$0.isEmpty && $0.allSatisfy { (0x30...0x39).contains($0) } })
      else { continue }
      let place = place(of: index)
      throw DatasetError(
        file: file, line: place.line, column: place.column,
        message:
          "'\(text(index))' in column '\(columns[index])' has a decimal comma; numbers need a decimal point, which "
          + "\"sed 's/,/./g'\" writes in a file like this")
    }
  }

  // MARK: The record

  private enum State { case fieldStart, unquoted, quoted, afterQuote, tail }

  private static let comma = UInt8(ascii: ",")
  private static let semicolon = UInt8(ascii: ";")
  private static let tab = UInt8(ascii: "\t")
  private static let quote = UInt8(ascii: "\"")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  private var wasQuoted = false

  /// Reads a record that is whole in the buffer, ends with LF, and has neither quotes nor bytes over 0x7F: most records of
  /// most files. False, and nothing has changed, for any other; `readRecord` reads all.
  private func readPlainRecord() -> Bool {
    guard !endedWithCR, delimiter == Self.comma else { return false }
    let record = UnsafePointer(buffer + position)
    // A record with more fields is read by 'readRecord', which makes room for them.
    let (available, limit, fields) = (end - position, fieldCapacity, fields)
    let firstColumn = bufferOffset + position - lineOffset + 1
    var (read, start, count) = (0, 0, 0)
    while read < available {
      let byte = record[read]
      if byte > Self.comma {
        guard byte < 0x80 else { return false }
        read += 1
        continue
      }
      guard byte == Self.comma || byte == Self.lineFeed else {
        guard byte != Self.quote, byte != Self.carriageReturn else { return false }
        read += 1
        continue
      }
      guard count < limit else { return false }
      fields[count] = Field(
        start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: read), lineOffset: 0,
        column: Int32(truncatingIfNeeded: firstColumn + start))
      count += 1
      read += 1
      start = read
      guard byte == Self.lineFeed else { continue }
      (line, base, fieldCount, wasQuoted) = (presentLine, record, count, false)
      position += read
      presentLine += 1
      lineOffset = bufferOffset + position
      return true
    }
    return false
  }

  private func readRecord() throws(DatasetError) -> Bool {
    if readPlainRecord() { return true }
    fieldCount = 0
    wasQuoted = false
    if endedWithCR {
      if position == end { try refill() }
      if position < end && buffer[position] == Self.lineFeed {
        position += 1
        lineOffset += 1
      }
      endedWithCR = false
    }
    line = presentLine
    var record = buffer + position
    var available = end - position
    var state = State.fieldStart
    var read = 0
    var write = 0
    var start = 0
    var seen: UInt8 = 0
    var previous: UInt8 = 0
    var quotePlace = (line: 0, column: 0)

    while true {
      if read == available {
        guard !isAtEnd else { break }
        guard available <= options.recordLimit else {
          throw tooLarge(openQuote: state == .quoted ? quotePlace : nil)
        }
        try refill()
        record = buffer + position
        available = end - position
        continue
      }
      switch state {
      case .fieldStart:
        try beginField(at: read)
        start = read
        write = read
        if record[read] == Self.quote {
          quotePlace = (presentLine, Int(fields[fieldCount].column))
          wasQuoted = true
          previous = 0
          read += 1
          start = read
          write = read
          state = .quoted
        } else {
          state = .unquoted
        }

      case .unquoted:
        // Digits, letters and points lie above the comma: one comparison a byte on the common path.
        while read < available {
          let byte = record[read]
          seen |= byte
          if byte > Self.comma, byte != delimiter {
            read += 1
            continue
          }
          if byte == delimiter {
            endField(start, read)
            read += 1
            state = .fieldStart
            break
          }
          if byte == Self.lineFeed || byte == Self.carriageReturn {
            endField(start, read)
            endRecord(byte, after: read + 1)
            return try finish(seen)
          }
          if byte == Self.quote {
            guard options.isLenient else {
              throw error(
                at: read,
                "a quote inside an unquoted field; quote the whole field and double the quotes in it, or use "
                  + "--lenient to keep it as text")
            }
            repairs.strayQuotes += 1
          }
          read += 1
        }

      case .quoted:
        while read < available {
          let byte = record[read]
          read += 1
          if byte == Self.quote {
            state = .afterQuote
            break
          }
          seen |= byte
          record[write] = byte
          write += 1
          if byte == Self.carriageReturn || (byte == Self.lineFeed && previous != Self.carriageReturn) {
            presentLine += 1
            lineOffset = bufferOffset + position + read
          } else if byte == Self.lineFeed {
            lineOffset = bufferOffset + position + read
          }
          previous = byte
        }

      case .afterQuote, .tail:
        let byte = record[read]
        if byte == delimiter {
          endField(start, write)
          read += 1
          state = .fieldStart
        } else if byte == Self.lineFeed || byte == Self.carriageReturn {
          endField(start, write)
          endRecord(byte, after: read + 1)
          return try finish(seen)
        } else if byte == Self.quote && state == .afterQuote {
          record[write] = byte
          write += 1
          read += 1
          previous = byte
          state = .quoted
        } else {
          if state == .afterQuote {
            guard options.isLenient else {
              throw error(
                at: read,
                "text after the closing quote; put a comma between the fields or double the quotes in the "
                  + "field, or use --lenient to keep it as text")
            }
            repairs.strayQuotes += 1
            state = .tail
          }
          seen |= byte
          record[write] = byte
          write += 1
          read += 1
        }
      }
    }

    // The file ended without a line end.
    switch state {
    case .fieldStart:
      guard read > 0 else { return false }
      try beginField(at: read)
      endField(read, read)
    case .unquoted: endField(start, read)
    case .quoted:
      guard options.isLenient else {
        throw DatasetError(
          file: file, line: quotePlace.line, column: quotePlace.column,
          message: "the quote that opens here is never closed; close it, or remove it")
      }
      repairs.unclosedQuotes += 1
      endField(start, write)
    case .afterQuote, .tail: endField(start, write)
    }
    base = UnsafePointer(record)
    position += read
    return try finish(seen)
  }

  private func beginField(at offset: Int) throws(DatasetError) {
    guard fieldCount < options.columnLimit else {
      throw error(at: offset, "a record with more than \(options.columnLimit) fields; is this a CSV file?")
    }
    if fieldCount == fieldCapacity {
      let larger = UnsafeMutablePointer<Field>.allocate(capacity: fieldCapacity * 2)
      larger.moveInitialize(from: fields, count: fieldCount)
      fields.deallocate()
      fields = larger
      fieldCapacity *= 2
    }
    let column = bufferOffset + position + offset - lineOffset + 1
    fields[fieldCount] = Field(
      start: 0, end: 0, lineOffset: Int32(truncatingIfNeeded: presentLine - line),
      column: Int32(truncatingIfNeeded: column))
  }

  private func endField(_ start: Int, _ end: Int) {
    fields[fieldCount].start = Int32(truncatingIfNeeded: start)
    fields[fieldCount].end = Int32(truncatingIfNeeded: end)
    fieldCount += 1
  }

  private func endRecord(_ byte: UInt8, after offset: Int) {
    base = UnsafePointer(buffer + position)
    position += offset
    endedWithCR = byte == Self.carriageReturn
    presentLine += 1
    lineOffset = bufferOffset + position
  }

  /// Checks what the scan could not decide: whether bytes over 0x7F are UTF-8.
  private func finish(_ seen: UInt8) throws(DatasetError) -> Bool {
    guard seen > 0x7F else { return true }
    var isSound = true
    for index in 0..<fieldCount {
      guard let offset = UTF8Scanner.firstInvalid(field(index)) else { continue }
      isSound = false
      guard !options.isLenient else { break }
      let place = place(of: index)
      let code = String(field(index)[offset], radix: 16, uppercase: true)
      throw DatasetError(
        file: file, line: place.line, column: place.column + offset,
        message: "the byte 0x\(code) is not UTF-8; save the file as UTF-8, or use --lenient to replace it")
    }
    if !isSound { repairUTF8() }
    return true
  }

  private func repairUTF8() {
    repaired.removeAll(keepingCapacity: true)
    for index in 0..<fieldCount {
      let bytes = field(index)
      let start = repaired.count
      var offset = 0
      while offset < bytes.count {
        let length = UTF8Scanner.sequenceLength(bytes, at: offset)
        if length > 0 {
          repaired.append(contentsOf: bytes[offset..<offset + length])
        } else {
          repaired.append(contentsOf: [0xEF, 0xBF, 0xBD])
          repairs.invalidUTF8 += 1
        }
        offset += Int(length.magnitude)
      }
      fields[index].start = Int32(truncatingIfNeeded: start)
      fields[index].end = Int32(truncatingIfNeeded: repaired.count)
    }
    // The record's place in the buffer is too small for what grew; `repairStore` lives until the next repair.
    if repairStore.count < repaired.count {
      repairStore.deallocate()
      repairStore = .allocate(capacity: repaired.count * 2)
    }
    _ = repairStore.update(fromContentsOf: repaired)
    if let start = repairStore.baseAddress { base = UnsafePointer(start) }
  }

  private var repairStore = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 0)

  // MARK: The buffer

  /// Reads more bytes behind the present record, which moves to the buffer's start; sets `isAtEnd` at the end.
  private func refill() throws(DatasetError) {
    if position > 0 {
      memmove(buffer, buffer + position, end - position)
      bufferOffset += position
      end -= position
      position = 0
    }
    if end == capacity {
      let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity * 2)
      memcpy(larger, buffer, end)
      buffer.deallocate()
      buffer = larger
      capacity *= 2
    }
    while true {
      let size = min(capacity - end, max(1, options.bufferSize))
      let count =
        if let source {
          source.read(into: UnsafeMutableRawBufferPointer(start: buffer + end, count: size))
        } else if isSeekable {
          pread(descriptor, buffer + end, size, bufferOffset + end)
        } else {
          Glibc.read(descriptor, buffer + end, size)
        }
      if count > 0 {
        end += count
        return
      }
      if count == 0 {
        isAtEnd = true
        return
      }
      guard errno == EINTR else {
        let reason = errno == EISDIR ? "it is a folder; name a CSV file" : systemError(errno)
        throw DatasetError(file: file, message: "can't read the dataset: \(reason)")
      }
    }
  }

  /// The delimiter of the first line: the one that it has most of outside quotes. As much of the line counts as one read gives.
  private func detectedDelimiter() throws(DatasetError) -> UInt8 {
    while end == position && !isAtEnd { try refill() }
    var counts = [Self.comma: 0, Self.semicolon: 0, Self.tab: 0]
    var isQuoted = false
    for byte in UnsafeBufferPointer(start: buffer + position, count: end - position) {
      if byte == Self.quote { isQuoted.toggle() }
      if isQuoted { continue }
      if byte == Self.lineFeed || byte == Self.carriageReturn { break }
      counts[byte]? += 1
    }
    let best = [Self.comma, Self.semicolon, Self.tab].max { counts[$0, default: 0] < counts[$1, default: 0] }
    return best.flatMap { counts[$0, default: 0] > counts[Self.comma, default: 0] ? $0 : nil } ?? Self.comma
  }

  private func skipByteOrderMark() throws(DatasetError) {
    while end < 3 && !isAtEnd { try refill() }
    if end >= 2, (buffer[0], buffer[1]) == (0xFF, 0xFE) || (buffer[0], buffer[1]) == (0xFE, 0xFF) {
      throw DatasetError(file: file, line: 1, column: 1, message: "is UTF-16; save it as UTF-8")
    }
    if end >= 3, (buffer[0], buffer[1], buffer[2]) == (0xEF, 0xBB, 0xBF) {
      position = 3
      lineOffset = 3
    }
  }

  // MARK: Errors

  private static func notTwice(_ file: String) -> DatasetError {
    DatasetError(
      file: file, message: "can't be read a second time (a pipe?); save it to a file to replay it again")
  }

  private func error(at offset: Int, _ message: String) -> DatasetError {
    DatasetError(
      file: file, line: presentLine, column: bufferOffset + position + offset - lineOffset + 1,
      message: message)
  }

  private func tooLarge(openQuote: (line: Int, column: Int)?) -> DatasetError {
    if let openQuote {
      return DatasetError(
        file: file, line: openQuote.line, column: openQuote.column,
        message: "the quote that opens here is not closed within \(options.recordLimit) bytes; close it, or "
          + "remove it")
    }
    return DatasetError(
      file: file, line: line, column: 1,
      message: "a record longer than \(options.recordLimit) bytes; is this a CSV file?")
  }
}
