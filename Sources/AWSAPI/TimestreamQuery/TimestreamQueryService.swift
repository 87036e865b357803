import Dispatch
import HTTP
import JSON
import Store
import Synchronization
import Time
import TimestreamSQL

/// Amazon Timestream's query service over a store's file (Timestream API reference, "Amazon Timestream Query").
final class TimestreamQueryService: Sendable {
  /// The maximum length of a statement, in characters, as in Timestream.
  private static let statementBytes = 262_144
  /// How long a response waits for rows, in seconds. After that the client gets an empty page with a token and with the query's
  /// identifier, by which it can cancel the query.
  private static let patience = 5.0
  /// The time limit of a query, in seconds.
  private static let timeLimit = 3600.0
  /// How many times a token may be used, and how long it is valid, in seconds, as in Timestream.
  private static let tokenUses = 5
  private static let tokenLife: Int64 = 3600
  /// The maximum numbers of results kept and of statements running at once.
  private static let resultsKept = 8
  private static let running = 8

  private let store: String
  private let timers = DispatchQueue(label: "query timers")

  private struct Token {
    let run: QueryRun
    let page: Int
    let expires: MonotonicTime
    var uses: Int
  }

  private struct State {
    var runs: [QueryRun] = []
    var tokens: [String: Token] = [:]
  }

  private let state = Mutex(State())

  /// A service over the store at `store`.
  init(store: String) { self.store = store }

  deinit { state.withLock { state in for run in state.runs { _ = run.cancel() } } }

  // MARK: Query

  func query(_ input: AWSInput, finish: @escaping @Sendable (HTTPResponse) -> Void) throws(AWSFault) {
    let statement = try input.required("QueryString", length: 1...Self.statementBytes)
    _ = try input.text("ClientToken", length: 32...128)
    let maxRows = try input.integer("MaxRows", in: 1...1000)
    let (run, page) =
      if let token = try input.text("NextToken", length: 0...2048), !token.isEmpty {
        try continued(token, statement)
      } else {
        (try start(statement, maxRows: maxRows), 0)
      }
    let waiting = run.page(page) { [weak self] in
      finish(self?.response(run, page, $0) ?? HTTPResponse(503, "the server is ending\n"))
    }
    guard let waiting else { return }
    timers.asyncAfter(deadline: .now() + Self.patience) { run.release(waiting) }
  }

  private func continued(_ text: String, _ statement: String) throws(AWSFault) -> (QueryRun, Int) {
    let found = state.withLock { state -> Token? in
      guard var token = state.tokens[text], token.uses > 0, token.expires > .now() else { return nil }
      token.uses -= 1
      state.tokens[text] = token
      return token
    }
    guard let found else { throw .validation("The NextToken is invalid, was used too often, or has expired") }
    guard found.run.statement == statement else {
      throw .validation("The QueryString must be the one that the NextToken was given for")
    }
    if found.run.isCancelled {
      throw AWSFault("ConflictException", "The query \(found.run.identifier) was cancelled")
    }
    return (found.run, found.page)
  }

  private func start(_ statement: String, maxRows: Int?) throws(AWSFault) -> QueryRun {
    let run = QueryRun(Self.random(), statement: statement, maxRows: maxRows)
    let isAdmitted = state.withLock { state in
      let now = MonotonicTime.now()
      state.tokens = state.tokens.filter { $0.value.uses > 0 && $0.value.expires > now }
      // A result without a token can no longer be read.
      state.runs.removeAll { run in !run.isRunning && !state.tokens.values.contains { $0.run === run } }
      guard state.runs.count(where: \.isRunning) < Self.running else { return false }
      if state.runs.count >= Self.resultsKept, let oldest = state.runs.firstIndex(where: { !$0.isRunning }) {
        let old = state.runs.remove(at: oldest)
        state.tokens = state.tokens.filter { $0.value.run !== old }
      }
      state.runs.append(run)
      return true
    }
    guard isAdmitted else {
      throw AWSFault(
        "ThrottlingException", "\(Self.running) queries are running; try again when one has ended")
    }
    // Each statement has its own queue: the global queue has one thread per processor, and long statements would occupy them all.
    DispatchQueue(label: "query").async { [store] in run.run(store, timeLimit: Self.timeLimit) }
    return run
  }

  private func response(_ run: QueryRun, _ index: Int, _ page: QueryRun.Page) -> HTTPResponse {
    var rows: [UInt8] = []
    var next: String?
    var scanned = 0
    switch page {
    case .failed(let fault): return fault.jsonResponse
    case .unfinished: next = token(run, index, isRenewed: true)
    case .rows(let bytes, let isLast, let size):
      (rows, scanned) = (bytes, size)
      if !isLast { next = token(run, index + 1, isRenewed: false) }
    }
    var json = JSONWriter()
    json.object {
      $0.member("QueryId", run.identifier)
      if let next { $0.member("NextToken", next) }
      $0.member("ColumnInfo", json: run.columns)
      $0.array("Rows") { if !rows.isEmpty { $0.value(json: rows) } }
      $0.object("QueryStatus") {
        $0.member("ProgressPercentage", next == nil ? 100.0 : 50.0)
        $0.member("CumulativeBytesScanned", scanned)
        $0.member("CumulativeBytesMetered", scanned)
      }
    }
    return AWSServer.jsonResponse(json)
  }

  /// The token of a page, always the same for the same page. Renewing it resets its uses and its expiry.
  private func token(_ run: QueryRun, _ page: Int, isRenewed: Bool) -> String {
    let text = "\(run.identifier)-\(page)"
    state.withLock { state in
      guard isRenewed || state.tokens[text] == nil else { return }
      state.tokens[text] = Token(
        run: run, page: page, expires: MonotonicTime.now().advanced(by: Self.tokenLife * 1_000_000_000),
        uses: Self.tokenUses)
    }
    return text
  }

  /// 52 random letters and digits.
  private static func random() -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    return String((0..<52).map { _ in letters[Int.random(in: 0..<letters.count)] })
  }

  // MARK: Other operations

  func cancel(_ input: AWSInput) throws(AWSFault) -> HTTPResponse {
    let identifier = try input.required("QueryId", length: 1...64)
    guard let run = state.withLock({ $0.runs.first { $0.identifier == identifier } }) else {
      throw .validation("The query \(identifier.prefix(64)) does not exist")
    }
    var json = JSONWriter()
    let message = run.cancel() ? "The query was cancelled" : "The query has ended already"
    json.object { $0.member("CancellationMessage", "\(message): \(identifier)") }
    return AWSServer.jsonResponse(json)
  }

  func prepare(_ input: AWSInput) throws(AWSFault) -> HTTPResponse {
    let statement = try input.required("QueryString", length: 1...Self.statementBytes)
    _ = try input.flag("ValidateOnly")
    let plan = try QueryRun.planned(statement, store).1
    var json = JSONWriter()
    json.object {
      $0.member("QueryString", statement)
      $0.array("Columns") {
        for column in plan.columns {
          $0.object {
            $0.member("Name", column.name)
            $0.key("Type")
            ResultJSON.type(column.type, to: &$0)
            $0.member("Aliased", false)
          }
        }
      }
      $0.array("Parameters") { _ in }
    }
    return AWSServer.jsonResponse(json)
  }
}
