import Glibc

/// How many descriptors this process, and the broker it starts, may have open.
public enum DescriptorLimit {
  /// Raises the soft limit to the hard one: a fleet needs three descriptors a truck, and shells give 1024.
  public static func raise() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
