internal import CSQLite
import Glibc

/// Bounds the memory that SQLite takes for one statement.
///
/// SQLite's own limit is one for the whole process: a greedy statement would make another thread's writes fail. Here SQLite's
/// allocator is wrapped, and counts by thread while a user's statement runs there.
enum StatementMemory {
  /// The most memory that one statement may use, in bytes; a larger allocation fails.
  private static let limit = 512 << 20

  /// A running statement's bytes. What was allocated before may be freed meanwhile: then the count is too low.
  private struct Account { var bytes = 0 }

  // nonisolated(unsafe): written once, before SQLite is used.
  private nonisolated(unsafe) static var original = sqlite3_mem_methods()
  private nonisolated(unsafe) static var key = pthread_key_t()

  /// Wraps SQLite's allocator; to be called before anything else of SQLite.
  static let install: Void = {
    guard pthread_key_create(&key, nil) == 0 else { return }
    guard ts_sqlite3_default_memory(&original) == SQLITE_OK, original.xMalloc != nil else { return }
    var methods = original
    methods.xMalloc = { size in
      guard let memory = StatementMemory.original.xMalloc(size) else { return nil }
      guard StatementMemory.take(StatementMemory.original.xSize(memory)) else {
        StatementMemory.original.xFree(memory)
        return nil
      }
      return memory
    }
    methods.xFree = { memory in
      if let memory { _ = StatementMemory.take(-StatementMemory.original.xSize(memory)) }
      StatementMemory.original.xFree(memory)
    }
    methods.xRealloc = { memory, size in
      let before = StatementMemory.original.xSize(memory)
      // Refused before the allocation, because a block that was moved can't be moved back.
      guard StatementMemory.take(size - before) else { return nil }
      let moved = StatementMemory.original.xRealloc(memory, size)
      if moved == nil { _ = StatementMemory.take(before - size) }
      return moved
    }
    _ = ts_sqlite3_set_memory(&methods)
  }()

  /// Counts `bytes` for the statement of this thread, if there is one; false if they are too many.
  private static func take(_ bytes: Int32) -> Bool {
    guard let account = pthread_getspecific(key)?.assumingMemoryBound(to: Account.self) else { return true }
    account.pointee.bytes += Int(bytes)
    guard bytes > 0, account.pointee.bytes > limit else { return true }
    account.pointee.bytes -= Int(bytes)
    return false
  }

  /// Runs `work`, the statement of a user, under the limit.
  static func limited(_ work: () throws(StoreError) -> Void) throws(StoreError) {
    // A statement that runs while another one computes a row counts as part of that one.
    guard pthread_getspecific(key) == nil else { return try work() }
    var account = Account()
    try withUnsafeMutablePointer(to: &account) { account throws(StoreError) in
      guard pthread_setspecific(key, account) == 0 else { return try work() }
      defer { pthread_setspecific(key, nil) }
      try work()
    }
  }
}
