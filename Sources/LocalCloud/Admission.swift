import Identity
import MQTT

/// What the registry and the policies of this folder say to a device that signs in: the reason of a refusal, and the
/// command that changes it.
package struct Admission {
  /// The policies of the device's certificate; for the cloud's own certificates a note in their place.
  package private(set) var policies: [String] = []
  /// Why the device is refused, and what to do; nil if it may sign in.
  package private(set) var refusal: String?

  /// Looks at registry and policies.
  /// - Parameters:
  ///   - device: The device's name, for the commands to run.
  ///   - certificate: The certificate that it signs in with.
  ///   - clientID: The MQTT client identifier.
  ///   - topic: The topic that it publishes to; nil if only the sign-in counts.
  /// - Throws: `IdentityError` if registry or policies can't be read.
  package init(
    device: String, certificate summary: CertificateSummary, clientID: String, topic: TopicName? = nil
  ) throws {
    if let name = summary.commonName, [LocalCloud.testClient, LocalCloud.rulesEngine].contains(name) {
      policies = ["one of the cloud's own certificates"]
      return
    }
    let registry = try Registry.read(LocalCloud.registryFile)
    guard let certificate = registry.registered(summary) else {
      refusal =
        "the certificate isn't registered, so it has no policy; run 'trucksensor provision thing \(device)'"
      return
    }
    policies = registry.policies(of: certificate, clientID: clientID)
    refusal = try Self.refusal(
      device: device, certificate, clientID: clientID, topic: topic, registry)
  }

  /// Why the first of these devices that registry and policies refuse isn't let in; nil if they refuse none, or can't be
  /// read.
  /// - Parameters:
  ///   - devices: The devices' names, and the topics that they publish to; nil if only the sign-in counts.
  ///   - certificateFile: The certificate of a single device; nil for those of the kits.
  ///   - clientID: The client identifier of a single device; nil for its name.
  package static func refusal(
    among devices: [(name: String, topic: TopicName?)], certificateFile: String? = nil,
    clientID: String? = nil
  ) -> String? {
    guard let registry = try? Registry.read(LocalCloud.registryFile) else { return nil }
    for (device, topic) in devices where ![LocalCloud.testClient, LocalCloud.rulesEngine].contains(device) {
      guard
        let kit = try? ConnectionKit(directory: LocalCloud.certificateFolder, deviceName: device),
        let summary = try? CertificateSummary(file: certificateFile ?? kit.certificatePath),
        let certificate = registry.registered(summary)
      else { continue }
      let reason = try? refusal(
        device: device, certificate, clientID: clientID ?? device, topic: topic, registry)
      if let reason { return "\(device): \(reason)" }
    }
    return nil
  }

  static func refusal(
    device: String, _ certificate: RegisteredCertificate, clientID: String, topic: TopicName?,
    _ registry: Registry, _ folder: PolicyFolder = LocalCloud.policies
  ) throws -> String? {
    switch certificate.status {
    case .active: break
    case .inactive:
      return "the certificate is INACTIVE; run 'trucksensor provision cert activate \(device)'"
    case .revoked:
      return "the certificate is REVOKED for good; run 'trucksensor provision cert rotate \(device)'"
    }
    var documents: [PolicyDocument] = []
    let policies = registry.policies(of: certificate, clientID: clientID)
    for name in policies { documents.append(try folder.policy(name)) }
    guard !documents.isEmpty else {
      return
        "the certificate has no policy; run 'trucksensor provision policy attach \(LocalCloud.defaultPolicy) \(device)'"
    }
    let context = Provisioning.context(of: certificate, clientID: clientID, in: registry)
    var requests = [("iot:Connect", "client/\(clientID)")]
    if let topic { requests.append(("iot:Publish", "topic/\(topic.text)")) }
    for (action, resource) in requests {
      let decision = PolicyDocument.evaluate(
        action: action, resource: resource, policies: documents, context: context)
      guard decision.outcome != .allowed else { continue }
      let names = policies.map(folder.file(of:)).joined(separator: ", ")
      let by =
        decision.decidedBy.isEmpty ? "no statement allows it" : decision.decidedBy.joined(separator: "; ")
      var text = "\(action) on \(resource) is \(decision.outcome.rawValue): \(by); edit \(names)"
      if action == "iot:Connect", registry.thing(clientID) == nil {
        text += ", or connect as a thing: no thing is named '\(clientID)'"
      }
      return text
    }
    return nil
  }
}
