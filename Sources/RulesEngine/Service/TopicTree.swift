import MQTT

/// Topic filters as a tree of levels, so that finding a topic's filters depends on the topic's depth, not on the number
/// of filters.
struct TopicTree<Element> {
  private final class Node {
    var children: [Substring: Node] = [:]
    var anyLevel: Node?
    var elements: [Element] = []
    /// The elements of filters that end here with '#'.
    var remainder: [Element] = []
  }

  private let root = Node()

  /// Adds `element` under a filter without a share group.
  func insert(_ element: Element, at filter: String) {
    var node = root
    for level in filter.split(separator: "/", omittingEmptySubsequences: false) {
      if level == "#" {
        node.remainder.append(element)
        return
      }
      if level == "+" {
        let next = node.anyLevel ?? Node()
        node.anyLevel = next
        node = next
      } else {
        let next = node.children[level] ?? Node()
        node.children[level] = next
        node = next
      }
    }
    node.elements.append(element)
  }

  /// Calls `body` for each element whose filter matches (MQTT 5 section 4.7).
  func forEach(matching topic: String, _ body: (Element) -> Void) {
    let levels = topic.split(separator: "/", omittingEmptySubsequences: false)
    visit(root, levels[...], mayBeAny: !topic.hasPrefix("$"), body)
  }

  private func visit(_ node: Node, _ levels: ArraySlice<Substring>, mayBeAny: Bool, _ body: (Element) -> Void)
  {
    if mayBeAny { for element in node.remainder { body(element) } }
    guard let level = levels.first else {
      for element in node.elements { body(element) }
      return
    }
    let rest = levels.dropFirst()
    if let next = node.children[level] { visit(next, rest, mayBeAny: true, body) }
    if mayBeAny, let next = node.anyLevel { visit(next, rest, mayBeAny: true, body) }
  }
}
