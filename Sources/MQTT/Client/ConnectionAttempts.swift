/// Decides which address a client tries next, and what to do with a late answer of the name service.
///
/// A value without I/O. There is one look-up at a time, and at most one attempt that waits for it; an answer that comes
/// after its attempt has timed out is kept for the next one.
struct ConnectionAttempts: Hashable {
  /// What an attempt begins with.
  enum Beginning: Hashable {
    /// Look the name up.
    case lookUp
    /// Wait for the look-up that an earlier attempt began.
    case wait
    /// Connect to this address.
    case open(String)
  }

  private var addresses: [String] = []
  private var index = 0
  private var looksUp = false
  private var waitsForAddress = false

  /// An attempt begins.
  mutating func begin() -> Beginning {
    if index < addresses.count {
      waitsForAddress = false
      return .open(addresses[index])
    }
    waitsForAddress = true
    if looksUp { return .wait }
    looksUp = true
    return .lookUp
  }

  /// The look-up has found addresses; returns the one to connect to, nil if no attempt waits for it any more.
  mutating func found(_ addresses: [String]) -> String? {
    looksUp = false
    self.addresses = addresses
    index = 0
    defer { waitsForAddress = false }
    return waitsForAddress ? addresses.first : nil
  }

  /// The look-up has failed; returns whether an attempt waited for it, and failed too.
  mutating func foundNothing() -> Bool {
    looksUp = false
    defer { waitsForAddress = false }
    return waitsForAddress
  }

  /// The attempt has failed; returns whether the name has another address to try.
  mutating func failed() -> Bool {
    guard !waitsForAddress else {
      waitsForAddress = false
      return false
    }
    index = min(index + 1, addresses.count)
    return index < addresses.count
  }

  /// The attempt succeeded: after a loss this address comes first.
  mutating func connected() { index = 0 }

  /// The client no longer needs a connection.
  mutating func abandoned() { waitsForAddress = false }
}
