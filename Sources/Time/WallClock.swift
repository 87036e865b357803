import Glibc

/// The system's clock, which can be set: for timestamps, never for durations.
public enum WallClock {
  /// Nanoseconds since 1970.
  public static var nanoseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// Milliseconds since 1970.
  public static var milliseconds: Int { Int(nanoseconds / 1_000_000) }

  /// Seconds since 1970, in whole microseconds.
  public static var seconds: Double { Double(nanoseconds / 1000) / 1e6 }
}
