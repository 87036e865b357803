import Glibc

/// A port of 127.0.0.1 that other runs leave alone, also while the broker that listens on it has died and is started again.
///
/// It is a name in the kernel's table of abstract sockets (unix(7)), which like a port belongs to one network namespace and
/// is free again when its process ends in any way.
final class PortReservation {
  private let socket: Int32

  private init(_ socket: Int32) { self.socket = socket }

  deinit { close(socket) }

  /// Reserves a port; nil if another broker has it, or the process has no free descriptor.
  static func take(_ port: UInt16) -> PortReservation? {
    let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { return nil }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // A leading zero byte makes the name abstract.
    let name = [0] + Array("trucksensor-broker-\(port)".utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
    let isTaken = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, length) } == 0
    }
    if isTaken { return PortReservation(socket) }
    close(socket)
    return nil
  }
}
