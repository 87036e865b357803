import Files
import Glibc

/// Whole lines of standard input, in memory that is used again.
package final class LineBlock {
  fileprivate var start: UnsafeMutablePointer<UInt8>
  fileprivate var capacity: Int
  fileprivate var count = 0
  /// Whether the block's last line is one that was refused before it was read to its end; it isn't among the bytes.
  package fileprivate(set) var endsTooLong = false

  /// A block with `padding` readable bytes behind it.
  package init(padding: Int) {
    capacity = LineBlocks.size
    start = .allocate(capacity: capacity + padding)
    start.initialize(repeating: 0, count: capacity + padding)
  }

  deinit { start.deallocate() }

  /// The lines with their ends; the last one of the input may have none.
  package var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: start, count: count) }
}

/// Reads standard input as blocks of whole lines. A block has what is there, so that results don't wait for more input.
package struct LineBlocks {
  /// Bytes of a block at most.
  fileprivate static let size = 1 << 20

  private let lineLimit: Int
  /// The beginning of a line, whose rest isn't read yet.
  private var rest: [UInt8] = []
  /// Whether the line that is being read was refused.
  private var isSkipping = false
  private var isAtEnd = false

  /// Blocks of lines of at most `lineLimit` bytes, which must be below a megabyte.
  package init(lineLimit: Int) { self.lineLimit = lineLimit }

  /// Fills `block` with the next lines; false at the end of the input.
  package mutating func read(into block: LineBlock) throws(InputError) -> Bool {
    block.count = 0
    block.endsTooLong = false
    while !isAtEnd {
      let room = block.capacity - rest.count
      block.start.update(from: rest, count: rest.count)
      let got = try Self.read(block.start + rest.count, room)
      isAtEnd = got == 0
      var filled = UnsafeBufferPointer(start: block.start, count: rest.count + got)
      rest.removeAll(keepingCapacity: true)
      if isSkipping {
        guard let end = Self.lineEnd(filled, last: false) else { continue }
        isSkipping = false
        block.start.update(from: block.start + end + 1, count: filled.count - end - 1)
        filled = UnsafeBufferPointer(start: block.start, count: filled.count - end - 1)
      }
      if isAtEnd {
        block.count = filled.count
        return filled.count > 0
      }
      block.count = Self.lineEnd(filled, last: true).map { $0 + 1 } ?? 0
      if filled.count - block.count > lineLimit {
        isSkipping = true
        block.endsTooLong = true
      } else {
        rest.append(contentsOf: filled[block.count...])
      }
      if block.count > 0 || block.endsTooLong { return true }
    }
    return false
  }

  private static func lineEnd(_ bytes: UnsafeBufferPointer<UInt8>, last: Bool) -> Int? {
    last ? bytes.lastIndex(of: 0x0A) : bytes.firstIndex(of: 0x0A)
  }

  private static func read(_ target: UnsafeMutablePointer<UInt8>, _ room: Int) throws(InputError) -> Int {
    while true {
      let got = Glibc.read(0, target, room)
      if got >= 0 { return got }
      guard errno == EINTR else { throw InputError("can't read standard input: \(systemError(errno))") }
    }
  }
}
