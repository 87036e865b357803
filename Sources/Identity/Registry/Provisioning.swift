import Files
import FoundationEssentials
import Time

/// The cloud's side of identity on this machine: CA, registry and policies, and what the broker must enforce.
public struct Provisioning: Sendable {
  /// What provisioning a thing created; what already existed isn't listed.
  public struct Made: Sendable, Equatable {
    /// The thing's name.
    public var thing: String?
    /// The certificate's identifier.
    public var certificateId: String?
    /// Files of the connection kit.
    public var files: [String] = []
  }

  /// Where a thing's certificate comes from.
  public enum Source: Sendable {
    /// The local CA issues the certificate and generates the key.
    case newKey(KeyKind)
    /// The local CA signs the request in this file; the key stays with the device.
    case request(String)
    /// The certificate in this file, which the broker's CA has signed.
    case certificate(String)
  }

  /// What the broker enforces.
  public struct Enforcement: Sendable {
    /// Who may publish and read what.
    public var accessControlList = AccessControlList()
    /// Which certificates may sign in, and as whom.
    public var clients = ClientTable()
    /// Where the broker's rules differ from the policies.
    public var notes: [String] = []
    /// The names of the policies of each user's active certificates.
    public var policies: [String: Set<String>] = [:]
  }

  /// The local CA.
  public let authority: CertificateAuthority
  /// The registry's file.
  public let registryPath: String
  /// The policy documents.
  public let policies: PolicyFolder
  /// The folder of connection kits.
  public let kitFolder: String

  /// Combines these parts; touches no file.
  public init(authority: CertificateAuthority, registryPath: String, policyFolder: String, kitFolder: String)
  {
    self.authority = authority
    self.registryPath = registryPath
    policies = PolicyFolder(policyFolder)
    self.kitFolder = kitFolder
  }

  /// Registers the devices of existing connection kits, and attaches a policy to those without one.
  public func register(_ names: [String], policy: String, now: Date = Date()) throws(IdentityError) {
    try Registry.update(registryPath) { registry throws(IdentityError) in
      for name in names {
        let kit = try ConnectionKit(directory: kitFolder, deviceName: name)
        let summary = try CertificateSummary(file: kit.certificatePath)
        guard registry.registered(summary) == nil || registry.thing(name) == nil else { continue }
        if registry.thing(name) == nil { try registry.createThing(name) }
        let certificate = try registry.register(summary, now: now)
        try registry.setThing(name, ofCertificate: certificate.certificateId, true)
        if certificate.policies.isEmpty {
          try registry.setPolicy(policy, ofCertificate: certificate.certificateId, true)
        }
      }
    }
  }

  /// The steps of AWS's wizard as one: creates a thing, its certificate and its policies, attached to one another. Existing
  /// resources with the same properties stay.
  public func provision(
    _ name: String, type: String? = nil, attributes: [String: String] = [:], policies: [String],
    source: Source = .newKey(.ecP256), days: Int = 365, now: Date = Date()
  ) throws(IdentityError) -> Made {
    for policy in policies { _ = try self.policies.policy(policy) }
    return try Registry.update(registryPath) { registry throws(IdentityError) in
      var made = Made()
      let isNew = registry.thing(name) == nil
      if isNew { made.thing = name }
      if isNew || type != nil || !attributes.isEmpty {
        try registry.createThing(name, type: type, attributes: attributes)
      }
      let summary = try certificate(of: name, source: source, days: days, now: now, made: &made)
      let count = registry.certificates.count
      let certificate = try registry.register(summary, now: now)
      if registry.certificates.count > count { made.certificateId = certificate.certificateId }
      try registry.setThing(name, ofCertificate: certificate.certificateId, true)
      for policy in policies {
        try registry.setPolicy(policy, ofCertificate: certificate.certificateId, true)
      }
      return made
    }
  }

  /// Creates many things with certificates of the local CA as one change. `progress` gets the number of things done. Returns the
  /// number of new things.
  /// - Parameter attachesToExisting: Whether the active certificates of things that exist get the policies, too.
  public func provision(
    fleet names: [String], type: String?, policies: [String], attachesToExisting: Bool = false,
    keyKind: KeyKind,
    days: Int, now: Date = Date(), progress: (Int) -> Void
  ) throws(IdentityError) -> Int {
    for policy in policies { _ = try self.policies.policy(policy) }
    return try Registry.update(registryPath) { registry throws(IdentityError) in
      var new = 0
      let folder = try LockedFolder.lock(kitFolder)
      var waiting: [(kit: ConnectionKit, issued: IssuedCertificate)] = []
      func writeKits() throws(IdentityError) {
        guard let first = waiting.first else { return }
        try ConnectionKit.write(waiting, rootPEM: root(first.kit), in: folder)
        waiting.removeAll()
      }
      for (index, name) in names.enumerated() {
        progress(index)
        if registry.thing(name) != nil {
          guard attachesToExisting, let certificate = try? registry.certificate(name),
            certificate.status != .revoked
          else { continue }
          for policy in policies {
            try registry.setPolicy(policy, ofCertificate: certificate.certificateId, true)
          }
          continue
        }
        try registry.createThing(name, type: type)
        let kit = try ConnectionKit(directory: kitFolder, deviceName: name)
        let summary: CertificateSummary
        if kit.state == .complete {
          summary = try CertificateSummary(file: kit.certificatePath)
        } else {
          let issued = try authority.issueDevice(commonName: name, days: days, keyKind: keyKind, now: now)
          summary = try CertificateSummary(pem: issued.certificatePEM.utf8)
          waiting.append((kit, issued))
          if waiting.count == ConnectionKit.batchSize { try writeKits() }
        }
        let identifier = try registry.register(summary, now: now).certificateId
        try registry.setThing(name, ofCertificate: identifier, true)
        for policy in policies { try registry.setPolicy(policy, ofCertificate: identifier, true) }
        new += 1
      }
      try writeKits()
      return new
    }
  }

  private func certificate(
    of name: String, source: Source, days: Int, now: Date, made: inout Made
  ) throws(IdentityError) -> CertificateSummary {
    let kit = try ConnectionKit(directory: kitFolder, deviceName: name)
    switch source {
    case .newKey(let kind):
      if kit.state == .complete { return try CertificateSummary(file: kit.certificatePath) }
      try kit.write(
        authority.issueDevice(commonName: name, days: days, keyKind: kind, now: now), rootPEM: root(kit))
      made.files = [kit.certificatePath, kit.privateKeyPath]
    case .request(let file):
      let request = try Files.contents(of: file, role: .request).bytes
      let signed = try authority.signDevice(
        request: request, file: file, commonName: name, days: days, now: now)
      try kit.write(certificatePEM: signed, rootPEM: root(kit))
      made.files = [kit.certificatePath]
    case .certificate(let file):
      let summary = try CertificateSummary(file: file)
      guard summary.commonName == name else {
        throw .invalid(
          "\(file) is for \(quoted(summary.commonName ?? "nobody")), not for \(quoted(name)): the broker knows a device by "
            + "its certificate's common name")
      }
      return summary
    }
    return try CertificateSummary(file: kit.certificatePath)
  }

  /// The CA certificate of a connection kit: the one that the kit has (AWS's kits have AWS's), otherwise the local CA's.
  private func root(_ kit: ConnectionKit) throws(IdentityError) -> String {
    if Files.exists(kit.rootPath) {
      return String(
        decoding: try Files.contents(of: kit.rootPath, role: .authorityCertificate).bytes, as: UTF8.self)
    }
    return try authority.certificatePEM()
  }

  /// Issues a new certificate and key for a thing, with the old certificate's things and policies. The old one becomes inactive.
  public func rotate(_ name: String, keyKind: KeyKind, days: Int, now: Date = Date()) throws(IdentityError)
    -> Made
  {
    let kit = try ConnectionKit(directory: kitFolder, deviceName: name)
    return try Registry.update(registryPath) { registry throws(IdentityError) in
      let old = try registry.certificate(name)
      try kit.write(
        authority.issueDevice(commonName: name, days: days, keyKind: keyKind, now: now), rootPEM: root(kit),
        overwrite: true)
      let new = try registry.register(CertificateSummary(file: kit.certificatePath), now: now)
      for thing in old.things where registry.thing(thing) != nil {
        try registry.setThing(thing, ofCertificate: new.certificateId, true)
      }
      for policy in old.policies { try registry.setPolicy(policy, ofCertificate: new.certificateId, true) }
      if old.status == .active { try registry.setStatus(.inactive, of: old.certificateId) }
      return Made(
        thing: nil, certificateId: new.certificateId, files: [kit.certificatePath, kit.privateKeyPath])
    }
  }

  /// The context in which the policies of a certificate that connects as `clientID` are evaluated.
  public static func context(
    of certificate: RegisteredCertificate, clientID: String?, in registry: Registry
  ) -> PolicyContext {
    let thing = clientID.flatMap { registry.thing($0) }
    let isAttached = thing.map { certificate.things.contains($0.thingName) } ?? false
    var context = PolicyContext(
      clientID: clientID, subject: ["CommonName": [certificate.commonName]], thing: thing,
      isAttached: isAttached)
    // The local broker listens on this address only.
    context.setRequest(sourceIP: "127.0.0.1", epochSeconds: WallClock.milliseconds / 1000)
    return context
  }

  /// What the broker must enforce for all certificates. A certificate is refused if it isn't active or if its policies don't let
  /// it connect. It connects as its common name, or as one of its things.
  /// - Parameter policy: The policy of a name; nil if it isn't available, which allows nothing.
  public static func enforcement(of registry: Registry, policy: (String) -> PolicyDocument?) -> Enforcement {
    var result = Enforcement()
    var noted: Set<String> = []
    func note(_ text: String) {
      if noted.insert(text).inserted { result.notes.append(text) }
    }
    let groupPolicies = registry.groupPolicies()
    for certificate in registry.certificates {
      let name = certificate.commonName
      guard certificate.status == .active else {
        result.clients.entries.append(
          ClientTable.Entry(
            certificateId: certificate.certificateId, user: name,
            state: certificate.status == .revoked ? .revoked : .inactive))
        continue
      }
      func documents(_ clientID: String) -> [PolicyDocument] {
        let own = certificate.policies
        let inherited = certificate.things.contains(clientID) ? groupPolicies[clientID] ?? [] : []
        result.policies[clientID, default: []].formUnion(own + inherited)
        return (own + inherited.filter { !own.contains($0) }).compactMap { policyName in
          let document = policy(policyName)
          if document == nil {
            note("there is no valid policy \(quoted(policyName)); nothing is allowed by it")
          }
          return document
        }
      }
      var mayConnect = false
      let things = certificate.things.filter {
        $0 != name && registry.thing($0) != nil && RegisteredCertificate.isUsable(commonName: $0)
      }
      for user in [name] + things {
        let access = PolicyAccess(
          policies: documents(user), clientID: user,
          context: Self.context(of: certificate, clientID: user, in: registry))
        access.notes.forEach(note)
        guard access.mayConnect else { continue }
        mayConnect = true
        result.clients.entries.append(
          ClientTable.Entry(
            certificateId: certificate.certificateId, user: user, state: .active,
            connects: access.clientPatterns, subscribes: access.subscribePatterns,
            retains: access.retainPatterns))
        for rule in access.rules { result.accessControlList.allow(user, rule) }
      }
      guard !mayConnect else { continue }
      result.clients.entries.append(
        ClientTable.Entry(certificateId: certificate.certificateId, user: name, state: .active))
      note("\(name) may not connect: no policy of its certificate allows iot:Connect on client/\(name)")
    }
    return result
  }
}
