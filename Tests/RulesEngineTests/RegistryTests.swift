import JSON
import Testing

@testable import RulesEngine

/// `get_registry_data`.
@Suite struct RegistryDataTests {
  private final class Things: RegistrySource {
    var asked: [String] = []
    func answer(_ request: RegistryRequest, thing: String) -> [UInt8]? {
      asked.append("\(request.rawValue) \(thing)")
      return thing == "t1" ? Array(#"{"thingName":"t1","attributes":{"deviceID":"T001"}}"#.utf8) : nil
    }
  }

  private func result(_ expression: String, _ registry: (any RegistrySource)?) throws -> String {
    let statement = try CompiledStatement("SELECT \(expression) AS x FROM 't'", version: .v2016)
    let message = Message(topic: "t", payload: Array(#"{"name":"t1"}"#.utf8), receivedMilliseconds: 0)
    message.registry = registry
    message.clientID = "t1"
    guard case .output(let bytes) = StatementEvaluator().evaluate(statement, message) else { return "" }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func `the answer is a value whose parts can be named`() throws {
    let things = Things()
    #expect(
      try result("get_registry_data('DescribeThing', clientid(), 'arn').attributes.deviceID", things)
        == #"{"x":"T001"}"#)
    #expect(
      try result("get_registry_data('ListThingGroupsForThing', name, 'arn').thingName", things)
        == #"{"x":"t1"}"#)
    #expect(things.asked == ["DescribeThing t1", "ListThingGroupsForThing t1"])
  }

  @Test(arguments: [
    "get_registry_data('DescribeThing', 'nobody', 'arn')",
    "get_registry_data('DescribeThing', nothing, 'arn')",
  ])
  func `a thing that isn't there is Undefined`(call: String) throws {
    #expect(try result(call, Things()) == "{}")
    #expect(try result(call, nil) == "{}")
  }

  @Test(arguments: [
    "name, 't1', 'arn'", "'DeleteThing', 't1', 'arn'", "'DescribeThing', 't1'", "", "1, 2, 3, 4",
  ])
  func `another API, or one that isn't a constant, is an error of the rule`(arguments: String) {
    #expect(throws: SQLError.self) {
      try CompiledStatement("SELECT get_registry_data(\(arguments)) FROM 't'", version: .v2016)
    }
  }
}
