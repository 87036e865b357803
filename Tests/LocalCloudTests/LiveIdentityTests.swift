import Files
import Foundation
import Testing

@testable import Identity
@testable import LocalCloud

/// Registry and policies that change while the broker runs.
@Suite struct LiveIdentityTests {
  private let temporary: TemporaryFolder
  private let provisioning: Provisioning
  private let policy: String
  private static let good = """
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}
    """
  private static let other = """
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}]}
    """

  init() throws {
    temporary = try TemporaryFolder()
    let folder = temporary.path
    try Files.makeFolder(folder + "/policies")
    policy = folder + "/policies/p.json"
    try Files.write(Array(Self.good.utf8), to: policy)
    provisioning = Provisioning(
      authority: try CertificateAuthority(directory: folder + "/ca"), registryPath: folder + "/registry.json",
      policyFolder: folder + "/policies", kitFolder: folder + "/certs")
    _ = try provisioning.provision("t1", policies: ["p"])
  }

  private final class Reports { var lines: [String] = [] }

  private func live(_ reports: Reports) throws -> LiveIdentity {
    try LiveIdentity(provisioning, devices: ["t1"]) { text, _ in reports.lines.append(text) }
  }

  /// As an editor writes: in place.
  private func save(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: policy)) }

  @Test func `a policy that is saved in two halves keeps its last version until it is whole`() throws {
    let reports = Reports()
    var live = try live(reports)
    let before = live.policy("p")
    #expect(!live.refresh { text, _ in reports.lines.append(text) })
    for length in [0, 1, 30, 60] {
      try save(String(Self.other.prefix(length)))
      #expect(!live.refresh { text, _ in reports.lines.append(text) })
      #expect(!live.refresh { text, _ in reports.lines.append(text) })
      #expect(live.policy("p") == before)
    }
    #expect(Set(reports.lines).count == reports.lines.count, "reported once: \(reports.lines)")
    #expect(reports.lines.allSatisfy { $0.contains("last valid version") })
    try save(Self.other)
    #expect(live.refresh { text, _ in reports.lines.append(text) })
    #expect(live.policy("p") != before)
    #expect(live.policy("p") == (try provisioning.policies.policy("p")))
  }

  @Test func `a policy that is deleted stays in force, and is reported once`() throws {
    let reports = Reports()
    var live = try live(reports)
    try Files.remove(policy)
    for _ in 1...3 { #expect(!live.refresh { text, _ in reports.lines.append(text) }) }
    #expect(live.policy("p") != nil)
    #expect(reports.lines.count == 1 && reports.lines[0].contains("no longer exists"), "\(reports.lines)")
    try save(Self.good)
    #expect(live.refresh { text, _ in reports.lines.append(text) })
  }

  @Test func `a policy that nobody has is forgotten with its file`() throws {
    let reports = Reports()
    let path = provisioning.policies.file(of: "unused")
    try Files.write(Array(Self.good.utf8), to: path)
    var live = try live(reports)
    #expect(live.policy("unused") != nil)
    try Files.remove(path)
    _ = live.refresh { text, _ in reports.lines.append(text) }
    #expect(live.policy("unused") == nil)
    #expect(reports.lines.isEmpty)
  }

  @Test func `a damaged or deleted registry keeps its last version until it is whole`() throws {
    let reports = Reports()
    var live = try live(reports)
    let whole = try Files.read(provisioning.registryPath)
    for length in [0, 1, whole.count / 2, whole.count - 3] {
      try Files.write(Array(whole[..<length]), to: provisioning.registryPath)
      #expect(!live.refresh { text, _ in reports.lines.append(text) })
      #expect(live.registry.thing("t1") != nil)
    }
    try Files.remove(provisioning.registryPath)
    #expect(!live.refresh { text, _ in reports.lines.append(text) })
    #expect(live.registry.thing("t1") != nil)
    #expect(reports.lines.allSatisfy { $0.contains("last valid version") }, "\(reports.lines)")
    try Files.write(whole, to: provisioning.registryPath)
    #expect(live.refresh { text, _ in reports.lines.append(text) })
    _ = try provisioning.provision("t2", policies: ["p"])
    #expect(live.refresh { text, _ in reports.lines.append(text) })
    #expect(live.registry.thing("t2") != nil)
  }

  @Test func `a run doesn't start with a broken policy of its own device`() throws {
    try save("{")
    #expect(throws: IdentityError.self) { try live(Reports()) }
  }

  @Test func `another device's broken policy is reported, and allows nothing`() throws {
    try Files.write(Array("{".utf8), to: provisioning.policies.file(of: "broken"))
    let reports = Reports()
    let live = try live(reports)
    #expect(live.policy("broken") == nil)
    #expect(reports.lines.count == 1 && reports.lines[0].contains("it allows nothing"))
  }

  @Test func `the reason of a refusal is named, with the command that changes it`() throws {
    func refusal(_ change: (inout Registry) throws(IdentityError) -> Void = { _ in }) throws -> String? {
      var registry = try Registry.read(provisioning.registryPath)
      try change(&registry)
      let certificate = try registry.certificate("t1")
      return try Admission.refusal(
        device: "t1", certificate, clientID: "t1", topic: nil, registry, provisioning.policies)
    }
    #expect(try refusal() == nil)
    #expect(
      try refusal { registry throws(IdentityError) in try registry.setStatus(.inactive, of: "t1") }?
        .contains("provision cert activate t1") == true)
    #expect(
      try refusal { registry throws(IdentityError) in try registry.setStatus(.revoked, of: "t1") }?
        .contains("provision cert rotate t1") == true)
    #expect(
      try refusal { registry throws(IdentityError) in try registry.setPolicy("p", ofCertificate: "t1", false)
      }?
      .contains("provision policy attach") == true)
    try save(Self.other.replacing("iot:Connect", with: "iot:Publish"))
    #expect(try refusal()?.contains("iot:Connect on client/t1") == true)
  }
}
