import ColdChain
import Files
import FoundationEssentials

/// Verdicts compared with the known causes: the confusion matrix, and precision and recall of each cause.
package struct Score: Sendable {
  private var counts: [String: [String: Int]] = [:]
  /// Confidence of the verdict and whether it was right, for the calibration.
  private var confidences: [(confidence: Double, isRight: Bool)] = []

  package init() {}

  /// Adds a verdict; the first of the expected names is the label's row unless another one was met.
  package mutating func add(expected: [String], verdict: Cause, confidence: Double) {
    let isRight = expected.contains(verdict.rawValue)
    let row = isRight ? verdict.rawValue : expected.first ?? "?"
    counts[row, default: [:]][verdict.rawValue, default: 0] += 1
    confidences.append((confidence, isRight))
  }

  /// How many verdicts there are.
  package var total: Int { confidences.count }

  /// Of the trips with this label, the share with this verdict.
  package func recall(_ name: String) -> Double? {
    guard let row = counts[name] else { return nil }
    let all = row.values.reduce(0, +)
    return all > 0 ? Double(row[name] ?? 0) / Double(all) : nil
  }

  /// Of the trips with this verdict, the share with this label.
  package func precision(_ name: String) -> Double? {
    let all = counts.values.reduce(0) { $0 + ($1[name] ?? 0) }
    return all > 0 ? Double(counts[name]?[name] ?? 0) / Double(all) : nil
  }

  /// The mean recall of all labels.
  package var macroRecall: Double {
    let recalls = counts.keys.compactMap(recall)
    return recalls.isEmpty ? 0 : recalls.reduce(0, +) / Double(recalls.count)
  }

  /// The matrix, labels down and verdicts across, then precision and recall.
  package var lines: [String] {
    let labels = counts.keys.sorted()
    let verdicts = Set(counts.values.flatMap(\.keys)).union(labels).sorted()
    let width = max(12, (labels + verdicts).map(\.count).max() ?? 0) + 1
    func cell(_ text: String) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
    var lines = [
      cell("label \\ verdict") + verdicts.map(cell).joined() + cell("recall")
    ]
    for label in labels {
      let row = verdicts.map { cell("\(counts[label]?[$0] ?? 0)") }.joined()
      lines.append(cell(label) + row + cell(recall(label).map { Words.number($0, 3) } ?? "-"))
    }
    lines.append(
      cell("precision") + verdicts.map { cell(precision($0).map { Words.number($0, 3) } ?? "-") }.joined())
    lines.append("macro recall \(Words.number(macroRecall, 4)) over \(Words.count(total, "trip"))")
    lines += calibration
    return lines
  }

  /// How often verdicts were right, by how sure they were.
  private var calibration: [String] {
    let bounds = [0.0, 0.5, 0.7, 0.85, 0.95, 1.01]
    return zip(bounds, bounds.dropFirst()).compactMap { low, high in
      let part = confidences.filter { $0.confidence >= low && $0.confidence < high }
      guard !part.isEmpty else { return nil }
      let mean = part.reduce(0) { $0 + $1.confidence } / Double(part.count)
      let right = Double(part.count { $0.isRight }) / Double(part.count)
      return
        "confidence \(Words.percent(low)) to \(Words.percent(min(1, high))): \(part.count) verdicts, mean confidence \(Words.percent(mean)), right \(Words.percent(right))"
    }
  }

  /// One or several names of a label.
  private enum Label: Decodable {
    case one(String)
    case many([String])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        self = .one(text)
      } else {
        self = .many(try container.decode([String].self))
      }
    }

    var names: [String] {
      switch self {
      case .one(let name): [name]
      case .many(let names): names
      }
    }
  }

  /// Reads `{"trip1.csv": "door", "truck07": ["sensor", "not-measured"]}`: labels, or tags, by file or device; nil if the text is
  /// something else.
  package static func labels(in bytes: [UInt8]) -> [String: [String]]? {
    (try? JSONDecoder().decode([String: Label].self, from: Data(bytes)))?.mapValues(\.names)
  }
}
