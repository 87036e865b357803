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
}

/// Draws in points, from the upper left corner, onto PNG, SVG or PDF alike.
final class Canvas {
  enum Format { case png, svg, pdf }
  enum Alignment { case left, middle, right }

  private let context: OpaquePointer
  private let surface: OpaquePointer
  private let format: Format
  private let output = Output()

  private final class Output { var bytes: [UInt8] = [] }

  private static let write: cairo_write_func_t = { data, bytes, count in
    guard let data, let bytes else { return CAIRO_STATUS_WRITE_ERROR }
    Unmanaged<Output>.fromOpaque(data).takeUnretainedValue().bytes += UnsafeBufferPointer(
      start: bytes, count: Int(count))
    return CAIRO_STATUS_SUCCESS
  }

  /// A page of that size in points; a PNG has `scale` pixels a point.
  init(_ format: Format, width: Double, height: Double, scale: Double = 2) {
    self.format = format
    let data = Unmanaged.passUnretained(output).toOpaque()
    switch format {
    case .png:
      surface = cairo_image_surface_create(
        CAIRO_FORMAT_RGB24, Int32(saturated: width * scale), Int32(saturated: height * scale))
    case .svg: surface = cairo_svg_surface_create_for_stream(Self.write, data, width, height)
    case .pdf: surface = cairo_pdf_surface_create_for_stream(Self.write, data, width, height)
    }
    context = cairo_create(surface)
    if format == .png { cairo_scale(context, scale, scale) }
  }

  deinit {
    cairo_destroy(context)
    cairo_surface_destroy(surface)
  }

  /// The file's content; throws what the library says went wrong.
  func finish() throws(ReportError) -> [UInt8] {
    cairo_show_page(context)
    var status = cairo_status(context)
    if format == .png, status == CAIRO_STATUS_SUCCESS {
      status = cairo_surface_write_to_png_stream(
        surface, Self.write, Unmanaged.passUnretained(output).toOpaque())
    }
    cairo_surface_finish(surface)
    if status == CAIRO_STATUS_SUCCESS { status = cairo_surface_status(surface) }
    guard status == CAIRO_STATUS_SUCCESS else {
      throw ReportError(description: "the drawing failed: \(String(cString: cairo_status_to_string(status)))")
    }
    return output.bytes
  }

  /// A coordinate as the library's 24 bits can hold it.
  private func coordinate(_ value: Double) -> Double {
    value.isNaN ? 0 : min(max(value, -30_000), 30_000)
  }

  private func set(_ colour: Colour, _ opacity: Double) {
    cairo_set_source_rgba(context, colour.red, colour.green, colour.blue, opacity)
  }

  func fill(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ colour: Colour, opacity: Double = 1
  ) {
    set(colour, opacity)
    cairo_rectangle(context, coordinate(x), coordinate(y), coordinate(width), coordinate(height))
    cairo_fill(context)
  }

  func line(_ points: [(x: Double, y: Double)], _ colour: Colour, width: Double = 0.5) {
    guard let first = points.first else { return }
    set(colour, 1)
    cairo_set_line_width(context, width)
    cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND)
    cairo_move_to(context, coordinate(first.x), coordinate(first.y))
    for point in points.dropFirst() { cairo_line_to(context, coordinate(point.x), coordinate(point.y)) }
    cairo_stroke(context)
  }

  func text(
    _ text: String, _ x: Double, _ y: Double, size: Double, _ colour: Colour = Colour(0x22262B),
    isBold: Bool = false,
    _ alignment: Alignment = .left
  ) {
    cairo_select_font_face(
      context, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
      isBold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL)
    cairo_set_font_size(context, size)
    set(colour, 1)
    let width = self.width(text)
    let start =
      switch alignment {
      case .left: x
      case .middle: x - width / 2
      case .right: x - width
      }
    cairo_move_to(context, coordinate(start), coordinate(y))
    cairo_show_text(context, text)
  }

  /// Writes words in lines of at most `width`, at most `lines` of them; returns where the next line is.
  func paragraph(
    _ text: String, _ x: Double, _ y: Double, width: Double, size: Double, lines: Int
  ) -> Double {
    cairo_select_font_face(context, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL)
    cairo_set_font_size(context, size)
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

  private func width(_ text: String) -> Double {
    var extents = cairo_text_extents_t()
    cairo_text_extents(context, text, &extents)
    return extents.x_advance
  }
}

/// A report couldn't be made.
public struct ReportError: Error, CustomStringConvertible {
  /// A sentence for a person.
  public let description: String
}
