internal import CLinux

// A file of its own: together with CLinux, `mode_t` would no longer be Glibc's public type.
extension LockedFolder {
  /// Makes all files of the folder's file system durable; whether that could be done.
  func synchronizeFileSystem() -> Bool { ts_syncfs(descriptor) == 0 }
}
