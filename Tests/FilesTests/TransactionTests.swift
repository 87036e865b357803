import Glibc
import Testing

@testable import Files

/// A set of files that changes together is all old or all new after a kill at any step.
@Suite struct TransactionTests {
  private static let old = ["key": "old key", "cert": "old cert"]
  private static let new = ["key": "new key", "cert": "new cert", "root": "new root"]
  private static let order = ["root", "key", "cert"]

  private let temporary: TemporaryFolder

  init() throws { temporary = try TemporaryFolder() }

  private func folder() throws -> String {
    let folder = temporary.path
    for (name, text) in Self.old {
      try Files.write(Array(text.utf8), to: "\(folder)/\(name)", mode: name == "key" ? 0o600 : 0o644)
    }
    return folder
  }

  private func contents(_ folder: String) throws -> [String: String] {
    var texts: [String: String] = [:]
    for name in try Files.allNames(folder) { texts[name] = try Files.readText("\(folder)/\(name)") }
    return texts
  }

  /// Changes the files and stops dead when `isEnd` says so; the steps that were taken.
  private func change(_ folder: String, stoppingAt index: Int?) throws -> [FileTransaction.Step] {
    let steps = Steps(limit: index)
    var transaction = FileTransaction(in: try LockedFolder(folder)) { steps.take($0) }
    for name in Self.order where !steps.isOver {
      try transaction.stage(
        Array((Self.new[name] ?? "").utf8), as: name, mode: name == "key" ? 0o600 : 0o644)
    }
    try transaction.commit()
    return steps.taken
  }

  private final class Steps {
    private(set) var taken: [FileTransaction.Step] = []
    private let limit: Int?
    init(limit: Int?) { self.limit = limit }
    var isOver: Bool { limit.map { taken.count > $0 } ?? false }
    func take(_ step: FileTransaction.Step) -> Bool {
      taken.append(step)
      return !isOver
    }
  }

  @Test("A transaction replaces and creates its files, with their permissions and nothing left over")
  func whole() throws {
    let folder = try folder()
    let steps = try change(folder, stoppingAt: nil)
    #expect(steps.count == 14)
    #expect(try contents(folder) == Self.new)
    #expect(try Files.contents(of: folder + "/key").mode == 0o600)
    #expect(try Files.contents(of: folder + "/cert").mode == 0o644)
  }

  @Test("After a kill at any step the folder's next user finds all files old or all new", arguments: 0..<14)
  func killed(index: Int) throws {
    let folder = try folder()
    let last = try #require(try change(folder, stoppingAt: index).last)
    // Whoever reads before the lock is taken sees whole files, and none of the old is missing.
    let between = try contents(folder)
    for name in Self.old.keys {
      #expect(between[name] == Self.old[name] || between[name] == Self.new[name], "\(last)")
    }
    _ = try LockedFolder(folder)
    var wanted = Self.old
    switch last {
    case .committed, .cleaned: wanted = Self.new
    default: break
    }
    #expect(try contents(folder) == wanted, "\(last)")
    #expect(try Files.contents(of: folder + "/key").mode == 0o600)
  }

  @Test(
    "A recovery that is killed itself is finished by the next one", arguments: 0..<14,
    ["key", "cert", "root"])
  func killedRecovery(index: Int, name: String) throws {
    let folder = try folder()
    let last = try #require(try change(folder, stoppingAt: index).last)
    guard case .replaced = last else { return }
    // A recovery's first renames, by hand: the marker is still there.
    for hidden in try Files.allNames(folder)
    where hidden.hasPrefix(".\(name).") && hidden.hasSuffix(".backup") {
      #expect(rename("\(folder)/\(hidden)", "\(folder)/\(name)") == 0)
    }
    _ = try LockedFolder(folder)
    #expect(try contents(folder) == Self.old)
  }

  @Test("A transaction that fails leaves what was there")
  func failed() throws {
    let folder = try folder()
    try Files.makeFolder(folder + "/root")
    #expect(throws: FileError.self) { try change(folder, stoppingAt: nil) }
    for (name, text) in Self.old { #expect(try Files.readText("\(folder)/\(name)") == text) }
    #expect(try Set(Files.allNames(folder)) == ["key", "cert", "root"])
  }

  @Test("A single file is replaced at once")
  func single() throws {
    let folder = try folder()
    var transaction = FileTransaction(in: try LockedFolder(folder))
    try transaction.stage(Array("newer".utf8), as: "key", mode: 0o600)
    #expect(try Files.readText(folder + "/key") == "old key")
    try transaction.commit()
    #expect(try contents(folder) == ["key": "newer", "cert": "old cert"])
  }

  @Test("Hidden files of others stay")
  func others() throws {
    let folder = try folder()
    for name in [".key.new", ".x.staged", ".gitignore", "a.transaction", ".key.0123456789abcdez.backup"] {
      try Files.write([], to: "\(folder)/\(name)")
    }
    let before = try contents(folder)
    _ = try LockedFolder(folder)
    #expect(try contents(folder) == before)
  }

  @Test("Transactions of several threads come one after the other")
  func threads() async throws {
    let folder = try folder()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<20 {
        group.addTask {
          var transaction = FileTransaction(in: try LockedFolder(folder))
          for name in ["key", "cert"] {
            try transaction.stage(Array("\(number)".utf8), as: name, mode: 0o600)
          }
          try transaction.commit()
        }
      }
      try await group.waitForAll()
    }
    let texts = try contents(folder)
    #expect(texts.keys.sorted() == ["cert", "key"])
    #expect(texts["key"] == texts["cert"])
  }
}
