import JSON
import TimestreamSQL

/// Columns and values of a query's result in the API's JSON form (Timestream's API reference, `ColumnInfo` and `Datum`).
enum ResultJSON {
  static func column(_ column: QueryPlan.Column, to json: inout JSONWriter) {
    json.object {
      $0.member("Name", column.name)
      $0.key("Type")
      type(column.type, to: &$0)
    }
  }

  static func type(_ type: SQLType, to json: inout JSONWriter) {
    json.object {
      switch type {
      case .array(let element): member("ArrayColumnInfo", element, to: &$0)
      case .timeseries(let value): member("TimeSeriesMeasureValueColumnInfo", value, to: &$0)
      case .row(let fields):
        $0.array("RowColumnInfo") {
          for field in fields {
            $0.object {
              if let name = field.name { $0.member("Name", name) }
              $0.key("Type")
              self.type(field.type, to: &$0)
            }
          }
        }
      default: $0.member("ScalarType", type.text.uppercased().replacing(" ", with: "_"))
      }
    }
  }

  private static func member(_ name: String, _ element: SQLType, to json: inout JSONWriter) {
    json.object(name) {
      $0.key("Type")
      type(element, to: &$0)
    }
  }

  /// `{"Data":[…]}`.
  static func row(_ values: some Sequence<(Datum, SQLType)>, to json: inout JSONWriter) {
    json.object { $0.array("Data") { for (value, type) in values { datum(value, type, to: &$0) } } }
  }

  private static func datum(_ value: Datum, _ type: SQLType, to json: inout JSONWriter) {
    json.object {
      switch (value, type) {
      case (.null, _): $0.member("NullValue", true)
      case (.list(let elements), .array(let element)):
        $0.array("ArrayValue") { for value in elements { datum(value, element, to: &$0) } }
      case (.list(let values), .row(let fields)):
        $0.key("RowValue")
        row(zip(values, fields.map(\.type)), to: &$0)
      case (.list(let points), .timeseries(let element)):
        $0.array("TimeSeriesValue") {
          for case .list(let point) in points where point.count == 2 {
            $0.object {
              $0.member("Time", point[0].text(as: .timestamp))
              $0.key("Value")
              datum(point[1], element, to: &$0)
            }
          }
        }
      default: $0.member("ScalarValue", value.text(as: type))
      }
    }
  }
}
