import ColdChain
import Glibc
import Numbers
import Time

extension TripReport {
  private static let quiet = Colour(0x5A6069)
  private static let rule = Colour(0xD5D8DE)
  private static let alarm = Colour(0xB3122B)
  private static let temperatureColour = Colour(0x3E9A33)
  private static let voltageColour = Colour(0xC99700)
  private static let doorColour = Colour(0x2F6FD6)

  /// The report on one A4 page, 595 by 842 points.
  func page(_ format: Canvas.Format) throws(ReportError) -> [UInt8] {
    let canvas = try Canvas(format, width: 595, height: 842, scale: 2.5)
    canvas.fill(0, 0, 595, 842, Colour(0xFFFFFF))
    canvas.text("Trip report", 40, 54, size: 20, isBold: true)
    canvas.text(Self.cut(device, 40), 555, 54, size: 13, Self.quiet, isBold: true, .right)
    canvas.fill(40, 64, 515, 1.2, Self.temperatureColour)
    canvas.text(
      verdict, 40, 82, size: 12, diagnosis.verdict.isFault ? Self.alarm : Self.temperatureColour, isBold: true
    )
    var y = canvas.paragraph(diagnosis.headline, 40, 96, width: 515, size: 8.5, lines: 2)
    for (sign, text) in evidence.prefix(6) {
      canvas.text(sign, 40, y, size: 7.5, Self.quiet)
      y = canvas.paragraph(text, 50, y, width: 505, size: 7.5, lines: 2)
    }
    y += 5
    for (name, value) in identity {
      canvas.text(name, 40, y, size: 7.5, Self.quiet)
      canvas.text(Self.cut(value, 105), 105, y, size: 7.5)
      y += 11
    }
    draw(canvas, 40, y, 515, 190)
    y += 207
    y = table(
      canvas, y, "Statistics", ["", "average", "minimum", "maximum", "deviation"], [0, 75, 150, 305, 470],
      statistics)
    canvas.text(meanKinetic, 40, y - 4, size: 7, Self.quiet)
    y += 14
    y = table(
      canvas, y, "Limits", ["", "source", "events", "time above", "longest", "first", ""],
      [0, 105, 255, 287, 342, 393, 465],
      limits)
    let room = 2
    y = table(
      canvas, y, excursionsTitle, ["from", "until", "length", "warmest"], [0, 120, 240, 340],
      excursions,
      limit: room, nothing: nothing(.temperature))
    // Room for the voltage's table and the signature stays.
    let openings = door(max(1, Int(saturated: (706 - y) / 11)))
    y = table(
      canvas, y,
      doorTitle, ["opened", "closed", "length", "rise of temperature"], [0, 120, 240, 340], openings,
      more: trip.openings.count - openings.count, noun: "openings ", nothing: nothing(.door))
    y = table(
      canvas, y, voltageTitle, ["from", "until", "length", "lowest"], [0, 120, 240, 340],
      voltage, limit: 1, nothing: nothing(.voltage))
    canvas.line([(40, 790), (300, 790)], Self.quiet)
    canvas.text("Checked by, date, signature", 40, 800, size: 7, Self.quiet)
    canvas.text("SHA-256 of the input: \(digest)", 40, 818, size: 6.5, Self.quiet)
    canvas.text(
      "made \(String(Timestamp.text(made).prefix(19))) UTC by trucksensor", 555, 818, size: 6.5, Self.quiet,
      .right)
    return try canvas.finish()
  }

  private static func cut(_ text: String, _ count: Int) -> String {
    text.count <= count ? text : text.prefix(count - 1) + "…"
  }

  private func table(
    _ canvas: Canvas, _ top: Double, _ title: String, _ heads: [String], _ columns: [Double],
    _ rows: [[String]],
    limit: Int = .max, more: Int = 0, noun: String = "", nothing: String = "none"
  ) -> Double {
    var y = top
    canvas.text(title, 40, y, size: 9, isBold: true)
    y += 11
    guard !rows.isEmpty else {
      canvas.text(nothing, 40, y, size: 7.5, Self.quiet)
      return y + 16
    }
    for (head, column) in zip(heads, columns) { canvas.text(head, 40 + column, y, size: 7, Self.quiet) }
    canvas.line([(40, y + 3), (555, y + 3)], Self.rule)
    for row in rows.prefix(limit) {
      y += 11
      var extra = 0.0
      for (index, (cell, column)) in zip(row, columns).enumerated() {
        let next = index + 1 < columns.count ? columns[index + 1] : 515
        let isAlarm = cell == "ALARM"
        if index > 0, canvas.width(cell, size: 7.5) > next - column - 4 {
          // Two smaller lines rather than a cut text.
          let bottom = canvas.paragraph(cell, 40 + column, y, width: next - column - 4, size: 6.5, lines: 2)
          extra = max(extra, bottom - y - 6.5 * 1.4)
          continue
        }
        canvas.text(
          Self.cut(cell, Int(saturated: (next - column) / 4.1)), 40 + column, y, size: 7.5,
          isAlarm ? Self.alarm : Colour(0x22262B),
          isBold: isAlarm || index == 0)
      }
      y += extra
    }
    let hidden = more + max(0, rows.count - limit)
    if hidden > 0 {
      y += 11
      canvas.text(
        "and \(hidden) more \(noun)in the report's HTML, CSV and JSON", 40, y, size: 7, Self.quiet)
    }
    return y + 19
  }

  // MARK: The chart

  /// The chart alone, as SVG.
  func chart() throws(ReportError) -> [UInt8] {
    let canvas = try Canvas(.svg, width: 760, height: 320)
    draw(canvas, 0, 4, 760, 312)
    return try canvas.finish()
  }

  /// Temperature, voltage and door over time, each on its own scale; limits as lines, excursions shaded.
  private func draw(_ canvas: Canvas, _ x: Double, _ y: Double, _ width: Double, _ height: Double) {
    guard let first = trip.readings.first?.time, let last = trip.readings.last?.time else { return }
    let span = Double(max(1, last.saturatingSubtract(first)))
    let (left, right, doorHeight) = (x + 30, x + width - 34, 14.0)
    let (top, bottom) = (y + 14, y + height - 16 - doorHeight - 6)
    func across(_ time: Int64) -> Double {
      left + (right - left) * Double(time.saturatingSubtract(first)) / span
    }
    canvas.text("Temperature °C", left, y + 7, size: 7.5, Self.temperatureColour, isBold: true)
    if measured(.door) != nil {
      canvas.text("Door", left + 90, y + 7, size: 7.5, Self.doorColour, isBold: true)
    }
    if trip.voltage != nil {
      canvas.text("Voltage V", right, y + 7, size: 7.5, Self.voltageColour, isBold: true, .right)
    }
    for event in trip.excursions {
      canvas.fill(
        across(event.start), top, max(0.5, across(event.end) - across(event.start)), bottom - top, Self.alarm,
        opacity: 0.1)
    }
    if let temperature = trip.temperature {
      let scale = Scale(temperature.minimum.value, temperature.maximum.value, least: 1)
      for tick in scale.ticks {
        let level = scale.place(tick, top, bottom)
        canvas.line([(left, level), (right, level)], Self.rule, width: 0.4)
        canvas.text(Self.number(tick, scale.digits), left - 4, level + 2.5, size: 7, Self.quiet, .right)
      }
      let tolerance = trip.known.tolerance
      if scale.low < tolerance, tolerance < scale.high {
        let level = scale.place(tolerance, top, bottom)
        canvas.line([(left, level), (right, level)], Self.alarm, width: 0.6)
      }
      trace(
        canvas, { $0.temperature }, scale, top, bottom, left, right, first, span, Self.temperatureColour, 1.2)
    }
    if let voltage = trip.voltage {
      let scale = Scale(voltage.minimum.value, voltage.maximum.value, least: 0.2)
      for tick in scale.ticks {
        canvas.text(
          Self.number(tick, scale.digits), right + 4, scale.place(tick, top, bottom) + 2.5, size: 7,
          Self.quiet)
      }
      trace(canvas, { $0.voltage }, scale, top, bottom, left, right, first, span, Self.voltageColour, 0.6)
    }
    let doorBottom = bottom + 6 + doorHeight
    canvas.line([(left, doorBottom), (right, doorBottom)], Self.rule)
    for opening in trip.openings {
      canvas.fill(
        across(opening.episode.start), bottom + 6,
        max(0.6, across(opening.episode.end) - across(opening.episode.start)),
        doorHeight, Self.doorColour, opacity: 0.75)
    }
    canvas.line([(left, top), (left, bottom), (right, bottom), (right, top)], Self.quiet, width: 0.5)
    for tick in TimeScale(first, last, zone: zone, hasClock: hasClock).ticks {
      let place = across(tick.time)
      canvas.line([(place, doorBottom), (place, doorBottom + 2.5)], Self.quiet, width: 0.5)
      let alignment = place < left + 20 ? Canvas.Alignment.left : place > right - 20 ? .right : .middle
      canvas.text(tick.label, place, doorBottom + 11, size: 7, Self.quiet, alignment)
    }
  }

  /// A line with the least and greatest value of each half point, so that no peak is lost and no file is huge.
  private func trace(
    _ canvas: Canvas, _ value: (TripReading) -> Double?, _ scale: Scale, _ top: Double, _ bottom: Double,
    _ left: Double,
    _ right: Double, _ first: Int64, _ span: Double, _ colour: Colour, _ width: Double
  ) {
    var points: [(x: Double, y: Double)] = []
    var column = -1
    var least: (x: Double, y: Double) = (0, 0)
    var most = least
    func flush() {
      guard column >= 0 else { return }
      points += least.x <= most.x ? [least, most] : [most, least]
    }
    var lastTime: Int64?
    let gaps = Set(trip.gaps.map(\.start))
    for reading in trip.readings {
      guard let present = value(reading) else { continue }
      if let lastTime, gaps.contains(lastTime) {
        flush()
        canvas.line(points, colour, width: width)
        points = []
        column = -1
      }
      lastTime = reading.time
      let x = left + (right - left) * Double(reading.time.saturatingSubtract(first)) / span
      let point = (x: x, y: scale.place(present, top, bottom))
      let here = Int(saturated: x * 2)
      if here != column {
        flush()
        column = here
        (least, most) = (point, point)
      }
      if point.y < least.y { least = point }
      if point.y > most.y { most = point }
    }
    flush()
    canvas.line(points, colour, width: width)
  }
}

/// A vertical scale with round ticks: at most seven steps of 1, 2 or 5 times a power of ten.
struct Scale {
  let low: Double
  let high: Double
  let ticks: [Double]
  /// The decimals of the ticks' labels.
  let digits: Int

  /// A scale for values between two others; it spans at least `least`.
  init(_ minimum: Double, _ maximum: Double, least: Double) {
    // Halved first: the sum and the difference of finite values can be infinite.
    let middle = minimum / 2 + maximum / 2
    // So many digits a double has that the scale's ends always differ.
    let half = max(maximum * 0.54 - minimum * 0.54, least / 2, middle.magnitude * 1e-9)
    low = middle - half
    high = middle + half
    let range = high - low
    guard low.isFinite, high.isFinite, range.isFinite, range > 0 else {
      (ticks, digits) = ([], 0)
      return
    }
    let power = pow(10, floor(log10(range / 7)))
    let step = [1, 2, 5, 10].map { $0 * power }.first { range / $0 <= 7 } ?? 10 * power
    digits = step < 0.1 ? 2 : step < 1 ? 1 : 0
    let first = (low / step).rounded(.up)
    let count = Int(saturated: (high / step).rounded(.down) - first).clamped(to: -1...10)
    ticks = (0..<(count + 1)).map { (first + Double($0)) * step }
  }

  /// Where a value is between `bottom` and `top`; in the middle where the scale has no extent.
  func place(_ value: Double, _ top: Double, _ bottom: Double) -> Double {
    let share = (value - low) / (high - low)
    let place = bottom - (bottom - top) * share
    return place.isFinite ? place : (top + bottom) / 2
  }
}
