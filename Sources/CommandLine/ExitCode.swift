/// The process's exit codes (docs/run.md; 64 to 77 as in sysexits.h).
package enum ExitCode: Int32 {
  /// Done.
  case success = 0
  /// The work failed, or something was lost.
  case failed = 1
  /// Wrong usage.
  case usage = 64
  /// Bad input data.
  case dataError = 65
  /// The broker or the store can't be reached.
  case unavailable = 69
  /// Certificate or policy: refused.
  case refused = 77
  /// Interrupted, after a clean finish and summary.
  case interrupted = 130
}
