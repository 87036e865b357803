import Files
import Foundation
import Testing

@testable import Identity

/// Damaged and extreme files: each is read or refused by an `IdentityError`, and nothing stops the process.
@Suite struct HostileInputTests {
  /// Numbers that don't fit where numbers are expected.
  static let extremes = [
    "1e19", "-1e19", "1e300", "-1e300", "1e-300", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "99999999999999999999999999999999999999999", "0.5", "-0", "1E400", "null", "true",
    "\"\"", "\"\\u0000\"", "[]", "{}", "\"x\\ny\"",
  ]

  private let temporary: TemporaryFolder
  private var folder: String { temporary.path }

  init() throws { temporary = try TemporaryFolder() }

  /// The text cut at every `step`th byte.
  static func truncations(_ text: [UInt8], step: Int = 50) -> [[UInt8]] {
    stride(from: 0, to: text.count, by: step).map { Array(text[..<$0]) }
  }

  /// The text with each of its JSON numbers replaced by each extreme.
  static func replacements(_ text: [UInt8]) -> [[UInt8]] {
    let string = String(decoding: text, as: UTF8.self)
    return replacements(
      string, string.matches(of: /[:\[,\s](-?\d+)(?=[,\s\]}])/).map(\.output.1), by: extremes)
  }

  /// The text with every string value that follows a key replaced by hostile ones.
  static func strings(_ text: [UInt8]) -> [[UInt8]] {
    let string = String(decoding: text, as: UTF8.self)
    let hostile =
      extremes + ["\"" + String(repeating: "x", count: 1 << 14) + "\"", "\"a\\tb\"", "\"-\"", "\"zz\""]
    return replacements(string, string.matches(of: /: ("[^"]*")/).map(\.output.1), by: hostile)
  }

  private static func replacements(_ text: String, _ parts: [Substring], by values: [String]) -> [[UInt8]] {
    parts.flatMap { part in
      values.map { Array((text[..<part.startIndex] + $0 + text[part.endIndex...]).utf8) }
    }
  }

  private func registry() throws -> Registry {
    var registry = Registry()
    try registry.createThingType("sensor", description: "a sensor", searchableAttributes: ["deviceID"])
    for number in 1...3 {
      try registry.createThing("t\(number)", type: "sensor", attributes: ["deviceID": "T00\(number)"])
    }
    try registry.createThingGroup("g")
    try registry.setMember("t1", of: "g", true)
    let authority = try CertificateAuthority(directory: folder + "/ca")
    for number in 1...3 {
      let issued = try authority.issueDevice(commonName: "t\(number)")
      let certificate = try registry.register(CertificateSummary(pem: issued.certificatePEM.utf8))
      try registry.setThing("t\(number)", ofCertificate: certificate.certificateId, true)
      try registry.setPolicy("p", ofCertificate: certificate.certificateId, true)
    }
    return registry
  }

  @Test func `a registry reads back as it was written`() throws {
    let registry = try registry()
    #expect(try Registry(registry.text, file: "registry.json") == registry)
  }

  @Test func `a damaged registry is refused, and one that is read compiles to lists that can be made`() throws
  {
    let registry = try registry()
    let text = registry.text
    let policy = try PolicyDocument(Array(Self.allowAll.utf8), file: "p.json")
    var refused = 0
    let inputs = Self.truncations(text) + Self.replacements(text) + Self.strings(text)
    #expect(inputs.count > 500)
    for input in inputs {
      do throws(IdentityError) {
        let read = try Registry(input, file: "registry.json")
        let enforcement = Provisioning.enforcement(of: read) { _ in policy }
        _ = try enforcement.accessControlList.text()
        checkClients(enforcement)
      } catch {
        #expect(error.code == .invalidRegistry, "\(error)")
        #expect(error.message.utf8.count < 1000)
        refused += 1
      }
    }
    #expect(refused > 100)
  }

  private static let allowAll = """
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}
    """

  private static func statement(
    _ more: String = "", effect: String, _ actions: String = "\"iot:*\"", _ resources: String = "\"*\""
  ) -> String {
    "{\(more)\"Effect\": \"\(effect)\", \"Action\": \(actions), \"Resource\": \(resources)}"
  }

  private static func policy(_ statements: String, version: String = "\"2012-10-17\"", _ more: String = "")
    -> String
  {
    "{\"Version\": \(version), \(more)\"Statement\": \(statements)}"
  }

  /// Every place of a policy with every extreme value, as an allowance and as a denial.
  static let policies: [String] = {
    let places: [(_ value: String, _ effect: String) -> String] = [
      { policy(statement(effect: $1), version: $0) }, { value, _ in policy(value) },
      { value, _ in policy("[\(value)]") }, { policy(statement(effect: $1), "\"Id\": \($0), ") },
      { policy(statement("\"Sid\": \($0), ", effect: $1)) }, { policy(statement(effect: $1, $0)) },
      { policy(statement(effect: $1, "[\"iot:Publish\", \($0)]")) },
      { policy(statement(effect: $1, "\"iot:*\"", $0)) },
      { policy(statement(effect: $1, "\"iot:*\"", "[\"*\", \($0)]")) },
      { policy(statement("\"Condition\": \($0), ", effect: $1)) },
      { policy(statement("\"Condition\": {\"Bool\": \($0)}, ", effect: $1)) },
      { policy(statement("\"Condition\": {\"NumericLessThan\": {\"a\": \($0)}}, ", effect: $1)) },
      { policy(statement("\"Condition\": {\"NumericEquals\": {\"a\": [\($0), 5]}}, ", effect: $1)) },
    ]
    let arn = "arn:aws:iot:us-east-1:123456789012:"
    let values =
      extremes
      + [10_000, 500].map {
        String(repeating: "[", count: $0) + String(repeating: "]", count: $0)
      }
      + [
        "topic/a\\u0000b", "topic/a\\nuser x", "topic/ a ", "topic/+/#/a", "topicfilter/a/#/b",
        "topicfilter/a+",
        "topic/", "client/a\\tb", "topic/${iot:ClientId", "topic/${}${*}${?}${$}", "",
        "topic/" + String(repeating: "*?", count: 200), "topic/" + String(repeating: "/", count: 1000),
      ].map { "\"\(arn)\($0)\"" }
    return places.flatMap { place in
      values.flatMap { value in ["Allow", "Deny"].map { place(value, $0) } }
    } + [
      policy(statement(effect: "Allow", "\"iot:*\"", "\"" + String(repeating: "x", count: 1 << 20) + "\""))
    ]
  }()

  @Test func `an extreme policy is refused, or evaluated and compiled`() throws {
    #expect(Self.policies.count > 800)
    var refused = 0
    var context = PolicyContext(clientID: "truck1", thing: Thing(thingName: "truck1"))
    context.set("a", "1e300")
    let topic = String(repeating: "/a", count: 100)
    let connect = try PolicyDocument(Array(Self.allowAll.utf8), file: "all.json")
    for (index, text) in Self.policies.enumerated() {
      do throws(IdentityError) {
        let policy = try PolicyDocument(Array(text.utf8), file: "p\(index).json")
        _ = policy.warnings
        for action in ["iot:Publish", "iot:Connect"] {
          _ = PolicyDocument.evaluate(
            action: action, resource: "topic/\(topic)", policies: [policy], context: context)
        }
        let access = PolicyAccess(policies: [policy, connect], clientID: "truck1", context: context)
        var list = AccessControlList()
        for rule in access.rules { list.allow("truck1", rule) }
        let lines = try list.text().split(separator: "\n")
        #expect(lines.count <= access.rules.count + 1)
        for pattern in access.clientPatterns + access.subscribePatterns + access.retainPatterns {
          #expect(!pattern.unicodeScalars.contains { $0.value < 0x20 })
        }
      } catch {
        #expect(error.code == .invalidPolicy, "\(error)")
        #expect(error.message.hasPrefix("p\(index).json: ") && error.message.utf8.count < 1000)
        refused += 1
      }
    }
    #expect(refused > 200)
  }

  @Test func `a policy that gives a key twice is refused`() {
    let error = #expect(throws: IdentityError.self) {
      try PolicyDocument(
        Array("{\"Version\": \"2012-10-17\",\n\"Version\": \"2012-10-17\", \"Statement\": []}".utf8),
        file: "p.json")
    }
    #expect(error?.message.contains("line 2") == true && error?.message.contains("appears twice") == true)
  }

  @Test func `damaged certificates, keys and kits are refused`() throws {
    let authority = try CertificateAuthority(directory: folder + "/ca")
    let issued = try authority.issueDevice(commonName: "t1")
    let kit = try ConnectionKit(directory: folder + "/certs", deviceName: "t1")
    try kit.write(issued, rootPEM: authority.certificatePEM())
    for path in [kit.certificatePath, kit.privateKeyPath, kit.rootPath] {
      let whole = try Files.read(path)
      var damaged = Self.truncations(whole)
      // One bit in every 50th byte.
      for index in stride(from: 0, to: whole.count, by: 50) {
        var bytes = whole
        bytes[index] ^= 0x04
        damaged.append(bytes)
      }
      for bytes in damaged {
        try Files.write(bytes, to: path)
        _ = Result {
          try checkCredentials(
            certificate: kit.certificatePath, key: kit.privateKeyPath, ca: kit.rootPath,
            issuedBy: kit.rootPath)
        }.mapError { error in
          #expect(error is IdentityError)
          return error
        }
        _ = try? CertificateSummary(pem: bytes)
      }
      try Files.write(whole, to: path)
    }
    _ = try checkCredentials(certificate: kit.certificatePath, key: kit.privateKeyPath, ca: kit.rootPath)
  }

  /// A certificate whose DER form has some bytes in another's place, of the same number: its signature is wrong, which
  /// summing up doesn't ask for.
  private func certificate(replacing old: [UInt8], with new: [UInt8]) throws -> [UInt8] {
    let authority = try CertificateAuthority(directory: folder + "/ca")
    let now = Date(timeIntervalSince1970: 1_800_000_000)
    let pem = try authority.issueDevice(commonName: "commonName", days: 100, now: now).certificatePEM
    let base64 = pem.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
    var bytes = Array(try #require(Data(base64Encoded: base64)))
    #expect(old.count == new.count)
    // The last one: the issuer's name stands before the subject's.
    let start = try #require(
      bytes.indices.last { bytes[$0...].starts(with: old) }, "there is nothing to replace")
    bytes.replaceSubrange(start..<(start + old.count), with: new)
    return Array(
      "-----BEGIN CERTIFICATE-----\n\(Data(bytes).base64EncodedString())\n-----END CERTIFICATE-----\n".utf8)
  }

  @Test(arguments: [
    ("commonName", "common\0ame"), ("commonName", "a\nuser\tx z"), ("commonName", " ommonNam "),
    ("commonName", "\u{1B}[2J\u{1B}[mxxx"), ("commonName", "\u{2028}\u{2029}\u{85}xx"),
    // The year 2027 of UTCTime: no such month, day or second, a year in the past, no digits.
    ("270425080000Z", "271325080000Z"), ("270425080000Z", "270432080000Z"),
    ("270425080000Z", "270425080099Z"),
    ("270425080000Z", "500101000000Z"), ("270425080000Z", "491231235959Z"),
    ("270425080000Z", "abcdefghijklZ"),
    ("270425080000Z", "2704250800-0Z"),
  ])
  func `certificates with hostile fields are summed up and registered, or refused`(old: String, new: String)
    throws
  {
    let pem = try certificate(replacing: Array(old.utf8), with: Array(new.utf8))
    try registerOrRefuse(pem)
  }

  @Test(arguments: [
    [UInt8](repeating: 0, count: 16), [UInt8](repeating: 0xFF, count: 16),
    [0x80] + [UInt8](repeating: 0, count: 15),
    [0] + [UInt8](repeating: 0xFF, count: 15),
  ])
  func `certificates with hostile serial numbers are registered, or refused`(serial: [UInt8]) throws {
    let pem = try certificate(replacing: [], with: [])
    let text = try CertificateSummary(pem: pem).serialNumber
    let base64 = String(decoding: pem, as: UTF8.self).split(separator: "\n")[1]
    var bytes = Array(try #require(Data(base64Encoded: String(base64))))
    let old = stride(from: 0, to: text.count, by: 2).compactMap { index in
      UInt8(text.dropFirst(index).prefix(2), radix: 16)
    }
    let start = try #require(bytes.indices.first { bytes[$0...].starts(with: old) })
    bytes.replaceSubrange(start..<(start + 16), with: serial)
    try registerOrRefuse(
      Array(
        "-----BEGIN CERTIFICATE-----\n\(Data(bytes).base64EncodedString())\n-----END CERTIFICATE-----\n".utf8)
    )
  }

  private func registerOrRefuse(_ pem: [UInt8]) throws {
    var registry = Registry()
    do throws(IdentityError) {
      let summary = try CertificateSummary(pem: pem)
      _ = CalendarDay.text(summary.notBefore) + CalendarDay.text(summary.notAfter) + summary.notAfter.iso8601
      _ = CredentialWarning(path: "x", expiring: summary.notAfter, now: Date())
      try registry.register(summary)
    } catch {
      #expect([.invalidRequest, .damaged, .notPEM].contains(error.code), "\(error)")
      let unsafe = error.message.unicodeScalars.filter(\.isUnsafe)
      #expect(unsafe.isEmpty, "\(error)")
      return
    }
    #expect(try Registry(registry.text, file: "registry.json") == registry)
    let allow = try PolicyDocument(Array(Self.allowAll.utf8), file: "p.json")
    let enforcement = Provisioning.enforcement(of: registry) { _ in allow }
    checkClients(enforcement)
    let list = try enforcement.accessControlList.text()
    #expect(list.split(separator: "\n").filter { $0.hasPrefix("user ") }.count <= 1)
  }

  @Test(arguments: [
    (-631_152_001.0, "a date out of range"), (-631_152_000, "1950-01-01"), (253_402_300_799, "9999-12-31"),
    (253_402_300_800, "a date out of range"), (1e300, "a date out of range"),
    (-.infinity, "a date out of range"),
    (.nan, "a date out of range"), (951_782_400, "2000-02-29"), (-1, "1969-12-31"),
  ])
  func `dates of certificates become texts`(seconds: Double, text: String) {
    let date = Date(timeIntervalSince1970: seconds)
    #expect(CalendarDay.text(date) == text)
    #expect(date.iso8601.utf8.count == 20)
  }

  /// Each line of the plugin's file has the fields that the plugin expects.
  private func checkClients(_ enforcement: Provisioning.Enforcement) {
    let lines = enforcement.clients.text(enforcement.accessControlList)
      .split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.first == "trucksensor clients 2" && lines.last == "")
    let entries = lines.dropFirst().dropLast(2)
    let certificate = /certificate\t[0-9a-f]{64}\t(active|inactive|revoked)\t[^\t\u{0}-\u{1f}]+/
    let pattern = /(connect|subscribe|retain|publish|deny)\t[^\t\u{0}-\u{1f}]*/
    for line in entries {
      #expect(line.wholeMatch(of: certificate) != nil || line.wholeMatch(of: pattern) != nil, "\(line)")
    }
    #expect(lines[lines.count - 2] == "end\t\(entries.count { $0.hasPrefix("certificate\t") })")
  }
}
