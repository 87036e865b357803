import Dispatch

/// Writes to a store on a thread of its own, one batch after the other, so that a slow disk or server keeps no event
/// loop waiting.
public final class StoreQueue: Sendable {
  private let queue = DispatchQueue(label: "store")
  private let target: Target

  /// The store, once it is open. @unchecked Sendable: it is used on the queue only.
  private final class Target: @unchecked Sendable {
    let open: () throws(StoreError) -> any PointStore
    var store: (any PointStore)?
    init(_ open: @escaping () throws(StoreError) -> any PointStore) { self.open = open }
  }

  /// A queue whose store `open` opens at the first write, and again after a write that failed.
  public init(_ open: @escaping @Sendable () throws(StoreError) -> any PointStore) { target = Target(open) }

  /// Writes a batch and calls `completion` on the queue's thread.
  public func write(
    _ requests: [WriteRequest], completion: @escaping @Sendable (Result<[Rejection], StoreError>) -> Void
  ) {
    queue.async { [target] in
      let result: Result<[Rejection], StoreError>
      do throws(StoreError) {
        let store: any PointStore
        if let open = target.store { store = open } else { store = try target.open() }
        target.store = store
        result = .success(try store.write(requests))
      } catch {
        // The file may have been replaced or repaired, or the server restarted.
        target.store = nil
        result = .failure(error)
      }
      completion(result)
    }
  }

  /// Tries whether the store can be written, and calls `completion` on the queue's thread with what is wrong, if anything.
  public func check(completion: @escaping @Sendable (StoreError?) -> Void) {
    queue.async { [target] in
      do throws(StoreError) {
        let store: any PointStore
        if let open = target.store { store = open } else { store = try target.open() }
        try store.check()
        target.store = store
        completion(nil)
      } catch {
        target.store = nil
        completion(error)
      }
    }
  }

  /// Waits until all is written, and closes the store.
  public func close() { queue.sync { target.store = nil } }
}
