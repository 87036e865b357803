import JSON
import Numbers

/// The input of UpdateThingShadow ("Device Shadow service documents", developer guide).
struct ShadowUpdate {
  /// The `state` member with the sections `desired` and `reported`; null clears both.
  let state: JSONElement
  /// The version that the shadow must have.
  let version: Int?
  let clientToken: String?

  /// AWS's limits.
  private static let sizeLimit = 8192
  private static let depthLimit = 8

  /// Reads a document. Throws `InvalidRequestException` or `RequestEntityTooLargeException` if it is invalid.
  init(_ bytes: [UInt8]) throws(AWSFault) {
    guard bytes.count <= Self.sizeLimit else {
      throw AWSFault(
        "RequestEntityTooLargeException", status: 413, "The payload exceeds the maximum size allowed")
    }
    let element: JSONElement
    do {
      element = try JSONElement(bytes)
    } catch {
      throw .invalidRequest("Payload contains invalid json: \(error)")
    }
    guard case .object(let members) = element, let state = members["state"] else {
      throw .invalidRequest("Missing required node: state")
    }
    switch state {
    case .null: break
    case .object(let sections):
      for (name, section) in sections {
        guard ["desired", "reported"].contains(name) else {
          throw .invalidRequest("State contains an invalid node: '\(name.prefix(64))'")
        }
        switch section {
        case .null: break
        case .object:
          guard Self.depth(section) <= Self.depthLimit else {
            throw .invalidRequest("JSON contains too many levels of nesting; maximum is \(Self.depthLimit)")
          }
        default: throw .invalidRequest("State node '\(name)' must be an object")
        }
      }
    default: throw .invalidRequest("State node must be an object")
    }
    self.state = state
    switch members["version"] {
    case nil, .null?: version = nil
    case .number(let text)?:
      guard let number = Int(text) else { throw .invalidRequest("Version must be an integer") }
      version = number
    default: throw .invalidRequest("Version must be an integer")
    }
    clientToken = members["clientToken"]?.text
  }

  private static func depth(_ element: JSONElement) -> Int {
    switch element {
    case .object(let members): 1 + (members.values.map(depth).max() ?? 0)
    case .array(let elements): elements.map(depth).max() ?? 0
    default: 0
    }
  }
}

/// A device shadow: its desired and reported state, and when each value was set.
struct ShadowDocument {
  private(set) var version: Int
  private var sections: [String: JSONElement]
  private var metadata: [String: JSONElement]

  private static let names = ["desired", "reported"]

  /// A shadow that doesn't exist yet.
  init() { (version, sections, metadata) = (0, [:], [:]) }

  /// Reads a shadow that `text` has written.
  init(_ element: JSONElement) {
    version = element["version"]?.integer ?? 0
    sections = element["state"]?.members ?? [:]
    metadata = element["metadata"]?.members ?? [:]
  }

  /// The file's text.
  var text: [UInt8] {
    var json = JSONWriter(indented: true)
    json.value(
      .object([
        "version": .number("\(version)"), "state": .object(sections), "metadata": .object(metadata),
      ]))
    json.newline()
    return json.bytes
  }

  /// Merges an update and returns the answer to it. `time` is in seconds since 1970. Throws `ConflictException` if the update
  /// expects another version.
  mutating func apply(_ update: ShadowUpdate, at time: Int64) throws(AWSFault) -> JSONElement {
    if let expected = update.version, expected != version {
      throw AWSFault("ConflictException", status: 409, "Version conflict")
    }
    let timestamp = JSONElement.number("\(time)")
    var changed: [String: JSONElement] = [:]
    if update.state == .null {
      (sections, metadata) = ([:], [:])
      changed["timestamp"] = timestamp
    }
    for name in Self.names {
      guard let given = update.state.members[name] else { continue }
      guard given != .null else {
        sections[name] = nil
        metadata[name] = nil
        continue
      }
      let stamps = Self.stamps(given, timestamp)
      changed[name] = stamps
      sections[name] = Self.merged(given, into: sections[name])
      metadata[name] = Self.pruned(Self.merged(stamps, into: metadata[name]), to: sections[name])
    }
    version = version.saturatingAdd(1)
    var answer: [String: JSONElement] = [
      "state": update.state, "metadata": .object(changed), "version": .number("\(version)"),
      "timestamp": timestamp,
    ]
    if let token = update.clientToken { answer["clientToken"] = .string(token) }
    return .object(answer)
  }

  /// The shadow as GetThingShadow shows it, with the delta of desired to reported state. `time` is in seconds since 1970.
  func shown(at time: Int64) -> JSONElement {
    var state = sections.filter { !$0.value.members.isEmpty }
    if let desired = state["desired"], let delta = Self.delta(desired, sections["reported"]) {
      state["delta"] = delta
    }
    return .object([
      "state": .object(state), "metadata": .object(metadata.filter { !$0.value.members.isEmpty }),
      "version": .number("\(version)"), "timestamp": .number("\(time)"),
    ])
  }

  /// Merges objects member by member: null removes a member, any other value replaces it.
  private static func merged(_ given: JSONElement, into present: JSONElement?) -> JSONElement {
    guard case .object(let changes) = given else { return given }
    // An empty object replaces a value that isn't an object, or is an empty one.
    if changes.isEmpty, present.map({ $0.members.isEmpty }) ?? true { return given }
    var members = present?.members ?? [:]
    for (name, change) in changes {
      members[name] = change == .null ? nil : merged(change, into: members[name])
    }
    return .object(members)
  }

  /// The same tree with a timestamp in place of each value.
  private static func stamps(_ element: JSONElement, _ timestamp: JSONElement) -> JSONElement {
    switch element {
    case .object(let members): .object(members.mapValues { $0 == .null ? .null : stamps($0, timestamp) })
    case .array(let elements): .array(elements.map { stamps($0, timestamp) })
    default: .object(["timestamp": timestamp])
    }
  }

  /// Removes the timestamps of values that are gone, or have become an object or stopped being one.
  private static func pruned(_ stamps: JSONElement, to state: JSONElement?) -> JSONElement {
    guard case .object(let members) = stamps, case .object(let values)? = state else { return stamps }
    var kept: [String: JSONElement] = [:]
    for (name, value) in values {
      guard let stamp = members[name] else { continue }
      if case .object = value {
        kept[name] = pruned(stamp, to: value)
      } else {
        kept[name] = stamp["timestamp"].map { .object(["timestamp": $0]) } ?? stamp
      }
    }
    return .object(kept)
  }

  /// The part of the desired state that differs from the reported state; nil if none does.
  private static func delta(_ desired: JSONElement, _ reported: JSONElement?) -> JSONElement? {
    guard case .object(let wanted) = desired, case .object(let present)? = reported else {
      return desired == reported ? nil : desired
    }
    var differences: [String: JSONElement] = [:]
    for (name, value) in wanted {
      guard let other = present[name] else {
        differences[name] = value
        continue
      }
      if let difference = delta(value, other) { differences[name] = difference }
    }
    return differences.isEmpty ? nil : .object(differences)
  }
}
