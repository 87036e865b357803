/// The columns that a recording has before those of its messages' fields. No field of a message can have their names.
enum RecordingColumns {
  /// When the message arrived, epoch seconds in whole microseconds.
  static let time = "@time"
  /// The topic it was published to.
  static let topic = "@topic"
  /// The message in Base64 if it isn't a JSON object of fields, otherwise empty.
  static let payload = "@payload"
  /// All of them, in order.
  static let all = [time, topic, payload]
  /// An empty message, which Base64 would write as nothing at all.
  static let emptyPayload = "===="
}
