import Glibc

/// Host names to addresses, without stopping the loop.
enum NameResolver {
  /// Looks a host up and calls back on the loop of the waker, at once or later.
  typealias Resolve = (String, Waker, @escaping (Result<[String], Failure>) -> Void) -> Void

  struct Failure: Error {
    /// EAI_NODATA, which Glibc hides behind a feature macro.
    private static let noAddress: Int32 = -5
    let code: Int32
    var isUnknownName: Bool { code == EAI_NONAME || code == Self.noAddress }
    var message: String { String(cString: gai_strerror(code)) }
  }

  /// The numeric addresses of `host`, by the system's order of preference. An address is answered at once; a
  /// name is looked up on a thread of its own, which may take as long as the system's resolver does.
  static func resolve(_ host: String, _ waker: Waker, _ done: @escaping (Result<[String], Failure>) -> Void) {
    if case .success(let addresses) = lookUp(host, flags: AI_NUMERICHOST) {
      done(.success(addresses))
      return
    }
    let completion = LoopConfined(done)
    let thread = DetachedThread {
      let result = lookUp(host, flags: AI_ADDRCONFIG)
      waker.submit { _ in completion.value(result) }
    }
    if !thread.start() { done(.failure(Failure(code: EAI_MEMORY))) }
  }

  static func lookUp(_ host: String, flags: Int32) -> Result<[String], Failure> {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = flags
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, nil, &hints, &list)
    guard code == 0 else { return .failure(Failure(code: code)) }
    defer { freeaddrinfo(list) }
    var addresses: [String] = []
    var next = list
    while let entry = next {
      var text = [CChar](repeating: 0, count: 64)
      if getnameinfo(
        entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, 64, nil, 0, NI_NUMERICHOST) == 0
      {
        let address = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        if !addresses.contains(address) { addresses.append(address) }
      }
      next = entry.pointee.ai_next
    }
    return addresses.isEmpty ? .failure(Failure(code: EAI_NONAME)) : .success(addresses)
  }
}

/// Carries a value that only the loop's thread touches through another thread.
// @unchecked: made and read on the loop's thread; the threads between only pass it on (through a Mutex).
private struct LoopConfined<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}

/// A thread that isn't waited for.
private final class DetachedThread {
  private let body: @Sendable () -> Void

  init(_ body: @escaping @Sendable () -> Void) { self.body = body }

  func start() -> Bool {
    let context = Unmanaged.passRetained(self)
    var thread = pthread_t()
    let started = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<DetachedThread>.fromOpaque(context).takeRetainedValue().body()
        return nil
      }, context.toOpaque())
    guard started == 0 else {
      context.release()
      return false
    }
    pthread_detach(thread)
    return true
  }
}
