import Glibc
import Store

/// The store's table for charts, opened when it is there, and again when the file was replaced. Used on one thread.
final class OpenCharts {
  private let settings: DashboardSettings
  private var charts: (any ChartSource)?
  private var inode: UInt?

  init(_ settings: DashboardSettings) { self.settings = settings }

  /// Whether the table is another one than at the call before.
  enum Change { case none, reopened, replaced }

  /// The table, opened if it isn't yet.
  func source() throws(StoreError) -> (any ChartSource, Change) {
    var change = Change.reopened
    if case .file(let path) = settings.store {
      var status = stat()
      guard stat(path, &status) == 0 else {
        charts = nil
        inode = nil
        throw StoreError(.missing, "there is no store \(path) yet")
      }
      if inode != status.st_ino { (charts, inode, change) = (nil, status.st_ino, .replaced) }
    }
    if let charts { return (charts, .none) }
    let opened = try settings.store.charts(table: settings.table)
    charts = opened
    return (opened, change)
  }

  func close() { charts = nil }
}
