import Numbers
import Time

/// Reads durations and plain numbers from the texts of pacing options.
public enum PacingText {
  /// Nanoseconds of a duration (`DurationText`); `option` names the option in the error.
  public static func nanoseconds(_ text: String, option: String) throws(PacingError) -> Int64 {
    do throws(DurationText.Failure) {
      return try DurationText.nanoseconds(text)
    } catch {
      throw PacingError("\(option) '\(text)' \(error)")
    }
  }

  /// A finite number above 0; `whole` is the option's full text for the error.
  static func positive(
    _ text: String, whole: String, option: String, example: String, allowsZero: Bool = false
  ) throws(PacingError) -> Double {
    guard let value = NumberText.double(text) else {
      throw PacingError("\(option) '\(whole)' is not understood; write for example \(example)")
    }
    guard value > 0 || (allowsZero && value == 0) else {
      throw PacingError("\(option) '\(whole)' must be above 0; write for example \(example)")
    }
    return value
  }
}
