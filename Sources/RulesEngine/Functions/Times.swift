extension Functions {
  /// Epoch times are whole milliseconds.
  static let times: [Function] = [
    Function("timestamp", 0...0) { _, evaluator in .int(evaluator.message.receivedMilliseconds) },
    Function("parse_time", 2...3) { arguments, evaluator in
      guard evaluator.version == .v2016, let pattern = arguments[0].asString,
        let milliseconds = arguments[1].asIntegerArgument, abs(milliseconds) < TimePattern.largestMilliseconds
      else { return .undefined }
      let zoneName = arguments.count == 3 ? arguments[2].asString : "UTC"
      guard let zone = zoneName.flatMap(TimeZoneFile.named) else { return .undefined }
      return TimePattern.text(pattern, milliseconds: milliseconds, zone: zone).map { .string($0) }
        ?? .undefined
    },
    Function("time_to_epoch", 2...2) { arguments, _ in
      guard let text = arguments[0].asString, let pattern = arguments[1].asString else { return .undefined }
      return TimePattern.epochMilliseconds(text, pattern).map { .int($0) } ?? .undefined
    },
  ]
}
