import Glibc
import Synchronization

internal import CMicroHTTPD

/// Server-sent events (WHATWG HTML, section 9.2), one feed for however many readers: each event is kept once, and each
/// reader has a place in it. A reader that falls behind the retained events is disconnected; a browser connects again by
/// itself, with the identifier of the last event that it has seen.
public final class EventFeed: Sendable {
  private struct Event {
    let number: Int
    let bytes: [UInt8]
  }

  /// Where a reader is.
  /// @unchecked Sendable: the feed's lock guards its variables; the pointer may be resumed from any thread.
  fileprivate final class Reader: @unchecked Sendable {
    let connection: OpaquePointer
    /// The number of the event that it gets next, and how much of it it has.
    var next: Int
    var offset = 0
    var isSuspended = false

    init(connection: OpaquePointer, next: Int) {
      self.connection = connection
      self.next = next
    }
  }

  private struct State {
    var events: [Event] = []
    /// Of all of `events`.
    var byteCount = 0
    var lastNumber = 0
    var readers: [ObjectIdentifier: Reader] = [:]
    var isClosed = false
  }

  /// Used by the server's thread and by publishers.
  private let state = Mutex(State())

  private let limit: Int
  private let byteLimit: Int

  /// A feed that keeps the last events: at most `limit` of them, with `byteLimit` bytes in all.
  public init(limit: Int = 1024, byteLimit: Int = 1 << 24) {
    self.limit = limit
    self.byteLimit = byteLimit
  }

  /// The number of readers.
  public var readers: Int { state.withLock { state in state.readers.count } }

  /// The size of the retained events.
  var retainedBytes: Int { state.withLock { state in state.byteCount } }

  /// Sends an event with a number of its own; `data` is one line of UTF-8.
  public func publish(_ name: String, _ data: [UInt8]) {
    state.withLock { state in
      state.lastNumber += 1
      let number = state.lastNumber
      append(
        Event(number: number, bytes: Array("id: \(number)\nevent: \(name)\ndata: ".utf8) + data + [10, 10]),
        to: &state)
    }
  }

  /// Sends a comment, so that readers that went away are noticed.
  public func keepAlive() {
    state.withLock { state in
      state.lastNumber += 1
      append(Event(number: state.lastNumber, bytes: Array(": \n\n".utf8)), to: &state)
    }
  }

  private func append(_ event: Event, to state: inout State) {
    state.events.append(event)
    state.byteCount += event.bytes.count
    // In steps of a quarter, to avoid moving all of them each time.
    if state.events.count > limit || state.byteCount > byteLimit {
      var dropped = 0
      while dropped < state.events.count - 1,
        state.events.count - dropped > limit - limit / 4 || state.byteCount > byteLimit - byteLimit / 4
      {
        state.byteCount -= state.events[dropped].bytes.count
        dropped += 1
      }
      state.events.removeFirst(dropped)
    }
    for reader in state.readers.values where reader.isSuspended {
      reader.isSuspended = false
      MHD_resume_connection(reader.connection)
    }
  }

  /// Ends all readers, so that the server can stop.
  func close() {
    state.withLock { state in
      state.isClosed = true
      for reader in state.readers.values where reader.isSuspended {
        reader.isSuspended = false
        MHD_resume_connection(reader.connection)
      }
    }
  }

  /// Begins with the event after `lastSeen` if it is kept, or with the next one.
  func response(_ connection: OpaquePointer, lastSeen: Int?) -> OpaquePointer? {
    let reader = state.withLock { state in
      // A browser that missed more than what is kept reads the page's data again anyway.
      let oldest = (state.events.first?.number ?? 1) - 1
      let seen = lastSeen.flatMap { (oldest...state.lastNumber).contains($0) ? $0 : nil } ?? state.lastNumber
      let reader = Reader(connection: connection, next: seen + 1)
      state.readers[ObjectIdentifier(reader)] = reader
      return reader
    }
    let context = Context(feed: self, reader: reader)
    return MHD_create_response_from_callback(
      UInt64.max, 16_384,
      { data, _, buffer, count in
        guard let data, let buffer else { return ts_http_end_of_stream() }
        let context = Unmanaged<Context>.fromOpaque(data).takeUnretainedValue()
        return context.feed.read(context.reader, UnsafeMutableRawBufferPointer(start: buffer, count: count))
      }, Unmanaged.passRetained(context).toOpaque(),
      { data in
        guard let data else { return }
        let context = Unmanaged<Context>.fromOpaque(data).takeRetainedValue()
        context.feed.forget(context.reader)
      })
  }

  private final class Context {
    let feed: EventFeed
    let reader: Reader
    init(feed: EventFeed, reader: Reader) {
      self.feed = feed
      self.reader = reader
    }
  }

  private func forget(_ reader: Reader) {
    state.withLock { state in _ = state.readers.removeValue(forKey: ObjectIdentifier(reader)) }
  }

  private func read(_ reader: Reader, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    state.withLock { state in
      if state.isClosed { return ts_http_end_of_stream() }
      guard let first = state.events.first, reader.next <= state.lastNumber else {
        // Under the same lock as publishing: no event can come between looking and waiting.
        reader.isSuspended = true
        MHD_suspend_connection(reader.connection)
        return 0
      }
      guard reader.next >= first.number else { return ts_http_end_of_stream() }
      var written = 0
      while written < buffer.count, reader.next <= state.lastNumber {
        let bytes = state.events[reader.next - first.number].bytes
        let count = min(bytes.count - reader.offset, buffer.count - written)
        bytes.withUnsafeBytes { source in
          UnsafeMutableRawBufferPointer(rebasing: buffer[written..<written + count]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: source[reader.offset..<reader.offset + count]))
        }
        written += count
        reader.offset += count
        if reader.offset == bytes.count {
          reader.next += 1
          reader.offset = 0
        }
      }
      return written
    }
  }
}
