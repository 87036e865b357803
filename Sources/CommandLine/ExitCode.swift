import Glibc

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
  /// Ended by SIGHUP, such as by a terminal that was closed, after a clean finish and summary.
  case hungUp = 129
  /// Ended by SIGINT (Ctrl-C), after a clean finish and summary; or by a time limit.
  case interrupted = 130
  /// Ended by SIGTERM (`kill`), after a clean finish and summary.
  case terminated = 143

  /// The code of a command that has ended because of a signal: 128 and the signal's number, as shells have it.
  package static func interrupted(by signal: Int32?) -> ExitCode {
    switch signal {
    case SIGHUP: .hungUp
    case SIGTERM: .terminated
    default: .interrupted
    }
  }
}
