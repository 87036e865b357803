import Numbers
import Time

/// A fault that a replay puts onto the readings of its dataset.
public struct Injection: Sendable, Equatable {
  /// What fails.
  public enum Fault: String, Sendable, CaseIterable {
    /// The door stands open: the box warms fast, and cools again once it is closed.
    case doorOpen = "door-open"
    /// The supply voltage falls, and half a minute later the unit stops.
    case sag
    /// The unit stops; its supply is sound.
    case unitOff = "unit-off"
    /// The temperature stays what it was.
    case sensorStuck = "sensor-stuck"
    /// The temperature reads exactly 0.00, as of a probe that isn't connected.
    case sensorZero = "sensor-zero"
    /// The temperature is empty.
    case sensorDropout = "sensor-dropout"

    /// The columns that show it, any of them.
    public var columns: [String] {
      switch self {
      case .doorOpen: ["door", "temp"]
      case .sag: ["volts", "temp"]
      case .unitOff, .sensorStuck, .sensorZero, .sensorDropout: ["temp"]
      }
    }
  }

  /// What fails.
  public var fault: Fault
  /// When, seconds since the replay's first message: by the dataset's times where the messages have those.
  public var start: Double
  /// For how long, seconds; nil until the end.
  public var length: Double?

  /// A fault.
  public init(_ fault: Fault, start: Double, length: Double? = nil) {
    self.fault = fault
    self.start = start
    self.length = length
  }

  func isActive(at seconds: Double) -> Bool {
    seconds >= start && seconds < length.map { start + $0 } ?? .infinity
  }

  /// Why a text isn't a list of faults.
  public struct ParseError: Error, Equatable, CustomStringConvertible {
    /// The position in the text, in characters from 1.
    public let column: Int
    /// What is wrong, and what to write.
    public let message: String

    /// `column 11: an '@' and a time are missing; …`.
    public var description: String { "column \(column): \(message)" }
  }

  private static let countLimit = 100
  private static let example = "write for example door-open@600s+300s,sag@30m"

  /// Reads `door-open@600s+300s,sag@1800s`: what, from when, and for how long (by default until the end).
  public static func list(_ text: String) throws(ParseError) -> [Injection] {
    var injections: [Injection] = []
    var column = 1
    for item in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard injections.count < countLimit else {
        throw ParseError(column: column, message: "there are more than \(countLimit) faults")
      }
      injections.append(try Injection(item, column: column))
      column += item.count + 1
    }
    return injections
  }

  private init(_ item: Substring, column: Int) throws(ParseError) {
    guard let at = item.firstIndex(of: "@") else {
      throw ParseError(column: column, message: "an '@' and a time are missing; \(Self.example)")
    }
    let name = item[..<at]
    guard let fault = Fault(rawValue: String(name)) else {
      let known = Fault.allCases.map(\.rawValue).joined(separator: ", ")
      throw ParseError(column: column, message: "the fault '\(name.prefix(40))' is unknown; use \(known)")
    }
    self.fault = fault
    let times = item[item.index(after: at)...]
    let plus = times.firstIndex(of: "+")
    start = try Self.seconds(times[..<(plus ?? times.endIndex)], canBeZero: true, column + name.count + 1)
    if let plus {
      let place = column + item.distance(from: item.startIndex, to: plus) + 1
      length = try Self.seconds(times[times.index(after: plus)...], canBeZero: false, place)
    }
  }

  private static func seconds(_ text: Substring, canBeZero: Bool, _ column: Int) throws(ParseError) -> Double
  {
    if canBeZero, text == "0" || text == "0s" { return 0 }
    do throws(DurationText.Failure) {
      return Double(try DurationText.nanoseconds(String(text))) / 1e9
    } catch {
      throw ParseError(column: column, message: "the time '\(text.prefix(40))' \(error)")
    }
  }
}
