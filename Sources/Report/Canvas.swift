import Glibc
import Numbers

internal import CCairo

/// A colour.
struct Colour {
  let red: Double
  let green: Double
  let blue: Double

  init(_ hexadecimal: UInt32) {
    red = Double(hexadecimal >> 16 & 0xFF) / 255
    green = Double(hexadecimal >> 8 & 0xFF) / 255
    blue = Double(hexadecimal & 0xFF) / 255
  }

  fileprivate func drawn(_ opacity: Double = 1) -> ts_colour {
    ts_colour(red: red, green: green, blue: blue, opacity: opacity)
  }
}

/// Draws in points, from the upper left corner, onto PNG, SVG or PDF alike.
final class Canvas {
  enum Format { case png, svg, pdf }
  enum Alignment { case left, middle, right }

  private let canvas: OpaquePointer
  private let output = Output()

  private final class Output { var bytes: [UInt8] = [] }

  private static let write: ts_canvas_write = { data, bytes, count in
    guard let data, let bytes else { return }
    Unmanaged<Output>.fromOpaque(data).takeUnretainedValue().bytes += UnsafeBufferPointer(
      start: bytes, count: Int(count))
  }

  /// A page of that size in points; a PNG has `scale` pixels a point. Throws if the drawing library isn't installed.
  init(_ format: Format, width: Double, height: Double, scale: Double = 2) throws(ReportError) {
    let kind =
      switch format {
      case .png: TS_CANVAS_PNG
      case .svg: TS_CANVAS_SVG
      case .pdf: TS_CANVAS_PDF
      }
    guard
      let canvas = ts_canvas_new(
        kind, width, height, scale, Self.write, Unmanaged.passUnretained(output).toOpaque())
    else {
      throw ReportError(description: "libcairo isn't installed; 'apt-get install libcairo2' installs it")
    }
    self.canvas = canvas
  }

  deinit { ts_canvas_free(canvas) }

  /// The file's content; throws what the library says went wrong.
  func finish() throws(ReportError) -> [UInt8] {
    if let problem = ts_canvas_finish(canvas) {
      throw ReportError(description: "the drawing failed: \(String(cString: problem))")
    }
    return output.bytes
  }

  /// A coordinate as the library's 24 bits can hold it.
  private func coordinate(_ value: Double) -> Double {
    value.isNaN ? 0 : min(max(value, -30_000), 30_000)
  }

  func fill(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ colour: Colour, opacity: Double = 1
  ) {
    ts_canvas_fill(
      canvas, coordinate(x), coordinate(y), coordinate(width), coordinate(height), colour.drawn(opacity))
  }

  func line(_ points: [(x: Double, y: Double)], _ colour: Colour, width: Double = 0.5) {
    guard let first = points.first else { return }
    ts_canvas_set_line(canvas, width, colour.drawn())
    ts_canvas_move(canvas, coordinate(first.x), coordinate(first.y))
    for point in points.dropFirst() { ts_canvas_line(canvas, coordinate(point.x), coordinate(point.y)) }
    ts_canvas_stroke(canvas)
  }

  func text(
    _ text: String, _ x: Double, _ y: Double, size: Double, _ colour: Colour = Colour(0x22262B),
    isBold: Bool = false,
    _ alignment: Alignment = .left
  ) {
    ts_canvas_set_font(canvas, isBold ? 1 : 0, size)
    let width = self.width(text)
    let start =
      switch alignment {
      case .left: x
      case .middle: x - width / 2
      case .right: x - width
      }
    ts_canvas_text(canvas, coordinate(start), coordinate(y), text, colour.drawn())
  }

  /// Writes words in lines of at most `width`, at most `lines` of them; returns where the next line is.
  func paragraph(
    _ text: String, _ x: Double, _ y: Double, width: Double, size: Double, lines: Int
  ) -> Double {
    ts_canvas_set_font(canvas, 0, size)
    var rows: [String] = []
    var row = ""
    for word in text.prefix(1000).split(separator: " ") {
      let longer = row.isEmpty ? String(word) : "\(row) \(word)"
      if self.width(longer) > width, !row.isEmpty {
        rows.append(row)
        row = String(word)
      } else {
        row = longer
      }
    }
    rows.append(row)
    if rows.count > lines {
      rows.removeLast(rows.count - lines)
      rows[lines - 1] += " …"
    }
    var y = y
    for row in rows {
      self.text(row, x, y, size: size)
      y += size * 1.4
    }
    return y
  }

  /// How wide a text is in the regular font.
  func width(_ text: String, size: Double) -> Double {
    ts_canvas_set_font(canvas, 0, size)
    return width(text)
  }

  private func width(_ text: String) -> Double { ts_canvas_text_width(canvas, text) }
}

/// A report couldn't be made.
public struct ReportError: Error, CustomStringConvertible {
  /// A sentence for a person.
  public let description: String
}
