import Files
import Glibc
import Testing

@Suite struct FilesTests {
  private let temporary: TemporaryFolder
  private var folder: String { temporary.path }

  init() throws { temporary = try TemporaryFolder() }

  private func mode(_ path: String) -> mode_t {
    var status = stat()
    stat(path, &status)
    return status.st_mode & 0o777
  }

  private func cause(_ body: () throws(FileError) -> Void) -> FileError.Cause? {
    do throws(FileError) {
      try body()
      return nil
    } catch {
      return error.cause
    }
  }

  @Test("A file that is written is there whole, with the permissions asked for or those it had")
  func write() throws {
    let path = folder + "/a"
    try Files.write(Array("one".utf8), to: path, mode: 0o600)
    #expect(mode(path) == 0o600)
    try Files.write(Array("two".utf8), to: path)
    #expect(mode(path) == 0o600)
    #expect(try Files.readText(path) == "two")
    chmod(path, 0o664)
    try Files.write([], to: path)
    #expect(mode(path) == 0o664)
    #expect(try Files.read(path).isEmpty)
    #expect(try Files.list(folder) == ["a"])
  }

  @Test("A file that isn't committed leaves what was there, and nothing else")
  func abandoned() throws {
    let path = folder + "/b"
    try Files.write(Array("old".utf8), to: path)
    try AtomicFile(path).append(Array("new".utf8))
    #expect(try Files.readText(path) == "old")
    let leftovers = try FilesTests.all(folder)
    #expect(leftovers == ["b"])
  }

  @Test("A folder, a missing file, a pipe, a large file and an impossible name are told apart")
  func causes() throws {
    #expect(cause { () throws(FileError) in _ = try Files.read(folder) } == .isFolder)
    #expect(cause { () throws(FileError) in _ = try Files.read(folder + "/none") } == .missing)
    #expect(cause { () throws(FileError) in _ = try Files.read(folder + "/a\0b") } == .invalidPath)
    mkfifo(folder + "/pipe", 0o600)
    #expect(cause { () throws(FileError) in _ = try Files.read(folder + "/pipe") } == .notAFile)
    try Files.write([UInt8](repeating: 0, count: 11), to: folder + "/large")
    #expect(try Files.read(folder + "/large", limit: 11).count == 11)
    #expect(
      cause { () throws(FileError) in _ = try Files.read(folder + "/large", limit: 10) }
        == .tooLarge(limit: 10))
    #expect(cause { () throws(FileError) in _ = try Files.list(folder + "/none") } == .missing)
    #expect(cause { () throws(FileError) in _ = try Files.list(folder + "/large") } == .missing)
    #expect(cause { () throws(FileError) in try Files.write([], to: folder) } == .isFolder)
    #expect(cause { () throws(FileError) in try Files.write([], to: folder + "/no/file") } == .missing)
    #expect(cause { () throws(FileError) in try Files.makeFolder(folder + "/large/x") } != nil)
  }

  @Test("Files below /proc, which say they are empty, are read")
  func proc() throws { #expect(try Files.readText("/proc/self/status").contains("Pid:")) }

  @Test("The end of a file is read")
  func tail() throws {
    try Files.write(Array("0123456789".utf8), to: folder + "/t")
    #expect(try Files.tail(folder + "/t", limit: 4) == Array("6789".utf8))
    #expect(try Files.tail(folder + "/t", limit: 100).count == 10)
  }

  @Test("A lock is held once, and free again when it is released")
  func lock() throws {
    let path = folder + "/lock"
    var lock = try FileLock.take(path)
    #expect(lock != nil)
    #expect(try FileLock.take(path) == nil)
    lock = nil
    _ = lock
    #expect(try FileLock.take(path) != nil)
  }

  private static func all(_ folder: String) throws -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
    }
    return names.filter { $0 != "." && $0 != ".." }.sorted()
  }
}
