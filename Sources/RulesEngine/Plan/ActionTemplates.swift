extension Action {
  /// The substitution templates that a plan evaluates with its statement, from the same read of the payload.
  var templates: [Template] {
    let all: [Template?]
    switch self {
    case .republish(let action):
      let headers = action.headers
      all =
        [
          action.topic, headers.payloadFormatIndicator, headers.contentType, headers.responseTopic,
          headers.correlationData, headers.messageExpiry,
        ] + headers.userProperties.flatMap { [$0.name, $0.value] }
    case .timestream(let action):
      all = [action.database, action.table, action.timestamp] + action.dimensions.map(\.value)
    default: all = []
    }
    return all.compactMap { $0 }.filter { !$0.isConstant }
  }
}
