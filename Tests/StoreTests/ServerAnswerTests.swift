import Foundation
import Synchronization
import Testing

@testable import Store

/// An HTTP server on a port that the system chooses, which answers by a function of the request's target.
final class ScriptedServer: Sendable {
  let port: UInt16
  private let descriptor: Int32
  private let answer = Mutex<@Sendable (String) -> (status: Int, body: [UInt8])>({ _ in (200, []) })
  /// The request lines so far.
  let requests = Mutex<[String]>([])

  init() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    self.descriptor = descriptor
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 16) == 0
          && getsockname(descriptor, $0, &length) == 0
      }
    }
    try #require(isListening)
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { [self] in serve() }
  }

  /// Ends the thread, which holds this object.
  func stop() {
    shutdown(descriptor, Int32(SHUT_RDWR))
    close(descriptor)
  }

  func script(_ new: @escaping @Sendable (String) -> (status: Int, body: [UInt8])) {
    answer.withLock { $0 = new }
  }

  private func serve() {
    while true {
      let connection = accept(descriptor, nil, nil)
      guard connection >= 0 else { return }
      Thread.detachNewThread { [self] in
        serve(connection)
        close(connection)
      }
    }
  }

  private func serve(_ connection: Int32) {
    var received: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let text = String(decoding: received, as: UTF8.self)
      if let end = text.firstRange(of: "\r\n\r\n") {
        let head = text[..<end.lowerBound]
        let length = head.lowercased().firstMatch(of: /content-length: (\d+)/).flatMap { Int($0.1) } ?? 0
        let whole = head.utf8.count + 4 + length
        if received.count >= whole {
          received.removeFirst(whole)
          let target = head.split(separator: " ").dropFirst().first.map(String.init) ?? ""
          requests.withLock { $0.append(target) }
          let (status, body) = answer.withLock { $0 }(target)
          let bytes =
            Array("HTTP/1.1 \(status) x\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body
          guard send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            return
          }
          continue
        }
      }
      let count = recv(connection, &chunk, chunk.count, 0)
      guard count > 0 else { return }
      received += chunk[..<count]
    }
  }
}

/// What a server answers is as little to be relied on as a payload.
@Suite(.serialized) struct ServerAnswerTests {
  static let extremes = [
    "1e300", "1e999", "-9223372036854775808", "9223372036854775807", "-1", "null", "\"NaN\"", "\"1e300\"",
    "[]",
    "4611686018427387904",
  ]

  /// Answers as the servers give them, by what a target contains.
  static let influx: [(String, String)] = [
    ("api/v1/query?query=1", "404"),
    ("SHOW%20FIELD", #"{"results":[{"series":[{"values":[["temp","float"],["door","float"]]}]}]}"#),
    (
      "GROUP%20BY%20%22device%22",
      #"{"results":[{"series":[{"tags":{"device":"a"},"values":[[1729703640000000000,1.5]]}]}]}"#
    ),
    ("fill%28none", #"{"results":[{"series":[{"values":[[1729703640000000000,2,1.5,2.5,4.0,1.5,2.5]]}]}]}"#),
    ("difference", #"{"results":[{"series":[{"values":[[0,3]]}]}]}"#),
    (
      "ORDER%20BY",
      #"{"results":[{"series":[{"values":[[1729703640000000000,1.5,0],[1729703641000000000,2.5,null]]}]}]}"#
    ),
  ]
  static let victoria: [(String, String)] = [
    ("api/v1/query?query=1", "{}"),
    ("__name__/values", #"{"data":["truck01_sensors_temp","truck01_sensors_door"]}"#),
    ("query_range", #"{"data":{"result":[{"metric":{},"values":[[1729703640,"2"],[1729703700.001,"3"]]}]}}"#),
    ("export", #"{"values":[1.5,null],"timestamps":[1729703640000,1729703641000]}"# + "\n"),
    ("api/v1/query?", #"{"data":{"result":[{"metric":{"device":"a"},"value":[1729703640,"1729703640"]}]}}"#),
  ]

  /// The body with the `place`-th number replaced; nil if there are fewer.
  private static func replacing(_ body: String, _ place: Int, by value: String) -> String? {
    let numbers = body.matches(of: /"?-?\d+(\.\d+)?"?/)
    guard place < numbers.count else { return nil }
    return body.replacingCharacters(in: numbers[place].range, with: value)
  }

  /// Each answer with each number replaced by extremes, cut off at many places, and other things.
  private static func broken(_ body: String) -> [String] {
    var bodies: [String] = [
      "", "{}", "[]", "null", String(repeating: "[", count: 100_000), #"{"results":[]}"#, #"{"data":{}}"#,
    ]
    for value in extremes { bodies += (0..<4).compactMap { replacing(body, $0, by: value) } }
    return bodies + stride(from: 1, to: body.count, by: 25).map { String(body.prefix($0)) }
  }

  /// Asks everything; every failure is an error of the server's.
  private func exercise(_ url: String) throws {
    do throws(StoreError) {
      let charts = try StoreLocation(url).charts(table: "truck01_sensors")
      let measures = try charts.measures()
      _ = try charts.newestArrival()
      _ = try charts.arrivals(measures, after: ArrivalCursor(), limit: 5)
      for truck in try charts.trucks() {
        let window = Int64.min..<Int64.max
        if let measure = measures.first {
          for bucket in try charts.buckets(measure, of: truck, window: window, count: 10) {
            let numbers = [bucket.min, bucket.max, bucket.first, bucket.last]
            #expect(!numbers.contains { !$0.isFinite })
          }
          _ = try charts.statistics(measure, of: truck, window: window)
          _ = try charts.latest(measure, of: truck)
          _ = try charts.rises(measure, of: truck, window: window)
        }
        for row in try charts.readings(measures, of: truck, after: .min, limit: 10) {
          #expect(RecordLimits.times.contains(row.time))
          #expect(!row.values.contains { $0?.isFinite == false })
        }
      }
    } catch {
      #expect([.unreachable, .statement, .refused, .missing].contains(error.kind), "\(error)")
    }
  }

  @Test(arguments: ["InfluxDB", "VictoriaMetrics"])
  func `an answer with extreme numbers, or a part of one, is no more than an error`(_ kind: String) throws {
    let answers = kind == "InfluxDB" ? Self.influx : Self.victoria
    let server = try ScriptedServer()
    defer { server.stop() }
    let url = "influx+http://127.0.0.1:\(server.port)?db=x&timeout=5"
    func set(_ place: Int?, _ body: String) {
      var answers = answers
      if let place { answers[place].1 = body }
      let all = answers
      server.script { target in
        guard let found = all.first(where: { target.contains($0.0) }) else { return (404, []) }
        return found.1 == "404" ? (404, []) : (200, Array(found.1.utf8))
      }
    }
    set(nil, "")
    let charts = try StoreLocation(url).charts(table: "truck01_sensors")
    #expect(try charts.measures().map(\.name) == ["temp", "door"])
    #expect(try charts.trucks().map(\.label) == ["a"])
    for place in answers.indices.dropFirst() {
      for body in Self.broken(answers[place].1) {
        set(place, body)
        try exercise(url)
      }
    }
  }

  @Test func `a server that quotes the password or the token isn't quoted`() throws {
    let server = try ScriptedServer()
    defer { server.stop() }
    server.script { _ in (401, Array(#"{"error":"no user bob with s3cret-w0rd"}"#.utf8)) }
    let url = "influx+http://bob:s3cret%2Dw0rd@127.0.0.1:\(server.port)?db=x"
    let store = try StoreLocation(url).open()
    do throws(StoreError) {
      _ = try store.write([StoreFixture.request(0, [("temp", .double(1))])])
      Issue.record("it was taken")
    } catch {
      #expect(error.kind == .refused && error.message.contains("no user bob with ***"), "\(error)")
    }
    #expect(throws: StoreError.self) {
      _ = try StoreLocation(url).charts(table: "truck01_sensors").measures()
    }
  }

  @Test func `a batch that a server refuses in part ends after finitely many requests`() throws {
    let server = try ScriptedServer()
    defer { server.stop() }
    server.script { _ in (400, Array("no".utf8)) }
    let store = try StoreLocation("influx+http://127.0.0.1:\(server.port)?db=x").open()
    let requests = (0..<50).map { StoreFixture.request(Double($0), [("temp", .double(1))]) }
    let rejections = try store.write(requests)
    #expect(rejections.map(\.index) == Array(0..<50) && rejections.allSatisfy { $0.reason == "no" })
    #expect(server.requests.withLock { $0.count } == 99)
  }
}
