/// Memory for the texts that a plan makes of one message, used again for the next.
struct PlanMemory: ~Copyable {
  private static let chunkSize = 1 << 16

  private var chunks: [(start: UnsafeMutablePointer<UInt8>, capacity: Int)]
  private var used = 0

  init() {
    chunks = [(.allocate(capacity: Self.chunkSize), Self.chunkSize)]
  }

  deinit { for chunk in chunks { chunk.start.deallocate() } }

  /// Forgets all texts.
  mutating func reset() {
    used = 0
    while chunks.count > 1 { chunks.removeFirst().start.deallocate() }
    // A large text isn't kept for the small ones that follow.
    guard chunks[0].capacity > Self.chunkSize else { return }
    chunks[0].start.deallocate()
    chunks[0] = (.allocate(capacity: Self.chunkSize), Self.chunkSize)
  }

  /// Room for `count` bytes, and for reading a little behind them.
  mutating func allocate(_ count: Int) -> UnsafeMutablePointer<UInt8> {
    let size = count + PayloadScanner.padding
    let last = chunks[chunks.count - 1]
    if used + size <= last.capacity {
      defer { used += size }
      return last.start + used
    }
    let capacity = max(size, Self.chunkSize)
    let start = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    chunks.append((start, capacity))
    used = size
    return start
  }
}

/// Bytes that grow, in memory that is written without checks once there is room.
struct PlanBuffer: ~Copyable {
  private(set) var start: UnsafeMutablePointer<UInt8>
  private(set) var count = 0
  private var capacity: Int

  init(capacity: Int = 1 << 12) {
    self.capacity = capacity
    start = .allocate(capacity: capacity)
  }

  deinit { start.deallocate() }

  var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: start, count: count) }

  mutating func truncate(_ count: Int) { self.count = count }

  /// Makes room for `more` bytes, and for writing a little behind them.
  @inline(__always)
  mutating func reserve(_ more: Int) {
    if count + more + PayloadScanner.padding > capacity { grow(more) }
  }

  private mutating func grow(_ more: Int) {
    capacity = max(2 * capacity, count + more + PayloadScanner.padding)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    larger.update(from: start, count: count)
    start.deallocate()
    start = larger
  }

  @inline(__always)
  mutating func append(_ byte: UInt8) {
    reserve(1)
    start[count] = byte
    count += 1
  }

  /// Appends bytes behind which `PayloadScanner.padding` more can be read.
  @inline(__always)
  mutating func append(padded source: UnsafePointer<UInt8>, _ length: Int) {
    reserve(length)
    let target = UnsafeMutableRawPointer(start + count)
    let bytes = UnsafeRawPointer(source)
    if length <= 16 {
      // Two words whatever the length is, up to which only counts: most texts are that short.
      target.storeBytes(of: bytes.loadUnaligned(as: UInt64.self), as: UInt64.self)
      (target + 8).storeBytes(of: (bytes + 8).loadUnaligned(as: UInt64.self), as: UInt64.self)
    } else {
      target.copyMemory(from: bytes, byteCount: length)
    }
    count += length
  }

  mutating func append(_ bytes: some Collection<UInt8>) {
    reserve(bytes.count)
    for byte in bytes {
      start[count] = byte
      count += 1
    }
  }
}
