import Glibc
import Testing

@testable import HTTP

/// The server under clients that don't behave.
@Suite struct ServerTests {
  private static func server(_ change: (inout HTTPSettings) -> Void = { _ in }) throws -> HTTPServer {
    var settings = HTTPSettings(port: 0)
    change(&settings)
    return try HTTPServer(settings) { HTTPResponse(200, $0.path) }
  }

  @Test(
    arguments: [
      "127.0.0.1", "127.0.0.1:80", "localhost", "LocalHost:65535", "[::1]", "[::1]:8080", "127.0.0.9",
    ])
  func `the names of this machine are answered`(_ host: String) throws {
    #expect(HostName.isLoopback(host, address: "127.0.0.9"))
  }

  @Test(
    arguments: [
      nil, "", ":", "evil.example", "[::1]evil.example", "[::1].evil.example:80", "[::1", "::1", "[::1]:",
      "[::1]:x", "[::1]]", "evil.example[::1]", "127.0.0.1.evil.example", "127.0.0.1:80.evil.example",
      "127.0.0.1:99999", "127.0.0.1:+80", "127.0.0.1:", "localhost.", "localhost@evil.example",
      "127.0.0.1 ", "127.1", "localhost:80:80", "127.0.0.9",
    ])
  func `other names are refused`(_ host: String?) throws {
    #expect(!HostName.isLoopback(host, address: "127.0.0.1"))
  }

  @Test func `a client that sends a byte now and then is disconnected at the deadline of its request`() throws
  {
    let server = try Self.server { $0.requestSeconds = 2 }
    let client = try Client(server.port)
    let request = Array("GET / HTTP/1.1\r\nHost: localhost\r\nX: \(String(repeating: "x", count: 5000))".utf8)
    var isOpen = true
    for byte in request where isOpen {
      client.send([byte])
      // The answer to a closed connection: nothing may be read, or its end.
      if client.read(milliseconds: 50, until: { !$0.isEmpty }) != nil { isOpen = false }
    }
    #expect(!isOpen)
    #expect(try Client.ask(server.port, "/next")?.text == "/next")
  }

  @Test func `idle connections make room for a client that asks`() throws {
    let server = try Self.server { $0.requestConnections = 64 }
    let idle = try (0..<400).map { _ in try Client(server.port) }
    #expect(try Client.ask(server.port, "/page")?.text == "/page")
    // Those that waited longest are the ones that were closed.
    #expect(idle[0].read() == [])
    withExtendedLifetime(idle) {}
  }

  @Test func `event streams beyond the limit are refused, and a limit of descriptors is kept`() throws {
    let feed = EventFeed()
    var settings = HTTPSettings(port: 0)
    settings.streamConnections = 3
    let server = try HTTPServer(settings, feeds: [feed]) { _ in HTTPResponse(events: feed) }
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    let readers = try (0..<3).map { _ in try Client(server.port) }
    for reader in readers {
      reader.send(request)
      #expect(reader.read(until: { $0.starts(with: "HTTP/1.1 200".utf8) }) != nil)
    }
    #expect(try Client.ask(server.port, "/")?.status == 503)
    let limits = OpenConnections.Limits()
    for descriptors in [Int.min + 1000, 0, 256, 1024, 4096, Int.max] {
      let fitting = limits.fitting(descriptors: descriptors)
      #expect(fitting.requests > 0 && fitting.streams > 0)
      #expect(descriptors < 256 || fitting.requests + fitting.streams + 192 <= descriptors)
    }
    #expect(limits.fitting(descriptors: 1 << 20).streams == limits.streams)
  }

  @Test(arguments: [
    "9223372036854775807", "-9223372036854775808", "9223372036854775808", "0", "-1", "x", "5",
  ])
  func `a reader resumes after any event identifier`(_ lastSeen: String) throws {
    let feed = EventFeed(limit: 4)
    let server = try HTTPServer(HTTPSettings(port: 0), feeds: [feed]) { _ in HTTPResponse(events: feed) }
    for number in 0..<20 { feed.publish("old", Array("\(number)".utf8)) }
    let client = try Client(server.port)
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: \(lastSeen)\r\n\r\n")
    #expect(client.read(until: { $0.firstRange(of: [13, 10, 13, 10]) != nil }) != nil)
    feed.publish("new", Array("here".utf8))
    let read = client.read(until: { $0.firstRange(of: [UInt8]("data: here".utf8)) != nil })
    #expect(read != nil, "\(lastSeen)")
  }

  @Test func `a reader gets the retained events that it missed`() throws {
    let feed = EventFeed(limit: 8)
    let server = try HTTPServer(HTTPSettings(port: 0), feeds: [feed]) { _ in HTTPResponse(events: feed) }
    for number in 1...20 { feed.publish("e", Array("\(number)".utf8)) }
    let client = try Client(server.port)
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 17\r\n\r\n")
    let read = client.read(until: { $0.firstRange(of: [UInt8]("data: 20\n".utf8)) != nil })
    let text = String(decoding: try #require(read), as: UTF8.self)
    #expect(text.contains("data: 18\n") && text.contains("data: 19\n") && !text.contains("data: 17\n"))
  }

  @Test func `a feed keeps no more bytes than its limit`() throws {
    let feed = EventFeed(limit: 1000, byteLimit: 10_000)
    for size in [1, 100, 9000, 50_000, 10] {
      for _ in 0..<30 { feed.publish("e", [UInt8](repeating: 0x20, count: size)) }
      #expect(feed.retainedBytes <= max(10_000, size + 100))
    }
  }
}
