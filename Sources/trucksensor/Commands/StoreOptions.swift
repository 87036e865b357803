import CommandLine
import Files
import Glibc
import MQTT
import Store
import Synchronization

/// The options that say where a store is.
enum StoreOptions {
  static var defaultFile: String { LocalStore.path(ofDatabase: "sensorDB") }

  /// For commands whose rules store.
  static let writing: [CommandDescription.Option] = [
    .value(
      "store", "FILE|URL",
      "where all rules store, whichever database they name: a file, influx+http(s)://HOST:PORT?db=NAME or postgres://…",
      default: "data/DATABASE.sqlite"),
    .flag("strict-types", "refuse values whose type differs from their measure's, as AWS does"),
  ]

  /// For commands over an existing store.
  static let existing: [CommandDescription.Option] = [
    .value(
      "store", "FILE|URL", aliases: ["database"], "the store", default: "data/sensorDB.sqlite", file: true)
  ]

  static func location(_ arguments: ParsedArguments) throws -> StoreLocation {
    try StoreLocation(arguments.string("store") ?? defaultFile)
  }

  /// Throws what is wrong with a file that is there and should be a store; a server is asked when there is something to
  /// write.
  static func checkIsStore(_ arguments: ParsedArguments) throws {
    guard case .file(let path) = try location(arguments), Files.exists(path) else { return }
    _ = try LocalStore(path: path, creates: false)
  }

  /// The store that a SOURCE argument names: a server, or a file with SQLite's endings; nil for other files.
  static func store(named source: String) throws(StoreError) -> StoreLocation? {
    let ending = source.split(separator: ".").last?.lowercased() ?? ""
    guard source.contains("://") || ["sqlite", "sqlite3", "db"].contains(ending) else { return nil }
    return try StoreLocation(source)
  }

  /// The path of the store's file; a server is an error that names the command.
  static func file(_ arguments: ParsedArguments) throws -> String {
    guard case .file(let path) = try location(arguments) else {
      throw arguments.error("this command needs a store in a file; use the server's own tools instead")
    }
    return path
  }
}

/// The queues of the databases that rules name.
final class StoreQueues {
  private let location: StoreLocation?
  private var queues: [String: StoreQueue] = [:]

  init(_ arguments: ParsedArguments) throws {
    location = try arguments.string("store").map { text throws(StoreError) in try StoreLocation(text) }
  }

  func queue(of database: String) -> StoreQueue {
    let name = location == nil ? database : ""
    if let known = queues[name] { return known }
    let target = location ?? .file(LocalStore.path(ofDatabase: database))
    let queue = StoreQueue { () throws(StoreError) in try target.open() }
    queues[name] = queue
    return queue
  }

  /// The queue of a database at a server that rules' actions name; nil if the URL isn't one.
  func queue(ofDestination url: String, database: String, organization: String?) -> StoreQueue? {
    // No database has this in its name.
    let name = "\u{0}\(url)\u{0}\(database)\u{0}\(organization ?? "")"
    if let known = queues[name] { return known }
    guard
      let target = try? StoreLocation.destination(url, database: database, organization: organization)
    else { return nil }
    let queue = StoreQueue { () throws(StoreError) in try target.open() }
    queues[name] = queue
    return queue
  }

  /// Checks a database's store, and calls `completion` on the store's thread. A file that isn't there yet is made by the
  /// first reading.
  func check(_ database: String, completion: @escaping @Sendable (StoreError?) -> Void) {
    if case .file(let path) = location ?? .file(LocalStore.path(ofDatabase: database)), !Files.exists(path) {
      return
    }
    queue(of: database).check(completion: completion)
  }

  func close() { for queue in queues.values { queue.close() } }
}

/// Ctrl-C and SIGTERM as a flag, for work that checks it now and then.
enum Interruption {
  private static let flag = Atomic(false)

  static var isRequested: Bool { flag.load(ordering: .relaxed) }

  static func watch() {
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        Signals.note(number)
        Interruption.flag.store(true, ordering: .relaxed)
      }
    }
    signal(SIGPIPE, SIG_IGN)
  }

  static func clear() { flag.store(false, ordering: .relaxed) }
}
