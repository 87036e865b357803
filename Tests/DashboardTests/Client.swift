import Glibc
import Testing

/// A TCP connection to a server on this machine that sends what it is told.
final class Client {
  let descriptor: Int32

  init(_ port: UInt16) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    try #require(descriptor >= 0, "errno \(errno)")
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(status == 0, "errno \(errno)")
  }

  deinit { close(descriptor) }

  /// Whether the other side still took the bytes.
  @discardableResult func send(_ bytes: [UInt8]) -> Bool {
    Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
  }

  @discardableResult func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  /// Reads until the other side closes, `isEnough`, or nothing comes for so long; nil when the time was over.
  func read(milliseconds: Int32 = 20_000, until isEnough: ([UInt8]) -> Bool = { _ in false }) -> [UInt8]? {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while !isEnough(all) {
      var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, milliseconds) == 1 else { return nil }
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { break }
      all += buffer[..<count]
    }
    return all
  }

  /// An answer.
  struct Answer {
    let status: Int
    let head: String
    let body: [UInt8]
    var text: String { String(decoding: body, as: UTF8.self) }

    init?(_ bytes: [UInt8]) {
      let end = [UInt8]("\r\n\r\n".utf8)
      guard let place = bytes.firstRange(of: end) else { return nil }
      head = String(decoding: bytes[..<place.lowerBound], as: UTF8.self)
      body = Array(bytes[place.upperBound...])
      let words = head.split(separator: " ", maxSplits: 2)
      guard words.count > 1, words[0].hasPrefix("HTTP/1."), let code = Int(words[1]) else { return nil }
      status = code
    }
  }

  /// One request on a connection of its own; nil if there was no whole answer.
  static func ask(_ port: UInt16, _ target: String, _ headers: [String] = [], method: String = "GET")
    throws -> Answer?
  {
    let client = try Client(port)
    let fields = (headers.contains { $0.hasPrefix("Host:") } ? [] : ["Host: localhost"]) + headers
    client.send(
      "\(method) \(target) HTTP/1.1\r\n\(fields.joined(separator: "\r\n"))\r\nConnection: close\r\n\r\n")
    let isStream = target.hasPrefix("/api/events")
    return client.read(until: { isStream && $0.firstRange(of: [UInt8]("\r\n\r\n".utf8)) != nil }).flatMap(
      Answer.init)
  }
}
