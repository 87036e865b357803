import Files
import Glibc
import Identity

/// Keeps a second client with the same identifier away from a broker: it would take the session of the first, and what
/// waits there. The system releases the lock when the process ends, however it ends.
package final class EngineLock {
  private let lock: FileLock

  /// What the client is.
  package enum Role: Sendable { case engine, truck }

  /// The process that holds a lock.
  package struct Holder: Error, CustomStringConvertible {
    /// The client identifier.
    let clientID: String
    let role: Role
    /// Its number and command line, as far as they are known.
    let process: String

    package var description: String {
      if role == .truck {
        return
          "another process of this folder sends as '\(clientID)': \(process). The broker would disconnect it. Choose "
          + "another device: 'trucksensor provision thing truckSensor02', then --device truckSensor02"
      }
      return
        "a rules engine with the client identifier '\(clientID)' is already running: \(process). Two would take each other's "
        + "messages. Stop that engine, or give this one another identifier with --client-id."
    }
  }

  /// Locks a client identifier at a broker for the processes of this folder.
  /// - Throws: `Holder` if another process has the lock, `FileError` if there can't be one.
  package init(
    clientID: String, role: Role = .engine, host: String, port: UInt16,
    folder: String = Workspace.data("engines")
  )
    throws
  {
    try Files.makeFolder(folder)
    // All names of this machine are the same broker.
    let place = ["localhost", "127.0.0.1", "::1"].contains(host) ? "localhost" : host
    let name = Digest.sha256(Array("\(clientID)\n\(place)\n\(port)".utf8)).prefix(32)
    let path = Files.join(folder, "\(name).lock")
    guard let lock = try FileLock.take(path) else {
      throw Holder(clientID: clientID, role: role, process: Self.holder(path))
    }
    self.lock = lock
    lock.note("\(getpid())\n")
  }

  private static func holder(_ path: String) -> String {
    guard let text = try? Files.readText(path), let process = pid_t(text.filter { $0 != "\n" }) else {
      return "another process"
    }
    let command = (try? Files.readText("/proc/\(process)/cmdline")) ?? ""
    let words = command.split(separator: "\0").map(String.init).joined(separator: " ")
    return words.isEmpty ? "process \(process)" : "process \(process), '\(words.prefix(200))'"
  }
}
