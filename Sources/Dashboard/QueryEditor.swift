import Dispatch
import HTTP
import JSON
import Store
import Synchronization
import Time
import TimestreamSQL

/// Runs the statements of the page's query editor, one at a time, off the server's thread.
final class QueryEditor: Sendable {
  /// The largest body of a request, in bytes: a statement of Timestream's length as JSON.
  static let bodyBytes = 524_288
  /// The most rows, and about the most bytes, of an answer.
  private static let rows = 10_000
  private static let answerBytes = 8 << 20
  /// After so many seconds a statement ends.
  private static let timeLimit = 10.0
  /// Statements that wait while another one runs.
  private static let waitingLimit = 8

  private let store: StoreLocation
  private let queue = DispatchQueue(label: "query editor")
  private let waiting = Mutex(0)
  private let isClosed = Mutex(false)

  init(_ store: StoreLocation) { self.store = store }

  /// Ends a statement that runs.
  func stop() { isClosed.withLock { $0 = true } }

  /// Answers `{"sql": "SELECT …"}` with columns and rows as texts, or with an error and its place.
  func answer(_ body: [UInt8], finish: @escaping @Sendable (HTTPResponse) -> Void) {
    guard case .object(let members)? = try? JSONElement(body), case .string(let sql)? = members["sql"] else {
      return finish(API.problem(400, "the body must be a JSON object with \"sql\""))
    }
    guard case .file(let path) = store else {
      return finish(
        API.problem(400, "the query editor needs a store in a file; use the server's own editor instead"))
    }
    let isAdmitted = waiting.withLock { waiting in
      guard waiting < Self.waitingLimit else { return false }
      waiting += 1
      return true
    }
    guard isAdmitted else {
      return finish(API.problem(429, "\(Self.waitingLimit) statements are waiting; try again"))
    }
    queue.async { [self] in
      let response = result(of: sql, path)
      waiting.withLock { $0 -= 1 }
      finish(response)
    }
  }

  private func result(of sql: String, _ path: String) -> HTTPResponse {
    let begin = MonotonicTime.now()
    do {
      let reader = try StoreReader(path: path)
      let plan = try reader.plan(sql)
      var rows: [[UInt8]] = []
      var bytes = 0
      var isCut = false
      try reader.run(
        plan, timeLimit: Self.timeLimit, isCancelled: { [self] in isClosed.withLock { $0 } }
      ) { values in
        guard rows.count < Self.rows, bytes < Self.answerBytes else {
          isCut = true
          return false
        }
        var json = JSONWriter()
        json.array {
          for (value, column) in zip(values, plan.columns) {
            if value.isNull { $0.null() } else { $0.value(value.text(as: column.type)) }
          }
        }
        bytes += json.bytes.count
        rows.append(json.bytes)
        return true
      }
      var json = JSONWriter()
      json.object {
        $0.array("columns") {
          for column in plan.columns {
            $0.object {
              $0.member("name", column.name)
              $0.member("type", column.type.text)
            }
          }
        }
        $0.array("rows") { for row in rows { $0.value(json: row) } }
        $0.member("isCut", isCut)
        $0.member("milliseconds", MonotonicTime.now().since(begin) / 1_000_000)
      }
      return HTTPResponse(200, json.bytes, contentType: "application/json")
    } catch let error as QueryError {
      var json = JSONWriter()
      json.object {
        $0.member("error", error.description)
        if error.line > 0 {
          $0.member("line", error.line)
          $0.member("column", error.column)
        }
        if let suggestion = error.suggestion { $0.member("suggestion", suggestion) }
      }
      return HTTPResponse(400, json.bytes, contentType: "application/json")
    } catch let error as StoreError where error.kind == .interrupted {
      return API.problem(
        400,
        "the statement took longer than \(Int(Self.timeLimit)) s; add a condition on time, or use 'trucksensor store query'"
      )
    } catch {
      return API.problem(400, "\(error)")
    }
  }
}
