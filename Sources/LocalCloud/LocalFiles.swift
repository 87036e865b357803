import Files
import Identity
import MQTT

/// What the local cloud has made in the folders of this workspace.
package struct LocalFiles {
  /// What is found, file by file or folder by folder, as it is deleted.
  package let paths: [String]
  /// Certificates and keys in the devices' folder that no local CA has signed, such as AWS's connection kits: they stay.
  package let foreign: [String]

  /// What `data/` may hold; anything else in it isn't ours.
  private static let names = [
    "ca", "broker", "engines", "actions", "certificates", "shadows", "registry.json", "aws-credentials",
  ]
  private static let storeEndings = [".sqlite", ".sqlite-wal", ".sqlite-shm", ".sqlite-journal"]

  /// Looks at the folders; changes nothing.
  package init() throws {
    let workspace = Workspace.current
    var paths: [String] = []
    var foreign: [String] = []
    if Files.exists(workspace.data) {
      paths = try Files.list(workspace.data).filter { name in
        Self.names.contains(name) || Self.storeEndings.contains { name.hasSuffix($0) }
      }.map { Files.join(workspace.data, $0) }
    }
    if Files.exists(workspace.certificates) {
      for name in try Files.list(workspace.certificates) {
        let path = Files.join(workspace.certificates, name)
        if name == ConnectionKit.rootFileName {
          let isOurs = (try? CertificateSummary(file: path)).map(Self.isOurs) ?? false
          if isOurs { paths.append(path) } else { foreign.append(path) }
        } else if name.hasSuffix(Self.certificateEnding) {
          let device = String(name.dropLast(Self.certificateEnding.count))
          let key = Files.join(workspace.certificates, device + ".private.key")
          let files = [path] + (Files.exists(key) ? [key] : [])
          guard (try? CertificateSummary(file: path)).map(Self.isOurs) == true else {
            foreign += files
            continue
          }
          paths += files
        }
      }
    }
    self.paths = paths
    self.foreign = foreign
  }

  /// Those of the devices `names` whose certificates a local CA has signed that isn't `authority`.
  static func orphans(among names: [String], authority: CertificateSummary) -> [String] {
    names.filter { name in
      let file = Files.join(LocalCloud.certificateFolder, name + certificateEnding)
      guard let summary = try? CertificateSummary(file: file) else { return false }
      return isOurs(summary) && summary.issuer != authority.subject
    }
  }

  private static let certificateEnding = ".cert.pem"

  /// Whether a local CA of ours is the issuer, by the name that each of them has.
  private static func isOurs(_ certificate: CertificateSummary) -> Bool {
    certificate.issuerCommonName?.hasPrefix(CertificateAuthority.namePrefix) == true
  }

  /// Deletes it. Throws without deleting anything while a broker of this workspace runs.
  package func delete() throws {
    if let port = EmbeddedBroker.runningPort(in: LocalCloud.brokerFolder) {
      throw MQTTError(
        .system, "a local broker runs in this folder on port \(port); stop it first (Ctrl-C in its shell)")
    }
    for path in paths { try Files.removeTree(path) }
  }
}
