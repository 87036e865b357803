/// Entries of the registry by name, in the order in which they were added.
struct NamedEntries<Value: Sendable & Equatable>: Sendable, Equatable {
  private var values: [String: Value] = [:]
  private var order: [String] = []

  /// In the order in which they were added.
  var inOrder: [Value] { order.compactMap { values[$0] } }
  /// By name.
  var byName: [Value] { values.sorted { $0.key < $1.key }.map(\.value) }

  subscript(_ name: String) -> Value? {
    get { values[name] }
    set {
      if let newValue {
        if values.updateValue(newValue, forKey: name) == nil { order.append(name) }
      } else if values.removeValue(forKey: name) != nil {
        order.removeAll { $0 == name }
      }
    }
  }

  /// Changes each entry.
  mutating func forEach(_ change: (inout Value) -> Void) {
    values = values.mapValues { value in
      var value = value
      change(&value)
      return value
    }
  }
}
