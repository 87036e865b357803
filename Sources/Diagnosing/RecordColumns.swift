/// Which columns of a file hold what: those that are named, and those whose header says so.
///
/// Loggers write headers such as `Temperature (°C)` or `Temp/°F`; a unit in the header is taken.
struct RecordColumns {
  /// What a record can have, by the names that `--map` uses.
  static let names = ["temp", "volts", "door", "ambient", "latitude", "longitude"]

  /// `--map` for the dataset: the new name and the column.
  private(set) var map: [(name: String, column: String)] = []
  /// The columns whose header says Fahrenheit.
  private(set) var fahrenheit: Set<String> = []
  /// The column with the times, by its new name; nil if there is none.
  private(set) var axis: String?

  init(columns: [String], given: [(name: String, column: String)]) {
    map = given
    for name in Self.names where !map.contains(where: { $0.name == name }) {
      let free = columns.filter { column in !map.contains { $0.column == column } }
      if let column = free.first(where: { $0 == name })
        ?? free.first(where: { Self.isLike(name, $0.lowercased()) })
      {
        map.append((name, column))
      }
    }
    for (name, column) in map where Self.isFahrenheit(column.lowercased()) { fahrenheit.insert(name) }
    if let axis = map.first(where: { $0.name == "uptime" || $0.name == "time" })?.name {
      self.axis = axis
    } else if columns.contains("uptime") {
      axis = "uptime"
    } else if columns.contains("time") {
      axis = "time"
    } else if let column = columns.first(where: { Self.isTime($0.lowercased()) }) {
      map.append(("time", column))
      axis = "time"
    }
  }

  private static func isTime(_ column: String) -> Bool {
    column.contains("timestamp") || column.contains("date") || column.hasPrefix("time")
      || column.hasSuffix("time")
  }

  /// Whether a column's header, in lowercase, says that its values are in degrees Fahrenheit.
  static func isFahrenheit(_ column: String) -> Bool {
    column.contains("°f") || column.contains("(f)") || column.contains("fahrenheit") || column.hasSuffix("_f")
      || column.contains("[f]")
  }

  private static func isLike(_ name: String, _ column: String) -> Bool {
    let isOutside = ["ambient", "outside", "outdoor", "external"].contains { column.contains($0) }
    switch name {
    case "temp":
      let isOther = ["set", "dew", "cpu", "supply", "battery"].contains { column.contains($0) }
      return column.contains("temp") && !isOutside && !isOther || column == "celsius" || column == "t"
    case "volts": return column.contains("volt") || column == "battery" || column.hasPrefix("battery_v")
    case "door": return column.contains("door")
    case "ambient": return isOutside
    case "latitude": return column == "lat" || column.contains("latitude")
    case "longitude": return ["lon", "lng", "long"].contains(column) || column.contains("longitude")
    default: return false
    }
  }
}
