import Time

extension Functions {
  /// Functions on times; epoch times are whole milliseconds.
  static let times: [Function] = [
    Function("timestamp", 0...0) { _, evaluator in .int(evaluator.message.receivedMilliseconds) },
    parseTime,
    Function("time_to_epoch", 2...2, overhead: 512) { arguments, _ in
      guard let text = arguments[0].asString, let pattern = arguments[1].asString else { return .undefined }
      return TimePattern.epochMilliseconds(text, pattern).map { .int($0) } ?? .undefined
    },
  ]

  private static let parseTime: Function = {
    var function = Function("parse_time", 2...3, overhead: 512) { arguments, evaluator in
      guard let pattern = arguments[0].asString.flatMap(TimePattern.parts),
        let zone = zone(arguments.count == 3 ? arguments[2] : nil)
      else { return .undefined }
      return text(pattern, zone, arguments[1], evaluator)
    }
    function.specialized = { arguments in
      guard (2...3).contains(arguments.count), case .literal(let pattern) = arguments[0],
        let parts = pattern.asString.flatMap(TimePattern.parts)
      else { return nil }
      var zoneName: Value?
      if arguments.count == 3 {
        guard case .literal(let name) = arguments[2] else { return nil }
        zoneName = name
      }
      guard let zone = zone(zoneName) else { return nil }
      return { arguments, evaluator in text(parts, zone, arguments[1], evaluator) }
    }
    return function
  }()

  private static func zone(_ name: Value?) -> TimeZoneFile? {
    guard let name else { return TimeZoneFile.named("UTC") }
    return name.asString.flatMap(TimeZoneFile.named)
  }

  private static func text(
    _ pattern: [TimePattern.Part], _ zone: TimeZoneFile, _ time: Value, _ evaluator: Evaluator
  ) -> Value {
    guard evaluator.version == .v2016, let milliseconds = time.asIntegerArgument,
      milliseconds.magnitude < TimePattern.largestMilliseconds
    else { return .undefined }
    return TimePattern.text(pattern, milliseconds: milliseconds, zone: zone).map { .string($0) } ?? .undefined
  }
}
