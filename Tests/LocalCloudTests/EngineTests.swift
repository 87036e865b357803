import Files
import Foundation
import Testing

@testable import Identity
@testable import LocalCloud

/// The lock of the rules engine, and the registry as its rules see it.
@Suite struct EngineTests {
  private let temporary: TemporaryFolder

  init() throws { temporary = try TemporaryFolder() }

  @Test func `an identity at a broker is locked once, and the process that has it is named`() throws {
    func lock(_ name: String = "e", _ host: String = "localhost", _ port: UInt16 = 8883) throws -> EngineLock
    {
      try EngineLock(clientID: name, host: host, port: port, folder: temporary.path + "/engines")
    }
    let first = try lock()
    let holder = #expect(throws: EngineLock.Holder.self) { try lock("e", "127.0.0.1") }
    #expect("\(try #require(holder))".contains("process \(ProcessInfo.processInfo.processIdentifier), '"))
    // Another name, broker or host is another session.
    let others = [try lock("f"), try lock("e", "localhost", 8884), try lock("e", "example.com")]
    let odd = try lock(String(repeating: "é/..\0\n", count: 10_000))
    withExtendedLifetime((first, others, odd)) {}
  }

  @Test func `a lock ends with its owner, and a lock file with anything in it names nobody`() throws {
    let folder = temporary.path + "/engines"
    do { _ = try EngineLock(clientID: "e", host: "h", port: 1, folder: folder) }
    let second = try EngineLock(clientID: "e", host: "h", port: 1, folder: folder)
    let file = try #require(try Files.list(folder).first)
    for text in ["", "nonsense", "-5", "999999999999", "4194304\n"] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: Files.join(folder, file)), options: [])
      let holder = #expect(throws: EngineLock.Holder.self) {
        try EngineLock(clientID: "e", host: "h", port: 1, folder: folder)
      }
      #expect("\(try #require(holder))".contains("process"))
    }
    withExtendedLifetime(second) {}
  }

  @Test func `the registry answers as AWS's APIs do, and keeps its last good version`() throws {
    let path = temporary.path + "/registry.json"
    try Registry.update(path) { registry throws(IdentityError) in
      try registry.createThingType("sensor")
      try registry.createThing("t1", type: "sensor", attributes: ["deviceID": "T001"])
      try registry.createThingGroup("fleet")
      try registry.setMember("t1", of: "fleet", true)
    }
    let lookup = RegistryLookup(path)
    func answer(_ thing: String) -> String? {
      lookup.answer(.describeThing, thing: thing).map { String(decoding: $0, as: UTF8.self) }
    }
    let described =
      #"{"defaultClientId":"t1","thingName":"t1","thingArn":"arn:aws:iot:local:000000000000:thing/t1","#
      + #""thingTypeName":"sensor","attributes":{"deviceID":"T001"},"version":1}"#
    #expect(answer("t1") == described)
    #expect(answer("t2") == nil)
    let groups = try #require(lookup.answer(.listThingGroupsForThing, thing: "t1"))
    #expect(
      String(decoding: groups, as: UTF8.self)
        == #"{"thingGroups":[{"groupName":"fleet","groupArn":"arn:aws:iot:local:000000000000:thinggroup/fleet"}]}"#
    )
    try Data("{".utf8).write(to: URL(fileURLWithPath: path))
    lookup.lookAgain()
    #expect(answer("t1") == described)
    try FileManager.default.removeItem(atPath: path)
    lookup.lookAgain()
    #expect(answer("t1") == described)
    #expect(RegistryLookup(path).answer(.describeThing, thing: "t1") == nil)
  }
}
