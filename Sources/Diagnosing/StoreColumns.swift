import ColdChain

/// Where in the readings of a store each sensor's value is.
package struct StoreColumns: Sendable {
  /// The places among the measures; nil where the store has no such measure.
  package let temp, volts, door, ambient, latitude, longitude: Int?
  private let isFahrenheit: Bool
  private let isAmbientFahrenheit: Bool

  /// The columns of these measures, found by their names or as given (`--map NEW=COLUMN`).
  package init(
    _ measures: [String], given: [(name: String, column: String)] = [], isFahrenheit: Bool = false
  ) {
    let columns = RecordColumns(columns: measures, given: given)
    func place(_ name: String) -> Int? {
      columns.map.first { $0.name == name }.flatMap { measures.firstIndex(of: $0.column) }
    }
    (temp, volts, door) = (place("temp"), place("volts"), place("door"))
    (ambient, latitude, longitude) = (place("ambient"), place("latitude"), place("longitude"))
    self.isFahrenheit = isFahrenheit || columns.fahrenheit.contains("temp")
    isAmbientFahrenheit = isFahrenheit || columns.fahrenheit.contains("ambient")
  }

  /// Whether a column's header says that its values are in degrees Fahrenheit.
  package static func isFahrenheit(_ header: String) -> Bool {
    RecordColumns.isFahrenheit(header.lowercased())
  }

  /// A reading as an observation.
  package func observation(_ reading: (time: Int64, values: [Double?]), row: Int) -> Observation {
    func value(_ place: Int?) -> Double? {
      guard let place, place < reading.values.count else { return nil }
      return reading.values[place]
    }
    func celsius(_ value: Double?, _ isFahrenheit: Bool) -> Double? {
      value.map { isFahrenheit ? ($0 - 32) / 1.8 : $0 }
    }
    return Observation(
      time: reading.time, row: row, temperature: celsius(value(temp), isFahrenheit), voltage: value(volts),
      isDoorOpen: value(door).map { $0 != 0 }, ambient: celsius(value(ambient), isAmbientFahrenheit),
      latitude: value(latitude), longitude: value(longitude))
  }
}
