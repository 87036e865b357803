import Glibc

/// Reads, lists and writes files, with errors that name the file and the reason.
public enum Files {
  /// 1 MiB: more than any document, policy or certificate that people write.
  public static let documentLimit = 1 << 20

  /// A file's bytes and its permissions, read through one descriptor so that they belong together.
  public struct Contents: Sendable {
    /// The whole file; empty if the file is.
    public let bytes: [UInt8]
    /// The permission bits.
    public let mode: mode_t
  }

  /// Reads a regular file of at most `limit` bytes.
  public static func read(_ path: String, limit: Int = documentLimit) throws(FileError) -> [UInt8] {
    try contents(of: path, limit: limit).bytes
  }

  /// Reads the same as text; bytes that are not UTF-8 become replacement characters.
  public static func readText(_ path: String, limit: Int = documentLimit) throws(FileError) -> String {
    String(decoding: try read(path, limit: limit), as: UTF8.self)
  }

  /// Reads a regular file of at most `limit` bytes, and its permissions.
  public static func contents(of path: String, limit: Int = documentLimit) throws(FileError) -> Contents {
    let descriptor = try open(path)
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError(.read, path, errno: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FileError(.read, path, status.st_mode & S_IFMT == S_IFDIR ? .isFolder : .notAFile)
    }
    guard status.st_size <= limit else { throw FileError(.read, path, .tooLarge(limit: limit)) }
    // One more than its size, since files below /proc say they have none and others may grow.
    let bytes = try readAll(descriptor, path, upTo: limit + 1, expecting: Int(status.st_size) + 1)
    guard bytes.count <= limit else { throw FileError(.read, path, .tooLarge(limit: limit)) }
    return Contents(bytes: bytes, mode: status.st_mode & 0o7777)
  }

  /// The last `limit` bytes of a regular file.
  public static func tail(_ path: String, limit: Int) throws(FileError) -> [UInt8] {
    let descriptor = try open(path)
    defer { close(descriptor) }
    let size = lseek(descriptor, 0, SEEK_END)
    lseek(descriptor, max(0, size - limit), SEEK_SET)
    return try readAll(descriptor, path, upTo: limit, expecting: limit)
  }

  /// Whether anything is at `path`, a dangling link included.
  public static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// The names in a folder that end in `suffix`, sorted; names that begin with a dot are left out.
  public static func list(_ folder: String, suffix: String = "") throws(FileError) -> [String] {
    try allNames(folder).filter { !$0.hasPrefix(".") && $0.hasSuffix(suffix) }.sorted()
  }

  /// All names in a folder, without order.
  static func allNames(_ folder: String) throws(FileError) -> [String] {
    try check(folder, .list)
    guard let directory = opendir(folder) else { throw FileError(.list, folder, errno: errno) }
    defer { closedir(directory) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
      errno = 0
    }
    guard errno == 0 else { throw FileError(.list, folder, errno: errno) }
    return names
  }

  /// Makes a folder (mode 0755) and its parents where they are missing.
  public static func makeFolder(_ path: String) throws(FileError) {
    try check(path, .makeFolder)
    var partial = path.hasPrefix("/") ? "/" : ""
    for component in path.split(separator: "/") {
      partial += (partial.isEmpty || partial == "/" ? "" : "/") + component
      if mkdir(partial, 0o755) == 0 { continue }
      let code = errno
      guard isFolder(partial) else { throw FileError(.makeFolder, partial, errno: code) }
    }
  }

  /// Removes a file; fails if there is none.
  public static func remove(_ path: String) throws(FileError) {
    try check(path, .remove)
    guard unlink(path) == 0 else { throw FileError(.remove, path, errno: errno) }
  }

  /// Removes a file, a link, or a folder with all that is in it. Links are removed, not followed.
  public static func removeTree(_ path: String) throws(FileError) {
    try check(path, .remove)
    var status = stat()
    guard lstat(path, &status) == 0 else { throw FileError(.remove, path, errno: errno) }
    guard status.st_mode & S_IFMT == S_IFDIR else { return try remove(path) }
    for name in try allNames(path) { try removeTree(join(path, name)) }
    guard rmdir(path) == 0 else { throw FileError(.remove, path, errno: errno) }
  }

  /// What changes when a file is written or replaced; nil if there is none.
  public static func stamp(of path: String) -> FileStamp? {
    var status = stat()
    guard !path.utf8.contains(0), stat(path, &status) == 0 else { return nil }
    return FileStamp(
      inode: UInt64(status.st_ino), size: Int64(status.st_size), seconds: Int64(status.st_mtim.tv_sec),
      nanoseconds: Int64(status.st_mtim.tv_nsec))
  }

  /// The folder of a file: what stands before its last slash, or `.`.
  public static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The name of a file without its folder.
  public static func name(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }

  /// Makes a file's new name durable, where the folder lets us.
  static func synchronizeFolder(of path: String) {
    let descriptor = Glibc.open(folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  /// Whether a folder is at `path`, or a link to one.
  public static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// `name` inside `folder`, as the user would write it.
  public static func join(_ folder: String, _ name: String) -> String {
    folder.isEmpty ? name : folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }

  /// The path without links and relative to the root; fails if nothing is there or the path contains a line break,
  /// which no configuration file could hold.
  public static func absolute(_ path: String) throws(FileError) -> String {
    try check(path, .read)
    guard let resolved = realpath(path, nil) else { throw FileError(.read, path, errno: errno) }
    defer { free(resolved) }
    let text = String(cString: resolved)
    guard !text.utf8.contains(UInt8(ascii: "\n")) else { throw FileError(.read, path, .invalidPath) }
    return text
  }

  /// Writes a file that appears whole or not at all: see `AtomicFile`.
  public static func write(_ bytes: [UInt8], to path: String, mode: mode_t? = nil) throws(FileError) {
    let file = try AtomicFile(path, mode: mode)
    file.append(bytes)
    try file.commit()
  }

  static func check(_ path: String, _ operation: FileError.Operation) throws(FileError) {
    if path.utf8.contains(0) { throw FileError(operation, path, .invalidPath) }
  }

  private static func open(_ path: String) throws(FileError) -> Int32 {
    try check(path, .read)
    // So that opening a pipe without a writer doesn't wait forever.
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else {
      throw errno == ENXIO ? FileError(.read, path, .notAFile) : FileError(.read, path, errno: errno)
    }
    return descriptor
  }

  private static func readAll(_ descriptor: Int32, _ path: String, upTo limit: Int, expecting: Int)
    throws(FileError) -> [UInt8]
  {
    var bytes: [UInt8] = []
    var chunk = min(limit, max(expecting, 4096))
    while bytes.count < limit {
      var failure: Int32 = 0
      let piece = [UInt8](unsafeUninitializedCapacity: min(chunk, limit - bytes.count)) { buffer, count in
        while true {
          let got = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
          if got < 0, errno == EINTR { continue }
          if got < 0 { failure = errno }
          count = max(0, got)
          return
        }
      }
      guard failure == 0 else { throw FileError(.read, path, errno: failure) }
      if piece.isEmpty { break }
      if bytes.isEmpty { bytes = piece } else { bytes += piece }
      chunk = 65_536
    }
    return bytes
  }
}
