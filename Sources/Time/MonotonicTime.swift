import Glibc
import Numbers

/// A moment on the machine's monotonic clock, in nanoseconds: what due times and durations are measured with.
public struct MonotonicTime: Sendable, Hashable, Comparable {
  /// Nanoseconds since an arbitrary moment (the machine's start).
  public var nanoseconds: Int64

  /// A moment at `nanoseconds` of the monotonic clock.
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// The clock's present reading.
  public static func now() -> MonotonicTime {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// The moment `nanoseconds` later; saturates.
  public func advanced(by nanoseconds: Int64) -> MonotonicTime {
    MonotonicTime(nanoseconds: self.nanoseconds.saturatingAdd(nanoseconds))
  }

  /// Nanoseconds from `other` to this moment; saturates.
  public func since(_ other: MonotonicTime) -> Int64 { nanoseconds.saturatingSubtract(other.nanoseconds) }

  /// Earlier is less.
  public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
}
