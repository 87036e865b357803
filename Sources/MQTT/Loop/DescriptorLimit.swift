import Glibc
import Numbers

/// How many descriptors this process, and the broker it starts, may have open.
public enum DescriptorLimit {
  /// libmosquitto opens a pair of sockets besides each connection.
  private static let descriptorsPerClient = 3
  /// For files, the event loop, the broker and the store.
  private static let otherDescriptors = 100

  /// Raises the soft limit to the hard one, since shells give 1024; returns how many descriptors there may be.
  @discardableResult
  public static func raise() -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .max }
    if limit.rlim_cur < limit.rlim_max {
      var raised = limit
      raised.rlim_cur = limit.rlim_max
      if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
    }
    return Int(clamping: limit.rlim_cur)
  }

  /// Raises the limit, and throws `MQTTError` of kind `system` if it isn't enough for so many clients.
  public static func require(forClients count: Int) throws(MQTTError) {
    let available = raise()
    let needed = count.saturatingMultiply(descriptorsPerClient).saturatingAdd(otherDescriptors)
    guard needed > available else { return }
    throw MQTTError(
      .system,
      "\(count) trucks need \(needed) open files, \(descriptorsPerClient) each, and the limit of this process is \(available); "
        + "raise it with 'ulimit -Hn \(needed)' as root, or start fewer trucks")
  }
}
