import Foundation
import Testing

@testable import Identity

@Suite struct RegistryTests {
  private let temporary: TemporaryFolder
  private var folder: String { temporary.path }

  init() throws { temporary = try TemporaryFolder() }

  private func provisioning() throws -> Provisioning {
    try FileManager.default.createDirectory(atPath: folder + "/policies", withIntermediateDirectories: true)
    let policy = """
      {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}
      """
    try policy.write(toFile: folder + "/policies/all.json", atomically: true, encoding: .utf8)
    return Provisioning(
      authority: try CertificateAuthority(directory: folder + "/ca"), registryPath: folder + "/registry.json",
      policyFolder: folder + "/policies", kitFolder: folder + "/certs")
  }

  private func enforcement(_ provisioning: Provisioning) throws -> Provisioning.Enforcement {
    Provisioning.enforcement(of: try Registry.read(provisioning.registryPath)) {
      try? provisioning.policies.policy($0)
    }
  }

  @Test func `the wizard's work in one step, and again`() throws {
    let provisioning = try provisioning()
    try Registry.update(provisioning.registryPath) { registry throws(IdentityError) in
      try registry.createThingType("sensor", description: "door & temp", searchableAttributes: ["deviceID"])
    }
    func provision() throws -> Provisioning.Made {
      try provisioning.provision("t1", type: "sensor", attributes: ["deviceID": "T001"], policies: ["all"])
    }
    let first = try provision()
    #expect(first.thing == "t1")
    #expect(first.files == [folder + "/certs/t1.cert.pem", folder + "/certs/t1.private.key"])
    let again = try provision()
    #expect(again == Provisioning.Made())
    let registry = try Registry.read(provisioning.registryPath)
    let certificate = try registry.certificate("t1")
    #expect(certificate.certificateId == (try CertificateSummary(file: first.files[0])).fingerprint)
    #expect(certificate.status == .active)
    #expect(certificate.things == ["t1"])
    #expect(certificate.policies == ["all"])
    #expect(registry.thing("t1")?.attributes == ["deviceID": "T001"])
    #expect(try registry.certificate(String(certificate.certificateId.prefix(12))) == certificate)
    #expect(try registry.certificate(certificate.certificateArn) == certificate)
    #expect(throws: IdentityError.self) {
      try provisioning.provision("t1", type: nil, attributes: ["a": "b"], policies: [])
    }
  }

  @Test func `a revoked or inactive certificate is refused, a rotated one replaced`() throws {
    let provisioning = try provisioning()
    for name in ["t1", "t2", "t3"] { _ = try provisioning.provision(name, policies: ["all"]) }
    _ = try provisioning.provision("t4", policies: [])
    func states(_ enforcement: Provisioning.Enforcement) -> [String] {
      enforcement.clients.entries.map { "\($0.user) \($0.state) \($0.connects)" }
    }
    #expect(
      states(try enforcement(provisioning)) == [
        #"t1 active ["*"]"#, #"t2 active ["*"]"#, #"t3 active ["*"]"#, "t4 active []",
      ])
    #expect(try enforcement(provisioning).notes.contains { $0.hasPrefix("t4 may not connect") })
    try Registry.update(provisioning.registryPath) { registry throws(IdentityError) in
      try registry.setStatus(.revoked, of: "t1")
      try registry.setStatus(.inactive, of: "t2")
    }
    let enforcement = try enforcement(provisioning)
    #expect(
      states(enforcement) == ["t1 revoked []", "t2 inactive []", #"t3 active ["*"]"#, "t4 active []"])
    #expect(Set(enforcement.accessControlList.rules.keys) == ["t3"])
    let made = try provisioning.rotate("t3", keyKind: .rsa2048, days: 10)
    let registry = try Registry.read(provisioning.registryPath)
    #expect(try registry.certificate("t3").certificateId == made.certificateId)
    #expect(try registry.certificate("t3").policies == ["all"])
    #expect(registry.certificates.filter { $0.commonName == "t3" }.map(\.status) == [.inactive, .active])
    #expect(try CertificateSummary(file: folder + "/certs/t3.cert.pem").keyType == "RSA 2048")
    #expect(throws: IdentityError.self) {
      try Registry.update(provisioning.registryPath) { registry throws(IdentityError) in
        try registry.setStatus(.active, of: "t1")
      }
    }
  }

  @Test func `a certificate of two things may connect as either, with the policies of each`() throws {
    let provisioning = try provisioning()
    try #"""
    {"Version": "2012-10-17", "Statement": [
      {"Effect": "Allow", "Action": "iot:Connect",
       "Resource": "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}"},
      {"Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:*:*:topic/t/${iot:ClientId}"}]}
    """#.write(toFile: folder + "/policies/own.json", atomically: true, encoding: .utf8)
    let made = try provisioning.provision("t1", policies: ["own"])
    try Registry.update(provisioning.registryPath) { registry throws(IdentityError) in
      try registry.createThing("t2")
      try registry.setThing("t2", ofCertificate: "t1", true)
    }
    let enforcement = try enforcement(provisioning)
    let identifier = try #require(made.certificateId)
    #expect(
      enforcement.clients.text(enforcement.accessControlList) == """
        trucksensor clients 2
        certificate\t\(identifier)\tactive\tt1
        connect\tt1
        publish\tt/t1
        certificate\t\(identifier)\tactive\tt2
        connect\tt2
        publish\tt/t2
        end\t2

        """)
  }

  @Test func `a request is signed, and a changed one refused`() throws {
    let provisioning = try provisioning()
    let request = folder + "/t1.csr"
    _ = try openssl(
      "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
      folder + "/t1.key",
      "-subj", "/CN=somebody else", "-out", request)
    let made = try provisioning.provision("t1", policies: ["all"], source: .request(request))
    #expect(made.files == [folder + "/certs/t1.cert.pem"])
    let checked = try checkCredentials(
      certificate: made.files[0], key: folder + "/t1.key", issuedBy: folder + "/ca/root-CA.crt")
    #expect(checked.certificate.commonName == "t1")
    var lines = try String(contentsOfFile: request, encoding: .utf8).split(separator: "\n").map(String.init)
    let middle = lines[lines.count - 2]
    lines[lines.count - 2] = String(middle.reversed())
    try lines.joined(separator: "\n").write(toFile: request, atomically: true, encoding: .utf8)
    let error = #expect(throws: IdentityError.self) {
      try provisioning.provision("t2", policies: ["all"], source: .request(request))
    }
    #expect(error?.code == .invalidRequestFile)
    #expect(throws: IdentityError.self) {
      try provisioning.provision("t3", policies: ["all"], source: .request(folder + "/policies/all.json"))
    }
    #expect(throws: IdentityError.self) {
      try provisioning.provision("t3", policies: ["all"], source: .certificate(made.files[0]))
    }
  }

  @Test func `a CA that has expired issues nothing, and a short one no longer than itself`() throws {
    let day = 86_400.0
    let path = folder + "/old"
    let begin = Date() - 3_640 * day
    let authority = try CertificateAuthority(directory: path, now: begin)
    let issued = try authority.issueDevice(commonName: "t", days: 365)
    #expect(try CertificateSummary(pem: issued.certificatePEM.utf8).notAfter <= authority.summary.notAfter)
    let late = Date() + 20 * day
    #expect(throws: IdentityError.self) { try authority.issueDevice(commonName: "t", now: late) }
    let error = #expect(throws: IdentityError.self) { try CertificateAuthority(directory: path, now: late) }
    #expect(error?.code == .expired)
    #expect(error?.path == path + "/root-CA.crt")
  }

  struct Refusal: Sendable {
    let code: IdentityError.Code
    let change: @Sendable (inout Registry) throws -> Void
  }

  static let refusals: [Refusal] = [
    Refusal(code: .invalidName) { try $0.createThing("a b") },
    Refusal(code: .invalidName) { try $0.createThing(String(repeating: "x", count: 129)) },
    Refusal(code: .invalidName) { try $0.createThingType("") },
    Refusal(code: .invalidName) { try $0.createThing("t", attributes: ["a b": "c"]) },
    Refusal(code: .invalidName) { try $0.createThing("t", attributes: ["a": "ü"]) },
    Refusal(code: .invalidName) {
      try $0.createThing("t", attributes: ["a": String(repeating: "x", count: 801)])
    },
    Refusal(code: .limitExceeded) {
      try $0.createThing("t", attributes: ["a": "1", "b": "1", "c": "1", "d": "1"])
    },
    Refusal(code: .limitExceeded) {
      try $0.createThingType("t", searchableAttributes: ["a", "b", "c", "d"])
    },
    Refusal(code: .notFound) { try $0.createThing("t", type: "missing") },
    Refusal(code: .notFound) { try $0.deleteThing("t") },
    Refusal(code: .notFound) { try $0.setStatus(.revoked, of: "t") },
    Refusal(code: .notFound) { try $0.setMember("t", of: "g", true) },
    Refusal(code: .notFound) { try $0.deprecateThingType("t") },
    Refusal(code: .conflict) {
      try $0.createThing("t")
      try $0.createThing("t", attributes: ["a": "b"])
    },
    Refusal(code: .conflict) {
      try $0.createThingType("t")
      try $0.createThingType("t", searchableAttributes: ["a"])
    },
    Refusal(code: .invalidRequest) {
      try $0.createThingType("t")
      try $0.deprecateThingType("t")
      try $0.createThing("x", type: "t")
    },
    Refusal(code: .inUse) {
      try $0.createThingType("t")
      try $0.deleteThingType("t")
    },
    Refusal(code: .inUse) {
      try $0.createThingType("t")
      try $0.createThing("x", type: "t")
      try $0.deleteThingType("t")
    },
  ]

  @Test(arguments: 0..<refusals.count) func `AWS's limits and names hold`(index: Int) {
    var registry = Registry()
    let error = #expect(throws: IdentityError.self) { try Self.refusals[index].change(&registry) }
    #expect(error?.code == Self.refusals[index].code)
  }

  @Test func `groups have members, and lose them with the thing`() throws {
    var registry = Registry()
    try registry.createThing("t")
    try registry.createThingGroup("g")
    try registry.setMember("t", of: "g", true)
    #expect(registry.thingGroups.first?.things == ["t"])
    try registry.deleteThing("t")
    #expect(registry.thingGroups.first?.things == [])
    try registry.deleteThingGroup("g")
    #expect(registry.thingGroups.isEmpty)
  }

  @Test func `a thing's device has the policies of its groups, and of those around them`() throws {
    let provisioning = try provisioning()
    _ = try provisioning.provision("t1", policies: [])
    try Registry.update(provisioning.registryPath) { registry throws(IdentityError) in
      try registry.createThingGroup("outer", parent: nil, description: nil, attributes: [:])
      try registry.createThingGroup("inner", parent: "outer", description: nil, attributes: [:])
      try registry.setMember("t1", of: "inner", true)
    }
    func mayConnect() throws -> Bool {
      try enforcement(provisioning).clients.entries.contains { $0.user == "t1" && !$0.connects.isEmpty }
    }
    #expect(try !mayConnect())
    try Registry.update(provisioning.registryPath) { registry throws(IdentityError) in
      try registry.setPolicy("all", ofGroup: "outer", true)
    }
    #expect(try mayConnect())
    let registry = try Registry.read(provisioning.registryPath)
    let certificate = try registry.certificate("t1")
    #expect(registry.policies(of: certificate, clientID: "t1") == ["all"])
    #expect(registry.policies(of: certificate, clientID: "another") == [])
    try Registry.update(provisioning.registryPath) { registry throws(IdentityError) in
      try registry.setMember("t1", of: "inner", false)
    }
    #expect(try !mayConnect())
  }

  @Test func `a registry of version 1 is read, and its things keep the identifiers that they get`() throws {
    let path = folder + "/registry.json"
    let text = """
      {"version": 1, "thingTypes": [], "things": [{"thingName": "b", "attributes": {}, "version": 3},
       {"thingName": "a", "attributes": {"k": "v"}, "version": 1}],
       "thingGroups": [{"thingGroupName": "g", "things": ["a"]}], "certificates": []}
      """
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let first = try Registry.read(path)
    #expect(first.thingsInOrder.map(\.thingName) == ["b", "a"])
    try Registry.update(path) { registry throws(IdentityError) in try registry.createThing("c") }
    let second = try Registry.read(path)
    #expect(try String(contentsOfFile: path, encoding: .utf8).contains("\"version\": 2"))
    #expect(second.thingsInOrder.map(\.thingName) == ["b", "a", "c"])
    #expect(second.thing("a") == first.thing("a"))
    #expect(second.thing("a")?.thingId.count == 36)
    #expect(second.thingGroups == first.thingGroups)
  }

  @Test(arguments: [
    ("{\"version\": 1,\n \"things\": x}", "line 2"), ("{\"version\": 1}", "thingTypes is missing"),
    (
      "{\"version\": 9, \"thingTypes\": [], \"things\": [], \"thingGroups\": [], \"certificates\": []}",
      "version 9"
    ),
    (
      "{\"version\": 1, \"thingTypes\": [], \"things\": [{\"thingName\": 1}], \"thingGroups\": [], \"certificates\": []}",
      "things[0].thingName must be a string"
    ),
  ])
  func `a damaged registry is reported and stays as it was`(text: String, message: String) throws {
    let path = folder + "/registry.json"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let error = #expect(throws: IdentityError.self) {
      try Registry.update(path) { registry throws(IdentityError) in try registry.createThing("t") }
    }
    #expect(error?.code == .invalidRegistry)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
  }

  @Test func `writers at the same time lose nothing`() async throws {
    let path = folder + "/registry.json"
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<40 {
        group.addTask {
          try Registry.update(path) { registry throws(IdentityError) in try registry.createThing("t\(number)")
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try Registry.read(path).things.count == 40)
  }

  private func openssl(_ arguments: String...) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = arguments
    let output = folder + "/openssl-\(UUID().uuidString)"
    try Data().write(to: URL(fileURLWithPath: output))
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
    process.standardOutput = file
    process.standardError = file
    try process.run()
    process.waitUntilExit()
    return try String(contentsOfFile: output, encoding: .utf8)
  }
}
