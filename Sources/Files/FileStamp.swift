/// What changes when a file is written or replaced: two equal stamps mean that a file need not be read again.
public struct FileStamp: Sendable, Hashable {
  /// The file itself, within its file system.
  public let inode: UInt64
  let size: Int64
  /// The last change, in seconds since 1970.
  public let seconds: Int64
  /// The nanoseconds of that second.
  public let nanoseconds: Int64
}
