import Glibc
import Store

/// The store's table for charts, opened when it is there, and anew when the file is another one.
final class OpenCharts {
  private let settings: DashboardSettings
  private var charts: (any ChartSource)?
  private var inode: UInt = 0

  init(_ settings: DashboardSettings) { self.settings = settings }

  /// The table, and whether it was opened just now.
  func source() throws(StoreError) -> (any ChartSource, isNew: Bool) {
    if case .file(let path) = settings.store {
      var status = stat()
      guard stat(path, &status) == 0 else {
        charts = nil
        throw StoreError(.missing, "there is no store \(path) yet")
      }
      if inode != status.st_ino { charts = nil }
      inode = status.st_ino
    }
    if let charts { return (charts, false) }
    let opened = try settings.store.charts(table: settings.table)
    charts = opened
    return (opened, true)
  }

  func close() { charts = nil }
}
