import Files
import Glibc

/// A TCP port of 127.0.0.1.
struct LoopbackPort {
  let number: UInt16

  /// Whether a server could listen on it.
  var isFree: Bool { obstacle == nil }

  /// The error number that keeps a server from listening on it.
  var obstacle: Int32? {
    var reason: Int32? = EMFILE
    _ = withSocket { socket in
      var yes: Int32 = 1
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
      reason = withAddress { bind(socket, $0, $1) } == 0 ? nil : errno
      return true
    }
    return reason
  }

  /// Whether a server accepts connections.
  var accepts: Bool { withSocket { socket in withAddress { connect(socket, $0, $1) } == 0 } }

  /// Whether the process owns the listening socket, according to the kernel's tables (proc(5)).
  func belongs(to process: pid_t) -> Bool {
    let folder = "/proc/\(process)/fd"
    guard let inode = listener, let names = try? Files.list(folder) else { return false }
    let wanted = "socket:[\(inode)]"
    var target = [CChar](repeating: 0, count: 64)
    return names.contains { name in
      let count = readlink(Files.join(folder, name), &target, target.count)
      return count > 0 && target[..<count].map(UInt8.init(bitPattern:)).elementsEqual(wanted.utf8)
    }
  }

  /// The inode of the listening socket, from /proc/net/tcp.
  private var listener: Substring? {
    let address = "0100007F:" + String(Int(number) + 0x10000, radix: 16, uppercase: true).dropFirst()
    guard let table = try? Files.readText("/proc/net/tcp", limit: 1 << 26) else { return nil }
    for line in table.split(separator: "\n") where line.contains(address) {
      let fields = line.split(separator: " ")
      // State 0A is listening.
      if fields.count > 9, fields[1] == address, fields[3] == "0A" { return fields[9] }
    }
    return nil
  }

  private func withSocket(_ body: (Int32) -> Bool) -> Bool {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { return false }
    defer { close(socket) }
    return body(socket)
  }

  private func withAddress(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = number.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
