import MQTT

/// What `rules eval --explain` prints.
package enum ExplanationTable {
  package static func text(_ explanation: Explanation, _ statement: CompiledStatement, _ topic: TopicName)
    -> String
  {
    var lines = [["clause", "expression", "value", "type", "note"]]
    lines.append(["FROM", "'\(statement.filter?.pattern ?? "Basic Ingest")'", "'\(topic)'", "topic", ""])
    for row in explanation.rows {
      lines.append([row.clause, row.expression, shortened(row.value), row.type, row.note])
    }
    let widths = (0..<4).map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { line in
      var text = ""
      for (column, cell) in line.enumerated() {
        text += cell
        if column < 4 { text += String(repeating: " ", count: widths[column] - cell.count + 2) }
      }
      while text.last == " " { text.removeLast() }
      return text
    }.joined(separator: "\n")
  }

  private static func shortened(_ text: String) -> String {
    text.count > 40 ? text.prefix(39) + "…" : text
  }
}
