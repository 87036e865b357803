/// A value or a key in the index of a JSON text.
package struct JSONNode: Sendable {
  package enum Kind: UInt8, Sendable { case null, yes, no, number, string, array, object }

  package let kind: Kind
  /// Whether a string has escapes, or a number a point or an exponent.
  package var isSpecial: Bool
  /// Where the text is; of a string without its quotes.
  package let start: Int32
  package var end: Int32
  /// The node behind this one and all that it contains.
  package var next: Int32

  /// A node without what it contains.
  @inlinable
  package init(kind: Kind, isSpecial: Bool, start: Int32, end: Int32, next: Int32) {
    self.kind = kind
    self.isSpecial = isSpecial
    self.start = start
    self.end = end
    self.next = next
  }
}
