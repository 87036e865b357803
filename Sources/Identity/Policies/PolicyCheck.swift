extension PolicyDocument {
  /// Why a request can't have this action, as part of a sentence; nil if it can.
  public static func problem(withAction action: String) -> String? {
    PolicyActions.problem(withRequested: action)
  }

  /// What a policy probably grants by mistake, and what can't work; for `policy check`.
  public var warnings: [String] {
    var warnings: [String] = []
    for statement in statements {
      for action in statement.actions {
        if let problem = PolicyActions.problem(with: action) {
          warnings.append("\(statement.name): \(problem)")
        }
      }
    }
    for statement in statements {
      let texts = statement.resources + statement.conditions.flatMap(\.values)
      for name in texts.flatMap(PolicyKeys.variables) + statement.conditions.map(\.key) {
        if let problem = PolicyKeys.problem(with: name) {
          let warning = "\(statement.name): \(problem)"
          if !warnings.contains(warning) { warnings.append(warning) }
        }
      }
      for condition in statement.conditions {
        for value in condition.values {
          guard let problem = condition.problem(with: value) else { continue }
          warnings.append("\(statement.name): '\(value)' for \(condition.key) \(problem)")
        }
      }
    }
    let allowing = statements.filter { $0.effect == .allow }
    for statement in allowing {
      for action in statement.actions
      where ["*", "iot:*"].contains(action.lowercased()) && !statement.excludesActions {
        warnings.append(
          "\(statement.name): '\(action)' allows every action; list the actions that the device needs")
      }
      if statement.excludesActions {
        warnings.append("\(statement.name): NotAction allows every action that it doesn't list")
      }
      if statement.excludesResources {
        warnings.append("\(statement.name): NotResource allows every resource that it doesn't list")
      }
      for resource in statement.resources where !statement.excludesResources {
        let last = PolicyDocument.Statement.lastPart(of: resource)
        switch last {
        case "*":
          warnings.append("\(statement.name): the resource '*' matches every client, topic and topic filter")
        case "client/*":
          warnings.append(
            "\(statement.name): a device may use any client identifier; use ${iot:Connection.Thing.ThingName}"
          )
        case "topic/*", "topicfilter/*": warnings.append("\(statement.name): '\(last)' matches every topic")
        default: break
        }
        if statement.covers(action: "iot:Publish"), last.hasPrefix("topic/"),
          last.contains("+") || last.contains("#")
        {
          warnings.append(
            "\(statement.name): '+' and '#' are plain characters in 'topic/…'; use '*' as the wildcard")
        }
        if statement.covers(action: "iot:Subscribe"), !statement.covers(action: "iot:Publish"),
          last.hasPrefix("topic/")
        {
          warnings.append("\(statement.name): iot:Subscribe applies to 'topicfilter/…', not 'topic/…'")
        }
        if statement.covers(action: "iot:Connect"), !statement.covers(action: "iot:Publish"),
          !last.hasPrefix("client/"), last != "*"
        {
          warnings.append("\(statement.name): iot:Connect applies to 'client/…'")
        }
      }
    }
    func allows(_ action: String) -> Bool { allowing.contains { $0.covers(action: action) } }
    if allows("iot:Subscribe"), !allows("iot:Receive") {
      warnings.append("iot:Subscribe without iot:Receive: no message will be delivered")
    }
    if allows("iot:Receive"), !allows("iot:Subscribe") {
      warnings.append("iot:Receive without iot:Subscribe: there is nothing to receive")
    }
    if !allows("iot:Connect") { warnings.append("iot:Connect is not allowed; another policy must allow it") }
    return warnings
  }
}
