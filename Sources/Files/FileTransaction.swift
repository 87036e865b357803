import Glibc

/// Files of one folder that change together: after a failure or a kill at any moment, the next process that locks the
/// folder finds either all of the old files or all of the new ones. There is no moment without a file that was there before.
///
/// The new files are written beside their places, to the disk, and the old ones get a second name, a hidden marker lists them, and then
/// the new ones are renamed over the old. Removing the marker commits; a marker that is still there undoes
/// (`LockedFolder`).
public struct FileTransaction: ~Copyable {
  /// What a commit does, in order; tests stop it after each.
  enum Step: Equatable {
    case staged(String), backedUp(String), marked, replaced(String), committed, cleaned(String)
  }

  private let folder: LockedFolder
  private let files: TransactionFiles
  private var names: [String] = []
  private var isOver = false
  /// Asked after each step; false stops everything where it is, as a kill would.
  private let mayGoOn: (Step) -> Bool

  /// Begins a transaction in a locked folder.
  public init(in folder: LockedFolder) {
    self.init(in: folder) { _ in true }
  }

  init(in folder: LockedFolder, mayGoOn: @escaping (Step) -> Bool) {
    self.folder = folder
    files = TransactionFiles(folder: folder.path)
    self.mayGoOn = mayGoOn
  }

  deinit {
    // What can't be undone now is undone by the next process that locks the folder.
    if !isOver { try? TransactionFiles.recover(folder) }
  }

  /// Writes a new file for `name` with `mode` from its first moment.
  public mutating func stage(_ bytes: [UInt8], as name: String, mode: mode_t) throws(FileError) {
    names.append(name)
    try files.write(bytes, to: files.staged(name), mode: mode, for: name, isDurable: false)
    after(.staged(name))
  }

  /// Puts all files in their places, in the order in which they were staged.
  public mutating func commit() throws(FileError) {
    guard !isOver else { return }
    try synchronizeStaged()
    if names.count == 1 { return try commit(single: names[0]) }
    var marker = ""
    for name in names {
      let isThere = Files.exists(files.place(name))
      marker += (isThere ? "replace " : "create ") + name + "\n"
      if isThere { try files.backUp(name) }
      guard after(.backedUp(name)) else { return }
    }
    try folder.synchronize()
    try files.mark(Array(marker.utf8))
    try folder.synchronize()
    guard after(.marked) else { return }
    for name in names {
      try files.rename(files.staged(name), to: files.place(name))
      guard after(.replaced(name)) else { return }
    }
    try folder.synchronize()
    try Files.remove(files.marker)
    try folder.synchronize()
    guard after(.committed) else { return }
    for name in names {
      unlink(files.backup(name))
      guard after(.cleaned(name)) else { return }
    }
    isOver = true
  }

  /// Makes what the staged files hold durable: one by one, or many with the whole file system, which takes one wait.
  private func synchronizeStaged() throws(FileError) {
    if names.count > Self.fewFiles, folder.synchronizeFileSystem() { return }
    for name in names { try files.synchronize(name) }
  }

  private static let fewFiles = 8

  /// A rename alone is all or nothing.
  private mutating func commit(single name: String) throws(FileError) {
    try files.rename(files.staged(name), to: files.place(name))
    isOver = true
    try folder.synchronize()
  }

  @discardableResult
  private mutating func after(_ step: Step) -> Bool {
    if !isOver, !mayGoOn(step) { isOver = true }
    return !isOver
  }
}

/// The hidden files of one transaction: `.NAME.ID.staged`, `.NAME.ID.backup` and the marker `.ID.transaction`.
struct TransactionFiles {
  private static let suffixes = [".staged", ".backup", ".transaction", ".marker"]

  private let folder: String
  private let identifier: String

  init(folder: String) {
    self.folder = folder
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    identifier = String(repeating: "0", count: 16 - digits.count) + digits
  }

  private init(folder: String, identifier: String) {
    self.folder = folder
    self.identifier = identifier
  }

  func place(_ name: String) -> String { Files.join(folder, name) }
  func staged(_ name: String) -> String { Files.join(folder, ".\(name).\(identifier).staged") }
  func backup(_ name: String) -> String { Files.join(folder, ".\(name).\(identifier).backup") }
  var marker: String { Files.join(folder, ".\(identifier).transaction") }
  private var unfinishedMarker: String { Files.join(folder, ".\(identifier).marker") }

  /// Writes a file that isn't there; errors name the file that it is for.
  func write(
    _ bytes: [UInt8], to path: String, mode: mode_t, for name: String, isDurable: Bool = true
  ) throws(FileError) {
    let file = try NewFile(path, mode: mode, for: place(name))
    file.append(bytes)
    try file.finish(isDurable: isDurable)
  }

  /// Makes what a staged file holds durable.
  func synchronize(_ name: String) throws(FileError) {
    let descriptor = open(staged(name), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(.write, place(name), errno: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError(.write, place(name), errno: errno) }
  }

  /// Gives the file in its place a second name, or copies it where the file system has no second names.
  func backUp(_ name: String) throws(FileError) {
    if link(place(name), backup(name)) == 0 { return }
    let code = errno
    guard [EPERM, EOPNOTSUPP, EMLINK].contains(code) else {
      throw FileError(.write, place(name), errno: code)
    }
    let contents = try Files.contents(of: place(name), limit: Int.max - 1)
    try write(contents.bytes, to: backup(name), mode: contents.mode, for: name)
  }

  /// Writes the marker, which appears whole.
  func mark(_ bytes: [UInt8]) throws(FileError) {
    try write(bytes, to: unfinishedMarker, mode: 0o600, for: "")
    try rename(unfinishedMarker, to: marker)
  }

  func rename(_ from: String, to path: String) throws(FileError) {
    guard Glibc.rename(from, path) == 0 else { throw FileError(.write, path, errno: errno) }
  }

  /// Undoes transactions that were cut, and removes the hidden files of those that were not.
  static func recover(_ folder: LockedFolder) throws(FileError) {
    let hidden = try Files.allNames(folder.path).filter { name in
      name.hasPrefix(".") && suffixes.contains(where: name.hasSuffix)
    }
    guard !hidden.isEmpty else { return }
    for name in hidden where name.hasSuffix(".transaction") {
      let identifier = String(name.dropFirst().dropLast(".transaction".count))
      try TransactionFiles(folder: folder.path, identifier: identifier).undo()
      try folder.synchronize()
      try Files.remove(Files.join(folder.path, name))
      try folder.synchronize()
    }
    for name in hidden where !name.hasSuffix(".transaction") && isOurs(name) {
      unlink(Files.join(folder.path, name))
    }
  }

  /// Puts the old files back and removes the new ones that had no predecessor. May be repeated.
  private func undo() throws(FileError) {
    for line in try Files.readText(marker).split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 1).map(String.init)
      guard words.count == 2 else { continue }
      let name = words[1]
      if words[0] == "replace" {
        // Without a backup it was put back before.
        if Files.exists(backup(name)) { try rename(backup(name), to: place(name)) }
      } else if !Files.exists(staged(name)), Files.exists(place(name)) {
        try Files.remove(place(name))
      }
    }
  }

  /// Whether a hidden name has a transaction's identifier of 16 hexadecimal digits before its suffix.
  private static func isOurs(_ name: String) -> Bool {
    let parts = name.split(separator: ".")
    guard parts.count >= 2 else { return false }
    let identifier = parts[parts.count - 2]
    return identifier.utf8.count == 16 && identifier.allSatisfy { $0.isHexDigit }
  }
}
