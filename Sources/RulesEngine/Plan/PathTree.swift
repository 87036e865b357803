/// A name in the paths of a payload, and the names below it.
struct PathNode {
  /// The name's first eight bytes as a little-endian word, padded with zeros.
  var prefix: UInt64 = 0
  /// The name's length in bytes.
  var length: Int32 = 0
  /// The index of the name's ninth byte in the tree's `names`.
  var rest: Int32 = 0
  /// The slot of the value at this path; -1 if only what is below it is wanted.
  var slot: Int32 = -1
  /// The slots of this path and all paths below it, which are emptied together when a key is repeated.
  var slots: (first: Int32, end: Int32) = (0, 0)
  /// The nodes of the names below.
  var children: (first: Int32, end: Int32) = (0, 0)
}

/// The paths of a payload that a plan reads, as a tree of names, in memory that doesn't move.
struct PathTree: ~Copyable {
  /// The most names on one level; they are compared one by one.
  static let levelLimit = 128

  /// The root first; the names below a node are adjacent.
  let nodes: UnsafeMutablePointer<PathNode>
  /// The names' bytes beyond the eighth.
  let names: UnsafeMutablePointer<UInt8>
  let slotCount: Int
  private let levels: [[String]: Int]

  private final class Level {
    var names: [String] = []
    var below: [String: Level] = [:]
    var isWanted = false
    var slot = -1
    var slots = (first: 0, end: 0)

    /// Numbers the slots depth first, so that those of a path and of all paths below it are adjacent.
    func number(_ next: inout Int) {
      slots.first = next
      if isWanted {
        slot = next
        next += 1
      }
      for name in names { below[name]?.number(&next) }
      slots.end = next
    }
  }

  /// A tree without paths.
  init() {
    slotCount = 0
    levels = [:]
    nodes = .allocate(capacity: 1)
    nodes.initialize(to: PathNode())
    names = .allocate(capacity: 1)
  }

  /// A tree of `paths`; nil if a level has too many names.
  init?(_ paths: Set<[String]>) {
    let root = Level()
    // In a fixed order, so that a statement always has the same plan.
    for path in paths.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      var level = root
      for name in path {
        if let next = level.below[name] {
          level = next
          continue
        }
        guard level.names.count < Self.levelLimit else { return nil }
        let next = Level()
        level.names.append(name)
        level.below[name] = next
        level = next
      }
      level.isWanted = true
    }
    var count = 0
    root.number(&count)
    slotCount = count
    var flat: [PathNode] = [PathNode()]
    var text: [UInt8] = []
    var found: [[String]: Int] = [:]
    var queue: [(level: Level, path: [String], node: Int)] = [(root, [], 0)]
    var index = 0
    while index < queue.count {
      let (level, path, node) = queue[index]
      index += 1
      if level.slot >= 0 { found[path] = level.slot }
      flat[node].slot = Int32(truncatingIfNeeded: level.slot)
      flat[node].slots = (
        Int32(truncatingIfNeeded: level.slots.first), Int32(truncatingIfNeeded: level.slots.end)
      )
      flat[node].children.first = Int32(truncatingIfNeeded: flat.count)
      for name in level.names {
        guard let below = level.below[name] else { continue }
        let bytes = Array(name.utf8)
        queue.append((below, path + [name], flat.count))
        flat.append(
          PathNode(
            prefix: Self.prefix(bytes), length: Int32(truncatingIfNeeded: bytes.count),
            rest: Int32(truncatingIfNeeded: text.count)))
        text += bytes.dropFirst(8)
      }
      flat[node].children.end = Int32(truncatingIfNeeded: flat.count)
    }
    levels = found
    nodes = .allocate(capacity: flat.count)
    nodes.initialize(from: flat, count: flat.count)
    names = .allocate(capacity: text.count + 1)
    names.initialize(from: text, count: text.count)
  }

  deinit {
    nodes.deallocate()
    names.deallocate()
  }

  /// The slot of a path that the tree was built from.
  func slot(of path: [String]) -> Int? { levels[path] }

  /// The first eight bytes as a word, with the first byte in the lowest place.
  static func prefix(_ bytes: [UInt8]) -> UInt64 {
    bytes.prefix(8).enumerated().reduce(0) {
      $0 | UInt64(truncatingIfNeeded: $1.element) << (8 * UInt64(truncatingIfNeeded: $1.offset))
    }
  }
}
