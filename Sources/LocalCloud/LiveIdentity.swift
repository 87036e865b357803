import Files
import Identity

/// The last valid versions of registry and policies: a file that is incomplete, invalid or deleted
/// changes nothing, and is reported once.
struct LiveIdentity {
  private let provisioning: Provisioning
  private(set) var registry: Registry
  private var policies: [String: PolicyDocument] = [:]
  private var stamps: [String: FileStamp] = [:]
  /// What was reported of each file that isn't whole.
  private var reported: [String: String] = [:]

  /// Reads all files. Throws for a broken registry, or a broken or missing policy of one of `devices`; other policies that
  /// can't be read are reported.
  init(_ provisioning: Provisioning, devices: [String], report: LocalCloud.Report) throws {
    self.provisioning = provisioning
    // The stamp first: a change in between is then seen at the next look.
    stamps[provisioning.registryPath] = Files.stamp(of: provisioning.registryPath)
    registry = try Registry.read(provisioning.registryPath)
    for device in devices {
      for name in try registry.certificate(device).policies { _ = try provisioning.policies.policy(name) }
    }
    _ = refresh(report)
  }

  /// The last valid policy of a name; nil if it never was valid.
  func policy(_ name: String) -> PolicyDocument? { policies[name] }

  /// Reads the files that have changed since the last time; whether anything changed that the broker should enforce.
  mutating func refresh(_ report: LocalCloud.Report) -> Bool {
    let present = Self.present(provisioning)
    guard present != stamps else { return false }
    let changed = Set(present.keys).union(stamps.keys).filter { present[$0] != stamps[$0] }
    stamps = present
    var hasNews = false
    for path in changed.sorted() {
      do throws(IdentityError) {
        let isNews = present[path] == nil ? try forget(path) : try take(path)
        let wasBroken = reported.removeValue(forKey: path) != nil
        if isNews || wasBroken { hasNews = true }
      } catch {
        let text = "\(error); \(consequence(path))"
        if reported.updateValue(text, forKey: path) != text { report(text, true) }
      }
    }
    return hasNews
  }

  private mutating func take(_ path: String) throws(IdentityError) -> Bool {
    if path == provisioning.registryPath {
      let new = try Registry.read(path)
      defer { registry = new }
      return new != registry
    }
    let name = policyName(path)
    let new = try provisioning.policies.policy(name)
    return policies.updateValue(new, forKey: name) != new
  }

  /// A deleted file: a policy that no certificate has is removed, everything else stays as it was.
  private mutating func forget(_ path: String) throws(IdentityError) -> Bool {
    if path != provisioning.registryPath, registry.targets(ofPolicy: policyName(path)).isEmpty,
      registry.groups(withPolicy: policyName(path)).isEmpty
    {
      policies[policyName(path)] = nil
      return false
    }
    throw IdentityError(.fileMissing, path: path, "\(path) no longer exists")
  }

  private func consequence(_ path: String) -> String {
    path == provisioning.registryPath || policies[policyName(path)] != nil
      ? "the broker keeps its last valid version" : "it allows nothing"
  }

  private func policyName(_ path: String) -> String {
    String(Files.name(of: path).dropLast(".json".count))
  }

  /// The versions of the files that the last look has found, as text.
  var version: String { Self.text(stamps) }

  /// The present versions of the files.
  static func presentVersion(_ provisioning: Provisioning) -> String { text(present(provisioning)) }

  private static func text(_ stamps: [String: FileStamp]) -> String {
    // Without folders: another process may write their paths differently.
    stamps.map { path, stamp in
      "\(stamp.inode) \(stamp.seconds).\(stamp.nanoseconds) \(Files.name(of: path))\n"
    }.sorted().joined()
  }

  private static func present(_ provisioning: Provisioning) -> [String: FileStamp] {
    var stamps: [String: FileStamp] = [:]
    stamps[provisioning.registryPath] = Files.stamp(of: provisioning.registryPath)
    for name in (try? provisioning.policies.names()) ?? [] {
      let path = provisioning.policies.file(of: name)
      stamps[path] = Files.stamp(of: path)
    }
    return stamps
  }
}
