/// Writes JSON (RFC 8259), commas included: the only way in which the program makes a JSON text.
///
/// Calls must nest as JSON does: in an object every value follows a key.
///
///     var json = JSONWriter()
///     json.object {
///       $0.member("device", "truckSensor01")
///       $0.array("times") { $0.value(1); $0.value(2) }
///     }
package struct JSONWriter: Sendable {
  /// The text so far, UTF-8.
  package private(set) var bytes: [UInt8] = []
  private var needsComma = false
  private let isIndented: Bool
  private var depth = 0
  private var followsKey = false

  /// A writer of compact JSON, or of JSON with one value per line and two blanks of indentation per level, for files that people read.
  package init(indented: Bool = false) { isIndented = indented }

  /// The text so far.
  package var text: String { String(decoding: bytes, as: UTF8.self) }

  /// Hands over the text so far, for a document that is written in parts; what follows continues it.
  package mutating func takeBytes() -> [UInt8] {
    defer { bytes.removeAll() }
    return bytes
  }

  // MARK: Values

  package mutating func value(_ text: String) {
    separate()
    JSONText.appendString(text, to: &bytes)
  }

  package mutating func value(_ number: Int) {
    separate()
    JSONText.appendInteger(number, to: &bytes)
  }

  package mutating func value(_ number: Int64) { value(Int(number)) }

  /// The shortest decimal that reads back to the same double; `null` for NaN and infinities, which JSON doesn't have.
  package mutating func value(_ number: Double) {
    separate()
    JSONText.appendNumber(number, to: &bytes)
  }

  package mutating func value(_ flag: Bool) {
    separate()
    bytes.append(contentsOf: (flag ? "true" : "false").utf8)
  }

  package mutating func null() {
    separate()
    bytes.append(contentsOf: "null".utf8)
  }

  /// A value that is JSON already, as it stands; it must be one whole value.
  package mutating func value(json: some Sequence<UInt8>) {
    separate()
    bytes.append(contentsOf: json)
  }

  // MARK: Objects and arrays

  package mutating func object<Failure: Error>(
    _ members: (inout JSONWriter) throws(Failure) -> Void
  ) throws(Failure) {
    open(UInt8(ascii: "{"))
    try members(&self)
    close(UInt8(ascii: "}"))
  }

  package mutating func array<Failure: Error>(
    _ elements: (inout JSONWriter) throws(Failure) -> Void
  ) throws(Failure) {
    beginArray()
    try elements(&self)
    endArray()
  }

  /// Opens an array whose elements come from several calls; `endArray` closes it.
  package mutating func beginArray() { open(UInt8(ascii: "[")) }

  package mutating func endArray() { close(UInt8(ascii: "]")) }

  package mutating func key(_ name: String) {
    value(name)
    bytes.append(UInt8(ascii: ":"))
    if isIndented { bytes.append(UInt8(ascii: " ")) }
    needsComma = false
    followsKey = true
  }

  package mutating func member(_ name: String, _ text: String) {
    key(name)
    value(text)
  }

  package mutating func member(_ name: String, _ number: Int) {
    key(name)
    value(number)
  }

  package mutating func member(_ name: String, _ number: Int64) {
    key(name)
    value(number)
  }

  package mutating func member(_ name: String, _ number: Double) {
    key(name)
    value(number)
  }

  package mutating func member(_ name: String, _ flag: Bool) {
    key(name)
    value(flag)
  }

  /// A text, or `null`.
  package mutating func member(_ name: String, orNull text: String?) {
    key(name)
    if let text { value(text) } else { null() }
  }

  /// An integer, or `null`.
  package mutating func member(_ name: String, orNull number: Int64?) {
    key(name)
    if let number { value(number) } else { null() }
  }

  /// A number, or `null`.
  package mutating func member(_ name: String, orNull number: Double?) {
    key(name)
    if let number { value(number) } else { null() }
  }

  /// A member whose value is JSON already.
  package mutating func member(_ name: String, json: some Sequence<UInt8>) {
    key(name)
    value(json: json)
  }

  package mutating func object<Failure: Error>(
    _ name: String, _ members: (inout JSONWriter) throws(Failure) -> Void
  ) throws(Failure) {
    key(name)
    try object(members)
  }

  package mutating func array<Failure: Error>(
    _ name: String, _ elements: (inout JSONWriter) throws(Failure) -> Void
  ) throws(Failure) {
    key(name)
    try array(elements)
  }

  /// Ends a line: the next value stands alone (JSON lines).
  package mutating func newline() {
    bytes.append(UInt8(ascii: "\n"))
    needsComma = false
  }

  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    if !followsKey, depth > 0 { breakLine() }
    needsComma = true
    followsKey = false
  }

  private mutating func breakLine() {
    guard isIndented else { return }
    bytes.append(UInt8(ascii: "\n"))
    bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * depth))
  }

  private mutating func open(_ bracket: UInt8) {
    separate()
    bytes.append(bracket)
    depth += 1
    needsComma = false
  }

  private mutating func close(_ bracket: UInt8) {
    depth -= 1
    // An empty container stays on one line.
    if needsComma { breakLine() }
    bytes.append(bracket)
    needsComma = true
  }
}
