import Files
import Glibc
import Numbers

/// The processor time that processes have taken.
enum ProcessTime {
  /// This process's, in nanoseconds.
  static var own: Int64 {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    func nanoseconds(_ time: timeval) -> Int64 {
      Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_usec) * 1000
    }
    return nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime)
  }

  /// Another process's, in nanoseconds; nil if there is none. Linux counts it in hundredths of a second.
  static func of(_ process: Int32) -> Int64? {
    guard let text = try? Files.readText("/proc/\(process)/stat"), let name = text.lastIndex(of: ")") else {
      return nil
    }
    // proc(5): utime and stime are the fields 14 and 15, and the name, which may hold blanks, is the second.
    let fields = text[text.index(after: name)...].split(separator: " ")
    guard fields.count > 12, let user = Int64(fields[11]), let system = Int64(fields[12]) else { return nil }
    return user.saturatingAdd(system).saturatingMultiply(
      1_000_000_000 / Int64(max(1, sysconf(Int32(clamping: _SC_CLK_TCK)))))
  }

  /// The time of all cores of the machine so far and what of it was idle, in hundredths of a second; nil where /proc doesn't tell.
  static var machine: (all: Int64, idle: Int64)? {
    guard let text = try? Files.readText("/proc/stat"), let line = text.split(separator: "\n").first else {
      return nil
    }
    // proc(5): user, nice, system, idle, iowait, irq, softirq, steal; what follows is contained in them.
    let times = line.split(separator: " ").dropFirst().prefix(8).compactMap { Int64($0) }
    guard times.count == 8 else { return nil }
    return (times.reduce(0) { $0.saturatingAdd($1) }, times[3].saturatingAdd(times[4]))
  }
}
