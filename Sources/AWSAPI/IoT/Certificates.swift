import Files
import FoundationEssentials
import Identity
import JSON
import Text

extension IoTService {
  /// The validity of certificates that the API issues, in days: the same as the CA's.
  private static let validDays = CertificateAuthority.validityDays

  var certificateOperations: [RESTOperation] {
    let identifier = RESTOperation.Member.path("certificateId", .certificateId)
    let active = RESTOperation.Member.query("setAsActive", .flag)
    let pem = RESTOperation.Member.body("certificatePem", .certificatePEM, required: true)
    let status = RESTOperation.Member.body("status", .certificateStatus)
    return [
      RESTOperation(
        "CreateKeysAndCertificate", "POST /keys-and-certificate", [active], action: createKeys),
      RESTOperation(
        "CreateCertificateFromCsr", "POST /certificates",
        [.body("certificateSigningRequest", .text(length: 1...4096), required: true), active],
        action: signRequest),
      RESTOperation(
        "RegisterCertificate", "POST /certificate/register",
        [pem, .body("caCertificatePem", .certificatePEM), active, status], action: registerCertificate),
      RESTOperation(
        "RegisterCertificateWithoutCA", "POST /certificate/register-no-ca", [pem, status],
        action: registerCertificateWithoutCA),
      RESTOperation(
        "DescribeCertificate", "GET /certificates/{certificateId}", [identifier], action: describeCertificate),
      RESTOperation(
        "ListCertificates", "GET /certificates", .markers + .ascending, action: listCertificates),
      RESTOperation(
        "UpdateCertificate", "PUT /certificates/{certificateId}",
        [identifier, .query("newStatus", .certificateStatus, required: true)], action: updateCertificate),
      RESTOperation(
        "DeleteCertificate", "DELETE /certificates/{certificateId}",
        [identifier, .query("forceDelete", .flag)], action: deleteCertificate),
    ]
  }

  // MARK: Making and registering

  /// A unique common name for a new certificate: the broker tells devices apart by it.
  private static func newCommonName() -> String { "AWS-IoT-Certificate-\(UniqueID.make().prefix(8))" }

  private func createKeys(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let issued = try attempt { () throws(IdentityError) in
      // AWS makes 2048-bit RSA keys, which every device's library can read.
      try cloud.authority().issueDevice(
        commonName: Self.newCommonName(), days: Self.validDays, keyKind: .rsa2048)
    }
    let certificate = try register(
      issued.certificatePEM, status: request.flag("setAsActive") ? .active : .inactive, request)
    return .json {
      Self.write(certificate, issued.certificatePEM, request, to: &$0)
      $0.object("keyPair") {
        $0.member("PublicKey", issued.publicKeyPEM)
        $0.member("PrivateKey", issued.traditionalPrivateKeyPEM)
      }
    }
  }

  private func signRequest(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let text = request.required("certificateSigningRequest")
    let pem = try attempt { () throws(IdentityError) in
      try cloud.authority().signDevice(
        request: Array(text.utf8), file: "certificateSigningRequest", commonName: Self.newCommonName(),
        days: Self.validDays)
    }
    let certificate = try register(pem, status: request.flag("setAsActive") ? .active : .inactive, request)
    return .json { Self.write(certificate, pem, request, to: &$0) }
  }

  private static func write(
    _ certificate: RegisteredCertificate, _ pem: String, _ request: RESTRequest, to json: inout JSONWriter
  ) {
    json.member("certificateArn", request.arn("cert", certificate.certificateId))
    json.member("certificateId", certificate.certificateId)
    json.member("certificatePem", pem)
  }

  private func registerCertificate(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let pem = request.required("certificatePem")
    let summary = try self.summary(pem)
    let authority = try attempt { () throws(IdentityError) in try cloud.authority().summary }
    guard summary.issuer == authority.subject else {
      throw AWSFault(
        "CertificateValidationException",
        "CA certificate not registered: \(summary.issuer) is not the local CA \(authority.subject)")
    }
    return try registered(pem, request, isWithoutCA: false)
  }

  private func registerCertificateWithoutCA(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try registered(request.required("certificatePem"), request, isWithoutCA: true)
  }

  private func registered(
    _ pem: String, _ request: RESTRequest, isWithoutCA: Bool
  ) throws(AWSFault) -> RESTAnswer {
    let text = request.text("status") ?? (request.flag("setAsActive") ? "ACTIVE" : "INACTIVE")
    guard let status = RegisteredCertificate.Status(rawValue: text), status != .revoked else {
      throw .invalidRequest("A certificate can be registered as ACTIVE or INACTIVE, not as \(text)")
    }
    let certificate = try register(pem, status: status, request, isWithoutCA: isWithoutCA)
    return .json {
      $0.member("certificateArn", request.arn("cert", certificate.certificateId))
      $0.member("certificateId", certificate.certificateId)
    }
  }

  private func summary(_ pem: String) throws(AWSFault) -> CertificateSummary {
    try attempt { () throws(IdentityError) in
      try CertificateSummary(pem: pem.utf8, source: "certificatePem")
    }
  }

  private func register(
    _ pem: String, status: RegisteredCertificate.Status, _ request: RESTRequest, isWithoutCA: Bool = false
  ) throws(AWSFault) -> RegisteredCertificate {
    let summary = try self.summary(pem)
    return try change { registry throws(AWSFault) in
      if let present = registry.registered(summary) {
        throw AWSFault(
          "ResourceAlreadyExistsException", status: 409,
          "The certificate is already provisioned or registered",
          members: [
            ("resourceId", present.certificateId),
            ("resourceArn", request.arn("cert", present.certificateId)),
          ])
      }
      do throws(FileError) {
        try Files.makeFolder(cloud.certificateFolder)
        try Files.write(Array(pem.utf8), to: file(ofCertificate: summary.fingerprint))
      } catch {
        throw AWSFault(error)
      }
      return try attempt { () throws(IdentityError) in
        try registry.register(summary, status: status, isWithoutCA: isWithoutCA)
      }
    }
  }

  private func file(ofCertificate identifier: String) -> String {
    Files.join(cloud.certificateFolder, identifier + ".pem")
  }

  // MARK: Reading

  /// The certificate with an identifier; throws if it doesn't exist.
  func certificate(_ identifier: String, in registry: Registry) throws(AWSFault) -> RegisteredCertificate {
    let identifier = identifier.lowercased()
    guard let found = registry.certificates.first(where: { $0.certificateId == identifier }) else {
      throw .resourceNotFound("Certificate \(identifier.prefix(128)) does not exist in your account")
    }
    return found
  }

  /// The certificate with the ARN that operations call principal or target; throws if it doesn't exist.
  func certificate(principal arn: String, in registry: Registry) throws(AWSFault) -> RegisteredCertificate {
    guard let identifier = Self.name(inARN: arn, of: "cert") else {
      throw .invalidRequest("'\(arn.prefix(200))' is not the ARN of a certificate")
    }
    guard let found = registry.certificates.first(where: { $0.certificateId == identifier }) else {
      throw .resourceNotFound("The certificate given in the principal does not exist: \(arn.prefix(200))")
    }
    return found
  }

  private func describeCertificate(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let certificate = try certificate(request.required("certificateId"), in: registry())
    let pem = self.pem(of: certificate)
    let validity = pem.flatMap { try? CertificateSummary(pem: $0.utf8) }
    return .json {
      $0.object("certificateDescription") {
        $0.member("certificateArn", request.arn("cert", certificate.certificateId))
        $0.member("certificateId", certificate.certificateId)
        $0.member("status", certificate.status.rawValue)
        $0.member("certificatePem", ifAny: pem)
        $0.member("ownedBy", RESTRequest.account)
        $0.member("creationDate", time: certificate.creationDate)
        $0.member("lastModifiedDate", time: certificate.lastModifiedDate)
        $0.member("customerVersion", 1)
        $0.member("generationId", certificate.certificateId)
        if let validity {
          $0.object("validity") {
            $0.member("notBefore", validity.notBefore.timeIntervalSince1970)
            $0.member("notAfter", validity.notAfter.timeIntervalSince1970)
          }
        }
        $0.member("certificateMode", Self.mode(certificate))
      }
    }
  }

  private static func mode(_ certificate: RegisteredCertificate) -> String {
    certificate.isWithoutCA ? "SNI_ONLY" : "DEFAULT"
  }

  /// A certificate's PEM text, from the API's folder or from a connection kit of `provision`; nil if neither has it.
  private func pem(of certificate: RegisteredCertificate) -> String? {
    var candidates = [file(ofCertificate: certificate.certificateId)]
    for name in [certificate.commonName] + certificate.things {
      guard let kit = try? ConnectionKit(directory: cloud.kitFolder, deviceName: name) else { continue }
      candidates.append(kit.certificatePath)
    }
    return candidates.lazy.compactMap { path in
      guard let text = try? Files.readText(path), let summary = try? CertificateSummary(pem: text.utf8),
        summary.fingerprint == certificate.certificateId
      else { return nil }
      return text
    }.first
  }

  private func listCertificates(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try .markedPage(registry().certificates, request, "certificates", key: \.certificateId) {
      certificate, json in
      json.object {
        $0.member("certificateArn", request.arn("cert", certificate.certificateId))
        $0.member("certificateId", certificate.certificateId)
        $0.member("status", certificate.status.rawValue)
        $0.member("certificateMode", Self.mode(certificate))
        $0.member("creationDate", time: certificate.creationDate)
      }
    }
  }

  // MARK: Changing

  private func updateCertificate(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let text = request.required("newStatus")
    guard let status = RegisteredCertificate.Status(rawValue: text) else {
      throw .invalidRequest("The status of a certificate can't be set to \(text)")
    }
    try change { registry throws(AWSFault) in
      let certificate = try certificate(request.required("certificateId"), in: registry)
      try attempt { () throws(IdentityError) in try registry.setStatus(status, of: certificate.certificateId)
      }
    }
    return .nothing
  }

  private func deleteCertificate(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let identifier = try change { registry throws(AWSFault) -> String in
      let certificate = try self.certificate(request.required("certificateId"), in: registry)
      let identifier = certificate.certificateId
      let arn = request.arn("cert", identifier)
      guard certificate.status != .active else {
        throw AWSFault(
          "CertificateStateException", status: 406,
          "Certificate must be deactivated (not ACTIVE) before deletion. (arn: \(arn))")
      }
      guard certificate.things.isEmpty else {
        throw AWSFault(
          "DeleteConflictException", status: 409, "Things must be detached before deletion (arn: \(arn))")
      }
      guard certificate.policies.isEmpty || request.flag("forceDelete") else {
        throw AWSFault(
          "DeleteConflictException", status: 409,
          "Certificate policies must be detached before deletion (arn: \(arn))")
      }
      try attempt { () throws(IdentityError) in
        for policy in certificate.policies {
          try registry.setPolicy(policy, ofCertificate: identifier, false)
        }
        try registry.deleteCertificate(identifier, mayBeRevoked: true)
      }
      registry.setTags([:], of: "cert/\(identifier)")
      return identifier
    }
    // A leftover file does no harm.
    try? Files.remove(file(ofCertificate: identifier))
    return .nothing
  }
}
