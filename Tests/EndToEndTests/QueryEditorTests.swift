import Foundation
import Testing

/// A process whose standard input and output are a terminal.
private final class Terminal {
  private let process = Process()
  private let primary: Int32
  /// TIOCSPTLCK and TIOCGPTN of <asm-generic/ioctls.h>, macros that Swift doesn't see.
  private static let setLock: UInt = 0x4004_5431
  private static let getNumber: UInt = 0x8004_5430
  private var text = ""
  /// How much of the text `expect` has passed.
  private var passed = 0

  init(_ arguments: [String], in folder: URL, rows: UInt16, pager: String? = nil) throws {
    // Glibc's module hides posix_openpt and what belongs to it.
    primary = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    var (lock, number): (Int32, UInt32) = (0, 0)
    try #require(primary >= 0 && ioctl(primary, Self.setLock, &lock) == 0)
    try #require(ioctl(primary, Self.getNumber, &number) == 0)
    var size = winsize(ws_row: rows, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0)
    try #require(ioctl(primary, UInt(TIOCSWINSZ), &size) == 0)
    _ = fcntl(primary, F_SETFL, O_NONBLOCK)
    let secondary = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
    try #require(secondary >= 0)
    let handle = FileHandle(fileDescriptor: secondary, closeOnDealloc: true)
    process.executableURL = Trucksensor.executable
    process.arguments = arguments
    process.currentDirectoryURL = folder
    var environment = ProcessInfo.processInfo.environment
    environment["TERM"] = "dumb"
    environment["HOME"] = folder.path
    environment["PAGER"] = pager
    process.environment = environment
    process.standardInput = handle
    process.standardOutput = handle
    process.standardError = handle
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    close(primary)
  }

  func type(_ keys: String) { _ = keys.withCString { write(primary, $0, strlen($0)) } }

  private func read() {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = Glibc.read(primary, &bytes, bytes.count)
    if count > 0 {
      text += String(decoding: bytes.prefix(count), as: UTF8.self).replacingOccurrences(of: "\r", with: "")
    }
  }

  /// Waits, for 20 s at most, until the terminal shows `words` behind what was expected before; gives what came until then.
  @discardableResult
  func expect(_ words: String) throws -> String {
    let deadline = Date().addingTimeInterval(20)
    while true {
      let rest = text.dropFirst(passed)
      if let found = rest.range(of: words) {
        passed = text.distance(from: text.startIndex, to: found.upperBound)
        return String(rest[..<found.upperBound])
      }
      try #require(Date() < deadline, "no '\(words)' in: \(rest)")
      read()
      poll(nil, 0, 10)
    }
  }

  func wait() -> Int32 {
    while process.isRunning {
      read()
      poll(nil, 0, 10)
    }
    return process.terminationStatus
  }
}

/// The query editor on a terminal.
@Suite(.enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct QueryEditorTests {
  private let truck: Trucksensor

  init() throws {
    truck = try Trucksensor()
    var lines = ["time,temp,volts"]
    for minute in 0..<30 { lines.append("2024-10-23T14:\(minute + 10):00Z,\(minute).0,12.5") }
    try truck.write(lines.joined(separator: "\n") + "\n", to: "readings.csv")
    #expect(try truck.run("store", "import", "readings.csv", "--device", "truckSensor01").status == 0)
  }

  private func editor(rows: UInt16 = 24, _ options: String...) throws -> Terminal {
    let terminal = try Terminal(["store", "query"] + options, in: truck.folder, rows: rows)
    try terminal.expect("trucksensor> ")
    return terminal
  }

  @Test func `statements that aren't UTF-8 are refused, not changed`() throws {
    try Data("SELECT 1; SELECT '\u{E9}'".utf8.dropLast(2) + Data("'".utf8)).write(
      to: URL(fileURLWithPath: truck.path("broken.sql")))
    let finished = try Trucksensor.Running(
      URL(fileURLWithPath: "/bin/sh"),
      ["-c", "exec '\(Trucksensor.executable.path)' store query < broken.sql"], in: truck.folder
    ).wait()
    #expect(finished.status != 0 && finished.output.isEmpty)
    #expect(finished.errors.contains("standard input isn't UTF-8"), "\(finished.errors)")
  }

  @Test func `Tab completes tables behind FROM, columns, functions and keywords`() throws {
    let terminal = try editor()
    terminal.type("sel\t")
    try terminal.expect("select ")
    terminal.type("approx_per\t")
    try terminal.expect("approx_percentile(")
    terminal.type("measure_va\t")
    try terminal.expect("measure_value::double ")
    terminal.type(", 0.5) from truck01_sensors_\t")
    // libedit writes only what changes of the line.
    try terminal.expect("_wide ")
    // The table with a row for each measure has the column.
    terminal.type("\u{15}.tab\t\n")
    try terminal.expect("truck01_sensors_wide\n")
    terminal.type(".quit\n")
    #expect(terminal.wait() == 0)
  }

  @Test func `a wrong statement is shown with a caret below the place and the name that was meant`() throws {
    let terminal = try editor()
    terminal.type("SELECT temp,\n tmep FROM truck01_sensors_wide;\n")
    try terminal.expect("line 2:2: Column 'tmep' does not exist\n tmep FROM truck01_sensors_wide\n ^\n")
    try terminal.expect("Did you mean 'temp'?")
    terminal.type("SELECT max(temp) AS m FROM truck01_sensors_wide;\n")
    try terminal.expect("29.0\n")
    terminal.type("\u{4}")
    #expect(terminal.wait() == 0)
  }

  @Test func `a result is shown a page at a time, and q ends it`() throws {
    let terminal = try editor(rows: 10)
    let statement = "SELECT temp FROM truck01_sensors_wide ORDER BY time;\n"
    terminal.type(statement)
    // Names, rules and seven rows: one line of the screen is left for the question.
    let first = try terminal.expect("-- Space")
    #expect(first.contains("\n 6.0\n") && !first.contains("\n 7.0\n"), "\(first)")
    terminal.type("\n")
    let next = try terminal.expect("-- Space")
    #expect(next.contains(" 7.0\n") && !next.contains(" 8.0\n"), "\(next)")
    terminal.type(" ")
    let page = try terminal.expect("-- Space")
    #expect(page.contains(" 8.0\n") && page.contains("16.0\n") && !page.contains("17.0\n"), "\(page)")
    terminal.type("q")
    let rest = try terminal.expect("trucksensor> ")
    #expect(!rest.contains("18.0"), "\(rest)")
    terminal.type("SELECT 7 AS short;\n")
    #expect(try !terminal.expect("1 row\n").contains("-- Space"))
    terminal.type(".quit\n")
    #expect(terminal.wait() == 0)
  }

  @Test func `PAGER gets what doesn't fit, and --no-pager shows all at once`() throws {
    let statement = "SELECT temp FROM truck01_sensors_wide ORDER BY time"
    let paged = try Terminal(
      ["store", "query", statement], in: truck.folder, rows: 10, pager: "sed 's/^/> /'")
    try paged.expect("> 29.0\n")
    try paged.expect("30 rows\n")
    #expect(paged.wait() == 0)
    let fitting = try Terminal(
      ["store", "query", statement + " LIMIT 2"], in: truck.folder, rows: 10, pager: "sed 's/^/> /'")
    #expect(try !fitting.expect("2 rows\n").contains(">"))
    #expect(fitting.wait() == 0)
    let whole = try Terminal(["store", "query", "--no-pager", statement], in: truck.folder, rows: 10)
    #expect(try !whole.expect("30 rows\n").contains("-- Space"))
    #expect(whole.wait() == 0)
  }
}
