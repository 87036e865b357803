import Files
import FoundationEssentials
import Glibc

/// The three files of AWS IoT's connection kit for one device: a kit unzipped into the folder works as it is.
public struct ConnectionKit: Sendable, Equatable {
  /// The CA's certificate in every kit.
  public static let rootFileName = "root-CA.crt"
  /// The local CA's private key, never part of a kit.
  public static let rootKeyFileName = "root-CA.private.key"

  /// Which of the device's own two files exist.
  public enum State: Sendable, Equatable {
    /// Neither.
    case missing
    /// One without the other; `missing` is the path of the other.
    case incomplete(missing: String)
    /// Both.
    case complete
  }

  /// The folder, such as `certs`.
  public let directory: String
  /// The thing's name.
  public let deviceName: String

  /// The kit of `deviceName` in `directory`; touches no file.
  /// - Throws: `invalidName`.
  public init(directory: String, deviceName: String) throws(IdentityError) {
    try Self.validate(deviceName: deviceName)
    self.directory = directory
    self.deviceName = deviceName
  }

  /// `root-CA.crt`: the CA that issued the server's certificate.
  public var rootPath: String { Files.join(directory, Self.rootFileName) }
  /// `NAME.cert.pem`.
  public var certificatePath: String { Files.join(directory, deviceName + ".cert.pem") }
  /// `NAME.private.key`.
  public var privateKeyPath: String { Files.join(directory, deviceName + ".private.key") }

  /// Whether the device's own files exist; doesn't check their contents (see `checkCredentials`).
  public var state: State {
    switch (Files.exists(certificatePath), Files.exists(privateKeyPath)) {
    case (true, true): .complete
    case (true, false): .incomplete(missing: privateKeyPath)
    case (false, true): .incomplete(missing: certificatePath)
    case (false, false): .missing
    }
  }

  /// Throws `invalidName`, with the rule, unless AWS IoT accepts `deviceName` as a thing's name: `[a-zA-Z0-9:_-]{1,128}` (AWS IoT
  /// API reference, CreateThing). `root-CA` is rejected, too: its key file would be the local CA's.
  public static func validate(deviceName: String) throws(IdentityError) {
    let bytes = deviceName.utf8
    guard (1...128).contains(bytes.count), bytes.allSatisfy(isAllowed) else {
      throw IdentityError(
        .invalidName,
        "\(quoted(deviceName)) can't be a device's name; use 1 to 128 of the characters a-z, A-Z, 0-9, ':', '_' "
          + "and '-', such as truckSensor01")
    }
    guard deviceName.lowercased() != "root-ca" else {
      throw IdentityError(
        .invalidName,
        "'\(deviceName)' can't be a device's name, because the CA's own files have this name; use another name"
      )
    }
  }

  /// Writes the device's certificate and key (mode 0600), and the CA's certificate if it is missing.
  ///
  /// No reader sees a partial file. If anything fails or the process is killed, the previous files stay (`FileTransaction`).
  /// - Parameters:
  ///   - issued: The certificate and key, which aren't checked here.
  ///   - rootPEM: The CA's certificate. A local CA's own certificate is never replaced by another.
  ///   - overwrite: Whether existing files are replaced.
  /// - Throws: `alreadyExists` with the path of the file that would be overwritten, or `unwritable`.
  public func write(
    _ issued: IssuedCertificate, rootPEM: String, overwrite: Bool = false
  ) throws(IdentityError) {
    try Self.write(
      files(issued), rootPEM: rootPEM, overwrite: overwrite, in: LockedFolder.lock(directory))
  }

  /// Writes a certificate whose key is elsewhere; see `write(_:rootPEM:overwrite:)`.
  public func write(
    certificatePEM: String, rootPEM: String, overwrite: Bool = false
  ) throws(IdentityError) {
    try Self.write(
      [certificateFile(certificatePEM)], rootPEM: rootPEM, overwrite: overwrite,
      in: LockedFolder.lock(directory))
  }

  /// How many kits are written in one step: together they take far less time than one by one.
  package static let batchSize = 200

  /// Writes kits of one folder, which the caller has locked, in one step; see `write(_:rootPEM:overwrite:)`.
  package static func write(
    _ kits: [(kit: ConnectionKit, issued: IssuedCertificate)], rootPEM: String, in folder: LockedFolder
  ) throws(IdentityError) {
    try write(kits.flatMap { $0.kit.files($0.issued) }, rootPEM: rootPEM, overwrite: false, in: folder)
  }

  private typealias File = (name: String, bytes: [UInt8], mode: mode_t)

  private func files(_ issued: IssuedCertificate) -> [File] {
    [
      (Files.name(of: privateKeyPath), Array(issued.privateKeyPEM.utf8), 0o600),
      certificateFile(issued.certificatePEM),
    ]
  }

  private func certificateFile(_ pem: String) -> File {
    (Files.name(of: certificatePath), Array(pem.utf8), 0o644)
  }

  private static func write(
    _ files: [File], rootPEM: String, overwrite: Bool, in folder: LockedFolder
  ) throws(IdentityError) {
    guard !files.isEmpty else { return }
    if !overwrite, let present = files.first(where: { Files.exists(Files.join(folder.path, $0.name)) }) {
      throw .alreadyExists(Files.join(folder.path, present.name))
    }
    let root: File = (rootFileName, Array(rootPEM.utf8), 0o644)
    let isRootMissing = try needsRoot(root.bytes, in: folder.path, overwrite: overwrite)
    try folder.write((isRootMissing ? [root] : []) + files)
  }

  private static func needsRoot(
    _ root: [UInt8], in folder: String, overwrite: Bool
  ) throws(IdentityError) -> Bool {
    let path = Files.join(folder, rootFileName)
    guard Files.exists(path) else { return true }
    if let present = try? Files.read(path), present == root { return false }
    let keyPath = Files.join(folder, rootKeyFileName)
    guard !Files.exists(keyPath) else { throw .foreignRoot(path, key: keyPath) }
    guard overwrite else { throw .alreadyExists(path) }
    return true
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
