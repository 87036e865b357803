import Glibc
import JSON
import Store
import Synchronization
import TimestreamSQL

/// A running statement and the pages of its result.
///
/// One thread runs the statement to its end and splits the rows into pages. The pages wait in a temporary file, so that a slow
/// client neither keeps a read transaction open nor takes memory.
final class QueryRun: Sendable {
  /// The state of a requested page.
  enum Page {
    /// The page's rows as elements of a JSON array, whether it is the last page, and the size of all rows up to its end, in
    /// bytes.
    case rows([UInt8], isLast: Bool, scanned: Int)
    /// The page isn't ready.
    case unfinished
    case failed(AWSFault)
  }

  /// The approximate maximum size of a page, in bytes, as in Timestream.
  private static let pageBytes = 1 << 20
  /// The maximum size of a whole result, in bytes.
  private static let resultBytes = 1 << 30

  /// Letters and digits, unique.
  let identifier: String
  let statement: String
  private let maxRows: Int

  private struct State {
    /// `[{"Name":…,"Type":…},…]`, once the statement is planned.
    var columns = Array("[]".utf8)
    /// The offset at which each finished page ends in the spool.
    var ends: [Int] = []
    var isDone = false
    var isCancelled = false
    var fault: AWSFault?
    var waiting: [(page: Int, number: Int, take: @Sendable (Page) -> Void)] = []
    var lastNumber = 0
    let spool: Spool
  }

  private let state: Mutex<State>

  init(_ identifier: String, statement: String, maxRows: Int?) {
    self.identifier = identifier
    self.statement = statement
    self.maxRows = maxRows ?? Int.max
    state = Mutex(State(spool: Spool()))
  }

  var columns: [UInt8] { state.withLock { $0.columns } }
  var isCancelled: Bool { state.withLock { $0.isCancelled } }
  var isRunning: Bool { state.withLock { !$0.isDone } }

  /// Cancels the statement at its next row; returns false if it has already ended.
  func cancel() -> Bool {
    state.withLock { state in
      guard !state.isDone else { return false }
      state.isCancelled = true
      return true
    }
  }

  /// Plans the statement over the store at `path` and runs it to its end, on this thread.
  func run(_ path: String, timeLimit: Double) {
    do throws(AWSFault) {
      let (reader, plan) = try Self.planned(statement, path)
      var json = JSONWriter()
      json.array { for column in plan.columns { ResultJSON.column(column, to: &$0) } }
      state.withLock { $0.columns = json.bytes }
      try run(plan, reader, timeLimit)
    } catch {
      end(error)
    }
  }

  /// Opens the store at `path` and plans a statement for it.
  static func planned(_ statement: String, _ path: String) throws(AWSFault) -> (StoreReader, QueryPlan) {
    do {
      let reader = try StoreReader(path: path, mayBeMissing: true)
      return (reader, try reader.plan(statement))
    } catch let error as QueryError {
      throw .validation(error.description)
    } catch let error as StoreError where error.kind == .statement || error.kind == .invalid {
      throw .validation(error.message)
    } catch {
      throw AWSFault("InternalServerException", status: 500, "\(error)")
    }
  }

  private func run(_ plan: QueryPlan, _ reader: StoreReader, _ timeLimit: Double) throws(AWSFault) {
    let types = plan.columns.map(\.type)
    var page: [UInt8] = []
    var rows = 0
    var fault: AWSFault?
    do throws(StoreError) {
      try reader.run(plan, timeLimit: timeLimit, isCancelled: { [unowned self] in isCancelled }) { values in
        // A page ends only when the next page has a row, so that every token leads to rows.
        if rows >= maxRows || page.count >= Self.pageBytes {
          fault = finish(page, isLast: false)
          guard fault == nil else { return false }
          page = []
          rows = 0
        }
        if rows > 0 { page.append(UInt8(ascii: ",")) }
        var json = JSONWriter()
        ResultJSON.row(zip(values, types), to: &json)
        page += json.bytes
        rows += 1
        return true
      }
    } catch {
      throw AWSFault("QueryExecutionException", error.message)
    }
    if let fault = fault ?? finish(page, isLast: true) { throw fault }
  }

  /// Ends the run with a fault and answers all waiting requests.
  private func end(_ fault: AWSFault) {
    let waiting = state.withLock { state in
      state.isDone = true
      state.fault = fault
      defer { state.waiting = [] }
      return state.waiting
    }
    for one in waiting { one.take(page(one.page)) }
  }

  /// Stores a page and answers the requests that wait for it.
  private func finish(_ rows: [UInt8], isLast: Bool) -> AWSFault? {
    let result = state.withLock { state -> Result<[(Int, @Sendable (Page) -> Void)], AWSFault> in
      let end = (state.ends.last ?? 0) + rows.count
      guard end <= Self.resultBytes else {
        return .failure(
          AWSFault(
            "QueryExecutionException",
            "The result is larger than \(Self.resultBytes >> 20) MB; aggregate, or select fewer columns or rows"
          ))
      }
      guard state.spool.append(rows) else {
        return .failure(
          AWSFault("InternalServerException", status: 500, "the disk is too full for the query's result"))
      }
      state.ends.append(end)
      state.isDone = isLast
      let ready = state.waiting.filter { $0.page < state.ends.count || isLast }
      state.waiting.removeAll { $0.page < state.ends.count || isLast }
      return .success(ready.map { ($0.page, $0.take) })
    }
    switch result {
    case .failure(let fault): return fault
    case .success(let ready):
      for (index, take) in ready { take(page(index)) }
      return nil
    }
  }

  /// The present state of a page.
  func page(_ index: Int) -> Page {
    state.withLock { state in Self.page(index, state) }
  }

  private static func page(_ index: Int, _ state: State) -> Page {
    guard index < state.ends.count else {
      return state.isDone ? .failed(state.fault ?? .validation("The page does not exist")) : .unfinished
    }
    let begin = index == 0 ? 0 : state.ends[index - 1]
    guard let rows = state.spool.read(begin..<state.ends[index]) else {
      return .failed(
        AWSFault("InternalServerException", status: 500, "the query's result can't be read any more"))
    }
    return .rows(
      rows, isLast: state.isDone && state.fault == nil && index == state.ends.count - 1,
      scanned: state.ends[index])
  }

  /// Calls `take` with the page when it is available, or with `.unfinished` if `release` is called first.
  /// - Returns: The number for `release`; nil if `take` has already been called.
  func page(_ index: Int, then take: @escaping @Sendable (Page) -> Void) -> Int? {
    let (page, number) = state.withLock { state -> (Page?, Int) in
      let page = Self.page(index, state)
      if case .unfinished = page {
        state.lastNumber += 1
        state.waiting.append((index, state.lastNumber, take))
        return (nil, state.lastNumber)
      }
      return (page, 0)
    }
    guard let page else { return number }
    take(page)
    return nil
  }

  /// Answers the request that waits under `number` with `.unfinished`.
  func release(_ number: Int) {
    let take = state.withLock { state -> (@Sendable (Page) -> Void)? in
      guard let index = state.waiting.firstIndex(where: { $0.number == number }) else { return nil }
      return state.waiting.remove(at: index).take
    }
    take?(.unfinished)
  }
}

/// Bytes that are written once and read by offset: up to 1 MiB in memory, more in an unnamed temporary file.
final class Spool {
  private static let memory = 1 << 20
  private var bytes: [UInt8] = []
  private var count = 0
  private var file: Int32 = -1

  deinit { if file >= 0 { close(file) } }

  /// Appends bytes; returns false if they don't fit.
  func append(_ more: [UInt8]) -> Bool {
    if file < 0 {
      guard bytes.count + more.count > Self.memory else {
        bytes += more
        count = bytes.count
        return true
      }
      let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
      var name = Array("\(folder)/trucksensor-query-XXXXXX".utf8CString)
      file = mkstemp(&name)
      guard file >= 0 else { return false }
      // Only this process can use the file, and it disappears with the process.
      _ = fcntl(file, F_SETFD, FD_CLOEXEC)
      unlink(name)
      guard write(bytes, at: 0) else { return false }
      bytes = []
    }
    guard write(more, at: count) else { return false }
    count += more.count
    return true
  }

  private func write(_ bytes: [UInt8], at place: Int) -> Bool {
    var done = 0
    while done < bytes.count {
      let written = bytes[done...].withUnsafeBytes {
        pwrite(file, $0.baseAddress, $0.count, place + done)
      }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { return false }
      done += written
    }
    return true
  }

  /// The bytes of a range; nil if they can't be read.
  func read(_ range: Range<Int>) -> [UInt8]? {
    guard file >= 0 else { return Array(bytes[range]) }
    var result = [UInt8](repeating: 0, count: range.count)
    var done = 0
    while done < result.count {
      let count = result[done...].withUnsafeMutableBytes {
        pread(file, $0.baseAddress, $0.count, range.lowerBound + done)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return nil }
      done += count
    }
    return result
  }
}
