import Files
import HTTP
import JSON
import Time

/// Device shadows over HTTP, one file per shadow. The MQTT topics `$aws/things/…/shadow/…` aren't available.
extension IoTDataService {
  var shadowOperations: [RESTOperation] {
    let thing = RESTOperation.Member.path("thingName", .name)
    let name = RESTOperation.Member.query("shadowName", .shadowName, as: "name")
    return [
      RESTOperation("GetThingShadow", "GET /things/{thingName}/shadow", [thing, name], action: getShadow),
      RESTOperation(
        "UpdateThingShadow", "POST /things/{thingName}/shadow", [thing, name], takesBytes: true,
        action: updateShadow),
      RESTOperation(
        "DeleteThingShadow", "DELETE /things/{thingName}/shadow", [thing, name], action: deleteShadow),
      RESTOperation(
        "ListNamedShadowsForThing", "GET /api/things/shadow/ListNamedShadowsForThing/{thingName}",
        [thing, .query("nextToken", .text()), .query("pageSize", .integer(1...100))], action: listShadows),
    ]
  }

  private static let namedPrefix = "named-"

  private func file(_ request: RESTRequest) -> String {
    let name = request.text("shadowName").map { Self.namedPrefix + $0 } ?? "classic"
    return Files.join(Files.join(cloud.shadowFolder, request.required("thingName")), name + ".json")
  }

  private func shadow(_ path: String) throws(AWSFault) -> ShadowDocument? {
    guard Files.exists(path) else { return nil }
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try Files.read(path)
    } catch {
      throw AWSFault(error)
    }
    guard let element = try? JSONElement(bytes) else {
      throw AWSFault("InternalFailureException", status: 500, "\(path) is damaged; remove it")
    }
    return ShadowDocument(element)
  }

  private func required(_ request: RESTRequest) throws(AWSFault) -> ShadowDocument {
    guard let shadow = try shadow(file(request)) else {
      let name = request.required("thingName") + (request.text("shadowName").map { "~\($0)" } ?? "")
      throw .resourceNotFound("No shadow exists with name: '\(name)'")
    }
    return shadow
  }

  private static func response(_ element: JSONElement) -> RESTAnswer {
    var json = JSONWriter()
    json.value(element, first: ["state", "metadata", "version", "timestamp"])
    return .now(HTTPResponse(200, json.bytes, contentType: "application/json"))
  }

  private func getShadow(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    Self.response(try required(request).shown(at: Timestamp.now / 1_000_000_000))
  }

  private func updateShadow(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let path = file(request)
    let update = try ShadowUpdate(request.signed.http.body)
    var shadow = try shadow(path) ?? ShadowDocument()
    let answer = try shadow.apply(update, at: Timestamp.now / 1_000_000_000)
    do throws(FileError) {
      try Files.makeFolder(Files.folder(of: path))
      try Files.write(shadow.text, to: path)
    } catch {
      throw AWSFault(error)
    }
    return Self.response(answer)
  }

  private func deleteShadow(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let shadow = try required(request)
    do throws(FileError) {
      try Files.remove(file(request))
    } catch {
      throw AWSFault(error)
    }
    return Self.response(
      .object([
        "version": .number("\(shadow.version)"),
        "timestamp": .number("\(Timestamp.now / 1_000_000_000)"),
      ]))
  }

  private func listShadows(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let folder = Files.join(cloud.shadowFolder, request.required("thingName"))
    var names: [String] = []
    if Files.exists(folder) {
      do throws(FileError) {
        names = try Files.list(folder, suffix: ".json").filter { $0.hasPrefix(Self.namedPrefix) }.map {
          String($0.dropFirst(Self.namedPrefix.count).dropLast(".json".count))
        }
      } catch {
        throw AWSFault(error)
      }
    }
    let page = try Page(
      names, token: request.text("nextToken"), size: request.integer("pageSize") ?? 25, key: { $0 })
    return .json {
      $0.member("results", page.elements)
      $0.member("timestamp", Timestamp.now / 1_000_000_000)
      $0.member("nextToken", ifAny: page.next)
    }
  }
}
