/// Memory for the texts that a plan makes for one message, reused for the next.
struct PlanMemory: ~Copyable {
  private static let chunkSize = 1 << 16

  private let first: UnsafeMutablePointer<UInt8>
  private var next: UnsafeMutablePointer<UInt8>
  private var left = chunkSize
  /// Chunks for texts that don't fit in the first chunk, until `reset`.
  private var more: [UnsafeMutablePointer<UInt8>] = []

  init() {
    first = .allocate(capacity: Self.chunkSize)
    next = first
  }

  deinit {
    first.deallocate()
    for chunk in more { chunk.deallocate() }
  }

  /// Discards all texts.
  mutating func reset() {
    next = first
    left = Self.chunkSize
    guard !more.isEmpty else { return }
    for chunk in more { chunk.deallocate() }
    more.removeAll()
  }

  /// Memory for `count` bytes, and a few more that can be read.
  @inline(__always)
  mutating func allocate(_ count: Int) -> UnsafeMutablePointer<UInt8> {
    let size = count + PayloadScanner.padding
    if size > left { addChunk(size) }
    defer {
      next += size
      left -= size
    }
    return next
  }

  private mutating func addChunk(_ size: Int) {
    left = max(size, Self.chunkSize)
    next = .allocate(capacity: left)
    more.append(next)
  }
}

/// A growable byte buffer. Once there is room, bytes are written without checks.
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

  /// Makes room for `more` bytes, and a few more that can be written.
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

  /// Appends bytes that are followed by `PayloadScanner.padding` readable bytes.
  @inline(__always)
  mutating func append(padded source: UnsafePointer<UInt8>, _ length: Int) {
    reserve(length)
    let target = UnsafeMutableRawPointer(start + count)
    let bytes = UnsafeRawPointer(source)
    if length <= 16 {
      // Always two words, of which the first `length` bytes count: most texts are that short.
      target.storeBytes(of: bytes.loadUnaligned(as: UInt64.self), as: UInt64.self)
      (target + 8).storeBytes(of: (bytes + 8).loadUnaligned(as: UInt64.self), as: UInt64.self)
    } else if length <= 32 {
      // Four words; the last two are the text's last 16 bytes.
      let tail = length - 16
      let last = (bytes + tail).loadUnaligned(as: UInt64.self)
      let end = (bytes + tail + 8).loadUnaligned(as: UInt64.self)
      target.storeBytes(of: bytes.loadUnaligned(as: UInt64.self), as: UInt64.self)
      (target + 8).storeBytes(of: (bytes + 8).loadUnaligned(as: UInt64.self), as: UInt64.self)
      (target + tail).storeBytes(of: last, as: UInt64.self)
      (target + tail + 8).storeBytes(of: end, as: UInt64.self)
    } else {
      target.copyMemory(from: bytes, byteCount: length)
    }
    count += length
  }

  mutating func append(_ bytes: some Collection<UInt8>) {
    let length = bytes.count
    reserve(length)
    let target = start + count
    let isCopied: Void? = bytes.withContiguousStorageIfAvailable { source in
      if let source = source.baseAddress { target.update(from: source, count: length) }
    }
    if isCopied == nil { for (index, byte) in bytes.enumerated() { target[index] = byte } }
    count += length
  }
}
