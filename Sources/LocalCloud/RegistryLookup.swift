import Files
import Identity
import JSON
import RulesEngine
import Time

/// The registry's file as rules ask it by `get_registry_data`. A change is seen within a quarter of a second; a file that
/// is damaged or gone keeps its last good version.
package final class RegistryLookup: RegistrySource {
  private let path: String
  private var registry = Registry()
  private var stamp: FileStamp?
  private var nextLook = MonotonicTime(nanoseconds: 0)
  private static let lookNanoseconds: Int64 = 250_000_000

  /// The registry in this file, which is read at the first question.
  package init(_ path: String = LocalCloud.registryFile) { self.path = path }

  package func answer(_ request: RegistryRequest, thing name: String) -> [UInt8]? {
    refresh()
    guard let thing = registry.thing(name) else { return nil }
    var json = JSONWriter()
    json.object {
      switch request {
      case .describeThing: write(thing, to: &$0)
      case .listThingGroupsForThing: writeGroups(of: name, to: &$0)
      }
    }
    return json.bytes
  }

  /// Looks at the file with the next question, however soon it comes.
  func lookAgain() { nextLook = MonotonicTime(nanoseconds: 0) }

  private func refresh() {
    let now = MonotonicTime.now()
    guard now >= nextLook else { return }
    nextLook = now.advanced(by: Self.lookNanoseconds)
    let present = Files.stamp(of: path)
    guard let present, present != stamp, let read = try? Registry.read(path) else { return }
    (registry, stamp) = (read, present)
  }

  private func write(_ thing: Thing, to json: inout JSONWriter) {
    json.member("defaultClientId", thing.thingName)
    json.member("thingName", thing.thingName)
    json.member("thingArn", Registry.arn("thing", thing.thingName))
    if let type = thing.thingTypeName { json.member("thingTypeName", type) }
    json.object("attributes") {
      for (name, value) in thing.attributes.sorted(by: { $0.key < $1.key }) { $0.member(name, value) }
    }
    json.member("version", thing.version)
  }

  private func writeGroups(of thing: String, to json: inout JSONWriter) {
    json.array("thingGroups") {
      for group in registry.thingGroups where group.things.contains(thing) {
        $0.object {
          $0.member("groupName", group.thingGroupName)
          $0.member("groupArn", Registry.arn("thinggroup", group.thingGroupName))
        }
      }
    }
  }
}
