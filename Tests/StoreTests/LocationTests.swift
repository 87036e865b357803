import Numbers
import Testing

@testable import Store

/// Where a store is, and what of it may be printed.
@Suite struct LocationTests {
  private static let password = "hunter2&Co"
  private static let encoded = "hunter2%26Co"

  @Test(arguments: [
    ("postgres://bob:hunter2%26Co@127.0.0.1:5432/db?sslmode=disable", "postgres://bob@127.0.0.1:5432/db"),
    ("postgresql://bob@h1:1,h2:2/db", "postgresql://bob@h1:1,h2:2/db"),
    ("postgres:///db?host=/run&user=bob&password=hunter2%26Co", "postgres:///db"),
    ("postgres://[::1]:5432/db", "postgres://[::1]:5432/db"),
    ("influx+http://bob:hunter2%26Co@h:8086?db=sensorDB", "influx+http://bob@h:8086?db=sensorDB"),
    ("influx+https://h/insert/0/influx/?db=a%20b&timeout=0.5", "influx+https://h/insert/0/influx?db=a%20b"),
    ("influx+https://h:8086?org=o&bucket=b", "influx+https://h:8086?org=o&bucket=b"),
    ("data/sensorDB.sqlite", "data/sensorDB.sqlite"), ("a@b:c", "a@b:c"),
  ])
  func `a location is printed without its password`(_ text: String, _ printed: String) throws {
    let location = try StoreLocation(text)
    #expect("\(location)" == printed)
    #expect(!"\(location) \(String(reflecting: location))".contains("hunter2"))
  }

  /// URLs of a password in every wrong place.
  static let wrong = [
    "postgres://bob:hun/ter2@h/db", "postgres://bob:hun@ter2@h/db", "postgres://bob:hun?ter2/x@h/db",
    "postgres://bob:hunter2", "postgres://bob:hunter2/db", "postgres://bob:hunter2%zz@h/db",
    "postgres://bob:hunter2%00@h/db",
    "postgres://bob:hunter2%@h", "postgres://bob:hunter2@h:port/db", "postgres://bob:hunter2@h:99999/db",
    "postgres://bob:hunter2@h/db?x", "postgres://bob:hunter2@h/db?=y",
    "postgres://h/db?password=hunter2&password=hunter2",
    "postgres://h/db?password=hunter2&x", "influx+http://bob:hunter2@", "influx+http://bob:hunter2@h",
    "influx+http://bob:hunter2@h?db=",
    "influx+http://bob:hunter2@h?db=x&version=9", "influx+http://bob:hunter2@h?db=x&p=hunter2",
    "influx+http://h?db=x&password=hunter2",
    "influx+http://bob:hunter2", "influx+http://bob:hunter2?db=x", "influx+http://bob:hun/ter2@h?db=x",
    "influx+http://:hunter2@?db=x",
    "influx+http://bob:hunter2@h?db=x&timeout=1e300", "influx+http://bob:hunter2@h?db=x&timeout=nan",
    "influx+http://bob:hunter2@h?db=x&timeout=-1", "influx+http://bob:hunter2@h?db=x&token-file=/none/hunt",
    "mysql://bob:hunter2@h/db", "influx://bob:hunter2@h", "http://bob:hunter2@h?password=hunter2",
    "x://hunter2:hunter2",
    "influx+http://bob:hunter2@h\n?db=x", "", "influx+http://", "influx+http://?", "postgres://", "://",
    "influx+http://@:?db=x",
  ]

  @Test(arguments: wrong)
  func `an error about a location doesn't print the password`(_ text: String) {
    // What the user wrote as a name may be printed.
    let secrets = ["hunter2", "hun/", "/ter2", "ter2", "hun@", "hun?"]
    do throws(StoreError) {
      let location = try StoreLocation(text)
      #expect(!secrets.contains { "\(location)".contains($0) }, "\(location)")
    } catch {
      #expect(error.kind == .invalid)
      #expect(
        !secrets.contains { error.message.replacing("x://hunter2:", with: "").contains($0) }, "\(error)")
    }
  }

  @Test func `a random URL is a location or an error, and prints no password`() {
    var random = SplitMix64(seed: 7)
    let pieces = [
      "postgres://", "influx+http://", "bob", ":", "@", "/", "?", "&", "=", "db", "db=x", "h", "8086", "%41",
      "%", "[", "]", ",", "#",
      "timeout=", "1e300", "-1", "version=2", "é", "://",
    ]
    for _ in 0..<3000 {
      let parts = (0..<Int.random(in: 1...10, using: &random)).compactMap { _ in
        pieces.randomElement(using: &random)
      }
      let start =
        Bool.random(using: &random) ? "postgres://bob:Zq9Zq9@h/" : "influx+http://bob:Zq9Zq9@h?db=x&"
      for text in [start + parts.joined(), parts.joined() + ":Zq9Zq9@" + parts.joined()] {
        do throws(StoreError) {
          let location = try StoreLocation(text)
          // A file's name isn't a password.
          if case .file = location { continue }
          #expect(!"\(location)".contains("Zq9Zq9"), "\(text)")
        } catch {
          #expect(!error.message.contains("Zq9Zq9"), "\(text): \(error)")
        }
      }
    }
  }

  @Test func `an unreachable server is an error, and its connection is freed once`() throws {
    for url in [
      "postgres://bob:hunter2@127.0.0.1:1/db", "postgres://bob:hunter2@127.0.0.1:1/db?connect_timeout=x",
    ] {
      for _ in 0..<3 {
        do throws(StoreError) {
          _ = try StoreLocation(url).open()
          Issue.record("it was opened")
        } catch {
          #expect(error.kind == .unreachable || error.kind == .system, "\(error)")
          #expect(!error.message.contains("hunter2"))
        }
        #expect(throws: StoreError.self) { try StoreLocation(url).charts(table: "truck01_sensors") }
      }
    }
  }
}

@Suite struct LineProtocolTests {
  private static func request(_ device: String, measure: String = "temp") -> WriteRequest {
    WriteRequest(
      table: "truck01_sensors",
      record: Record(
        dimensions: [Dimension("device", device)], time: 5, measures: [(measure, .varchar("a\"b\\"))]))
  }

  @Test(arguments: [
    ("x", "x"), ("x y", "x\\ y"), ("a,b=c", "a\\,b\\=c"), ("a\\b", "a\\b"), ("a\\\\b", "a\\\\b"),
    ("\"x\"", "\"x\""), ("é", "é"),
  ])
  func `a tag is escaped`(_ value: String, _ written: String) {
    let request = Self.request(value)
    #expect(LineProtocol.problem(with: request.record) == nil)
    #expect(
      String(decoding: LineProtocol.line(request), as: UTF8.self)
        == "truck01_sensors,device=\(written) temp=\"a\\\"b\\\\\" 5\n")
  }

  @Test(arguments: ["x\\", "\\", "a\\,b", "a\\ b", "a\\=b", "a\\\\", "a\nb", "a\r", "\u{0}", "a\t"])
  func `what line protocol can't say is refused, not changed`(_ value: String) {
    #expect(LineProtocol.problem(with: Self.request(value).record) != nil)
    #expect(LineProtocol.problem(with: Self.request("x", measure: value).record) != nil)
  }

  /// A tag's text from a line, by InfluxDB's two rules: a separator behind a backslash is a part of the text; and a backslash
  /// takes the next byte with it while the end is looked for.
  private static func tag(_ line: [UInt8]) -> [UInt8]? {
    let start = Array("truck01_sensors,device=".utf8)
    guard line.starts(with: start) else { return nil }
    var ends: [Int] = []
    for skipsPairs in [false, true] {
      var index = start.count
      while index < line.count, !Array(", =".utf8).contains(line[index]) {
        let isEscape = line[index] == 0x5C
        let isSeparator = index + 1 < line.count && Array(", =".utf8).contains(line[index + 1])
        index += isEscape && (skipsPairs || isSeparator) ? 2 : 1
      }
      ends.append(index)
    }
    guard ends[0] == ends[1], line[ends[0]...].starts(with: Array(" temp=".utf8)) else { return nil }
    var text: [UInt8] = []
    var index = start.count
    while index < ends[0] {
      if line[index] == 0x5C, Array(", =".utf8).contains(line[index + 1]) { index += 1 }
      text.append(line[index])
      index += 1
    }
    return text
  }

  @Test func `random tags read back as they were`() {
    var random = SplitMix64(seed: 9)
    let characters = ["\\", ",", "=", " ", "\"", "a", "é", "\n", "'", "\\\\"]
    var taken = 0
    for _ in 0..<5000 {
      let text = (0..<Int.random(in: 1...6, using: &random)).compactMap { _ in
        characters.randomElement(using: &random)
      }
      .joined()
      let request = Self.request(text)
      guard LineProtocol.problem(with: request.record) == nil else { continue }
      taken += 1
      #expect(Self.tag(LineProtocol.line(request)) == Array(text.utf8), "\(text)")
    }
    #expect(taken > 1000)
  }

  @Test(arguments: [
    (StoreFixture.request(1, [("a\\", .double(1))]), "backslash"),
    (StoreFixture.request(1, [("time", .double(1))]), "reserved"),
    (StoreFixture.request(1, [("a", .double(1)), ("a", .double(2))]), "'a' twice"),
    (StoreFixture.request(1, [("device", .double(1))]), "'device' twice"),
    (StoreFixture.request(1, [("a", .double(.nan))]), "nan"),
    (StoreFixture.request(1, [("a", .double(1))], device: "x\\"), "backslash"),
  ])
  func `a record that a server can't keep is rejected before it is sent`(
    _ request: WriteRequest, _ reason: String
  ) throws {
    // Nobody listens on port 1: nothing is sent.
    let store = try StoreLocation("influx+http://127.0.0.1:1?db=x").open()
    let rejections = try store.write([request])
    #expect(rejections.count == 1 && rejections[0].reason.contains(reason), "\(rejections)")
  }
}
