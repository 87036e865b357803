import BrokerJournal
import Files
import Testing

/// A journal opened by this process, as the broker's plugin does it.
private final class Journal {
  let handle: OpaquePointer

  init(_ folder: String, limit: UInt64 = 1 << 30, segmentLimit: UInt64 = 200) throws {
    var reason = [CChar](repeating: 0, count: Int(JOURNAL_REASON_SIZE))
    guard let handle = journal_open(folder, limit, segmentLimit, false, &reason) else {
      throw Failure(reason)
    }
    self.handle = handle
  }

  deinit { journal_close(handle) }

  struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ reason: [CChar]) {
      description = String(decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
  }

  @discardableResult func append(_ body: [UInt8], kind: UInt8 = 1) throws -> journal_record {
    var record = journal_record()
    var reason = [CChar](repeating: 0, count: Int(JOURNAL_REASON_SIZE))
    guard journal_append(handle, kind, body, body.count, &record, &reason) else { throw Failure(reason) }
    return record
  }

  /// All good records from the beginning on.
  func records() throws -> [[UInt8]] {
    let reader = journal_reader_new(handle, journal_begin(handle))
    defer { journal_reader_free(reader) }
    var reason = [CChar](repeating: 0, count: Int(JOURNAL_REASON_SIZE))
    var record = journal_record()
    var found: [[UInt8]] = []
    while true {
      switch journal_read(reader, &record, &reason) {
      case JOURNAL_RECORD: found.append(Array(UnsafeBufferPointer(start: record.body, count: record.size)))
      case JOURNAL_END: return found
      default: throw Failure(reason)
      }
    }
  }
}

@Suite struct JournalTests {
  private let folder: TemporaryFolder
  private let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.path + "/journal"
  }

  /// Bodies of different sizes, one of them with what looks like a record's beginning.
  private func bodies(_ count: Int) -> [[UInt8]] {
    (0..<count).map { number in
      Array("record \(number) ".utf8) + [UInt8](repeating: UInt8(number % 256), count: number * 7 % 50)
        + (number == 2 ? Array("TSJ1TSJ1".utf8) : [])
    }
  }

  private func segments() throws -> [String] { try Files.list(path, suffix: ".journal").sorted() }

  @Test func `what was appended is read by the next process, over all segments`() throws {
    let bodies = bodies(40)
    do {
      let journal = try Journal(path)
      for body in bodies.prefix(20) { try journal.append(body) }
      #expect(try journal.records() == Array(bodies.prefix(20)))
    }
    do {
      let journal = try Journal(path)
      for body in bodies.dropFirst(20) { try journal.append(body) }
    }
    #expect(try segments().count > 3)
    #expect(try Journal(path).records() == bodies)
  }

  @Test func `a journal cut at any byte keeps all records before the cut and takes new ones`() throws {
    let bodies = bodies(8)
    var ends: [Int] = []
    do {
      let journal = try Journal(path, segmentLimit: 1 << 20)
      for body in bodies { ends.append(Int(try journal.append(body).end.offset)) }
    }
    let file = try #require(try segments().first)
    let whole = try Files.read(path + "/" + file)
    for length in 0...whole.count {
      let place = folder.path + "/cut-\(length)"
      try Files.makeFolder(place)
      try Files.write(Array(whole.prefix(length)), to: place + "/" + file)
      let kept = bodies.prefix(ends.count { $0 <= length })
      let journal = try Journal(place)
      #expect(try journal.records() == Array(kept), "cut at \(length)")
      try journal.append([1, 2, 3])
      #expect(try journal.records() == kept + [[1, 2, 3]], "cut at \(length)")
    }
  }

  @Test func `two bytes that are swapped cost their record and no other`() throws {
    let bodies = bodies(6)
    var ends: [Int] = []
    do {
      let journal = try Journal(path, segmentLimit: 1 << 20)
      for body in bodies { ends.append(Int(try journal.append(body).end.offset)) }
    }
    let file = try #require(try segments().first)
    let whole = try Files.read(path + "/" + file)
    for index in 0..<whole.count - 1 where whole[index] != whole[index + 1] {
      var damaged = whole
      damaged.swapAt(index, index + 1)
      try Files.write(damaged, to: path + "/" + file)
      let hit = Set([index, index + 1].compactMap { byte in ends.firstIndex { byte < $0 } })
      let expected = bodies.enumerated().filter { !hit.contains($0.offset) }.map(\.element)
      #expect(try Journal(path).records() == expected, "swapped at \(index)")
    }
  }

  @Test func `a journal at its limit refuses a record, and takes one once it is shortened`() throws {
    let journal = try Journal(path, limit: 250, segmentLimit: 80)
    let body = [UInt8](repeating: 1, count: 60)
    for _ in 0..<3 { try journal.append(body) }
    #expect { try journal.append(body) } throws: { "\($0)".contains("limit of 250 bytes") }
    #expect(try journal.records() == [body, body, body])
    journal_shorten(journal.handle, 2)
    try journal.append(body)
    #expect(try journal.records() == [body, body, body])
  }

  @Test func `a journal that can't be read, or that another process has, isn't opened`() throws {
    let journal = try Journal(path)
    #expect { try Journal(path) } throws: { "\($0)".contains("another broker uses") }
    try journal.append([1])
    let odd = folder.path + "/odd"
    try Files.makeFolder(odd + "/00000000000000000001.journal")
    #expect { try Journal(odd) } throws: { "\($0)".contains("can't read") }
    try Files.write([1], to: folder.path + "/file")
    #expect { try Journal(folder.path + "/file") } throws: { "\($0)".contains("can't open") }
  }

  @Test func `a journal is shortened by whole segments, and never empty`() throws {
    let journal = try Journal(path)
    for body in bodies(30) { try journal.append(body) }
    let before = try segments()
    journal_shorten(journal.handle, 3)
    #expect(try segments() == Array(before.dropFirst(2)))
    journal_shorten(journal.handle, .max)
    #expect(try segments() == Array(before.suffix(1)))
    #expect(
      journal_size(journal.handle) == UInt64(try Files.read(path + "/" + before[before.count - 1]).count))
    try journal.append([9])
    #expect(try journal.records().last == [9])
  }
}
