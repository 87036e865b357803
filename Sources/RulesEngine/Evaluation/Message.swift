import MQTT
import Text

/// A message as the rules engine sees it. A class, because each evaluation of an expression passes it on.
public final class Message {
  /// The topic, without the `$aws/rules/NAME/` of Basic Ingest.
  public var topic: String
  /// The rule that the message addresses by Basic Ingest; nil for any other topic.
  public let basicIngestRule: String?
  /// The payload's bytes.
  public var payload: [UInt8] { didSet { revision &+= 1 } }
  /// Changes with the payload.
  private(set) var revision = 0
  /// The publishing client's identifier, if known.
  public var clientID: String?
  /// The AWS account's number, if set.
  public var accountID: String?
  /// The publisher's principal (its certificate's fingerprint), if known.
  public var principal: String?
  /// The publisher's address, if known.
  public var sourceIP: String?
  /// The message's MQTT 5 properties.
  public var properties = PublishProperties()
  /// The registry that `get_registry_data` reads; if nil, the function's result is Undefined.
  public var registry: (any RegistrySource)?
  /// The message's identifier in logs and error actions.
  public private(set) lazy var traceID = UniqueID.make()
  /// When the engine received the message, in epoch milliseconds.
  public var receivedMilliseconds: Int

  /// A message of `topic` with `payload`.
  public init(topic: String, payload: [UInt8], receivedMilliseconds: Int) {
    self.topic = topic
    self.payload = payload
    self.receivedMilliseconds = receivedMilliseconds
    // Basic Ingest: the prefix names the rule and isn't part of the topic.
    guard topic.hasPrefix("$aws/rules/") else {
      basicIngestRule = nil
      return
    }
    let levels = topic.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
    self.topic = levels.count == 4 ? String(levels[3]) : ""
    basicIngestRule = levels.count > 2 ? String(levels[2]) : nil
  }
}
