import MQTT

/// The topics on which the local broker's plugin answers questions: a message that is published there is delivered to nobody,
/// and is acknowledged for yes, refused like any message for no.
package enum BrokerQuestion {
  /// May I publish to this topic?
  package static func mayPublish(_ topic: TopicName) -> String { "$trucksensor/may-publish/\(topic.text)" }

  /// Is a client with this identifier connected? For the test client only.
  static func isConnected(_ identifier: String) -> String { "$trucksensor/is-connected/\(identifier)" }
}
