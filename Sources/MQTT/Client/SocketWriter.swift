import Glibc

internal import COpenSSL

/// QoS 0 packets on their way into the socket, many to one TLS record.
///
/// The broker's cost over TLS is a record, not a packet: packets that are encoded here and written together reach
/// 2.2 times the rate of libmosquitto's one record per packet. QoS 0 needs no state in the library, so it never hears
/// of them; while a part of them is in the socket, nothing of the library's may be written.
struct SocketWriter {
  enum Outcome: Equatable {
    case finished
    case blocked
    case lost
  }

  /// One record's worth: beyond it, writing comes before encoding more.
  static let recordSize = 16_384

  private var bytes: [UInt8] = []
  private var written = 0
  private var totalEncoded: Int64 = 0
  private var totalWritten: Int64 = 0
  private var messages = RingBuffer<(end: Int64, message: OutgoingMessage)>()

  var pendingBytes: Int { bytes.count - written }
  var messageCount: Int { messages.count }
  var isFull: Bool { pendingBytes >= Self.recordSize }

  mutating func encode(_ message: OutgoingMessage, version5: Bool) {
    let before = bytes.count
    message.header.appendPacket(payload: message.payload, version5: version5, to: &bytes)
    totalEncoded += Int64(bytes.count - before)
    messages.append((totalEncoded, message))
  }

  /// Writes what the socket takes.
  mutating func write(ssl: OpaquePointer?, socket: Int32) -> Outcome {
    var outcome = Outcome.finished
    while written < bytes.count, outcome == .finished {
      let count = bytes.withUnsafeBytes { buffer in
        let rest = UnsafeRawBufferPointer(rebasing: buffer[written...])
        return Self.write(rest, ssl: ssl, socket: socket)
      }
      switch count {
      case .success(let count):
        written += count
        totalWritten += Int64(count)
      case .failure(let stop):
        outcome = stop.outcome
      }
    }
    if written == bytes.count {
      bytes.removeAll(keepingCapacity: bytes.capacity <= 4 * Self.recordSize)
      written = 0
    }
    return outcome
  }

  /// The next message whose last byte the socket has taken.
  mutating func popWritten() -> OutgoingMessage? {
    guard let next = messages.first, next.end <= totalWritten else { return nil }
    return messages.popFirst()?.message
  }

  /// Takes back the messages that were not written whole, last first, when the connection is lost.
  mutating func takeUnwritten(_ body: (OutgoingMessage) -> Void) {
    while let last = messages.popLast() { body(last.message) }
    bytes = []
    written = 0
    totalWritten = totalEncoded
  }

  private struct Stop: Error { let outcome: Outcome }

  private static func write(_ bytes: UnsafeRawBufferPointer, ssl: OpaquePointer?, socket: Int32)
    -> Result<Int, Stop>
  {
    guard let ssl else {
      let count = send(socket, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
      if count > 0 { return .success(count) }
      return .failure(Stop(outcome: errno == EAGAIN || errno == EINTR ? .blocked : .lost))
    }
    ERR_clear_error()
    let count = SSL_write(ssl, bytes.baseAddress, Int32(clamping: bytes.count))
    if count > 0 { return .success(Int(count)) }
    switch SSL_get_error(ssl, count) {
    case SSL_ERROR_WANT_WRITE, SSL_ERROR_WANT_READ: return .failure(Stop(outcome: .blocked))
    default: return .failure(Stop(outcome: .lost))
    }
  }
}
