import Glibc

/// What a pipe brings, in a temporary file without a name, so that it can be read more than once.
public final class PipedFile {
  /// A path that opens the file, from its beginning, in this process.
  public var path: String { "/proc/self/fd/\(descriptor)" }
  private let descriptor: Int32

  /// Whether something at `path` can be read only once, such as a pipe or a terminal.
  public static func isNeeded(for path: String) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    return ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
  }

  /// Reads `path` to its end; throws where it can't be read, or the temporary file can't be written.
  public init(copying path: String) throws(FileError) {
    let source = open(path, O_RDONLY | O_CLOEXEC)
    guard source >= 0 else { throw FileError(.read, path, errno: errno) }
    defer { close(source) }
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var name = Array("\(folder)/trucksensor-pipe-XXXXXX".utf8CString)
    descriptor = mkstemp(&name)
    guard descriptor >= 0 else { throw FileError(.write, folder, errno: errno) }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    unlink(name)
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(source, &buffer, buffer.count)
      guard count != 0 else { return }
      if count < 0 {
        if errno == EINTR { continue }
        throw FileError(.read, path, errno: errno)
      }
      var rest = buffer[..<count]
      while !rest.isEmpty {
        let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard written > 0 || errno == EINTR else { throw FileError(.write, folder, errno: errno) }
        rest = rest.dropFirst(max(0, written))
      }
    }
  }

  deinit { close(descriptor) }
}
