import Text

/// A page of a list, and the token of the next one.
struct Page<Element> {
  let elements: [Element]
  let next: String?

  /// The number of elements on a page if the client gives none.
  static var usualSize: Int { 50 }

  /// - Parameters:
  ///   - all: The whole list.
  ///   - token: The token that came with the previous page.
  ///   - key: An element's name, which finds the place in the list again after others were added or removed.
  /// - Throws: `InvalidRequestException` for a token that this server didn't issue.
  init(_ all: [Element], token: String?, size: Int?, key: (Element) -> String) throws(AWSFault) {
    var start = 0
    if let token {
      guard let bytes = Base64.decode(token), let text = String(validating: bytes, as: UTF8.self),
        let colon = text.firstIndex(of: ":"), let offset = Int(text[..<colon]), offset >= 0
      else { throw .invalidRequest("Invalid pagination token") }
      let last = text[text.index(after: colon)...]
      start = all.firstIndex { key($0) == last }.map { $0 + 1 } ?? min(offset, all.count)
    }
    let end = min(start + (size ?? Self.usualSize), all.count)
    elements = Array(all[start..<end])
    next =
      end < all.count ? elements.last.map { Base64.encode(Array("\(end):\(key($0))".utf8)) } : nil
  }
}
