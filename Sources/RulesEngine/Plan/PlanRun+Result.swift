import Glibc
import JSON

/// The outgoing payload, and its values for the rule's actions.
extension PlanRun {
  mutating func write(_ plan: Plan, _ message: Message) {
    switch plan.output {
    case .value(let operation):
      let result = value(operation, plan, message)
      results[0] = result
      _ = write(result, plan.version, depth: 0)
    case .members(row: nil):
      var step = 0
      writeObject(&step, depth: 1, plan, message)
    case .members(let row?): writeRow(value(row, plan, message), plan, message)
    }
  }

  /// Writes the object whose layout begins at `step`, up to its end; its values are `depth` containers deep.
  mutating func writeObject(_ step: inout Int, depth: Int, _ plan: Plan, _ message: Message) {
    output.append(UInt8(ascii: "{"))
    let start = output.count
    while true {
      let length = output.count
      let next = plan.layout[step]
      step += 1
      switch next {
      case .member(let place):
        let member = plan.members[place]
        let value = value(member.operation, plan, message)
        results[place] = value
        if length > start { output.append(UInt8(ascii: ",")) }
        output.append(padded: member.key, member.keyCount)
        if !write(value, plan.version, depth: depth) { output.truncate(length) }
      case .open(let key, let count):
        if length > start { output.append(UInt8(ascii: ",")) }
        output.append(padded: key, count)
        writeObject(&step, depth: depth + 1, plan, message)
      case .close:
        output.append(UInt8(ascii: "}"))
        return
      }
    }
  }

  /// Writes the row's attributes and what the select list adds; a name that already exists keeps its place.
  mutating func writeRow(_ row: PlanValue, _ plan: Plan, _ message: Message) {
    for place in 0..<plan.memberCount {
      results[place] = value(plan.members[place].operation, plan, message)
    }
    var written: UInt64 = 0
    output.append(UInt8(ascii: "{"))
    let start = output.count
    if case .container(let node) = row, payload.nodes[Int(node)].kind == .object {
      let payload = payload
      let isWhole = PlanWriter.forEachMember(of: Int(node), payload) { key, value in
        let length = output.count
        PlanWriter.append(key: payload.nodes[key], of: payload, isFirst: length == start, to: &output)
        if let place = place(of: payload.nodes[key], plan) {
          written |= 1 << UInt64(truncatingIfNeeded: place)
          if !write(results[place], plan.version, depth: 1) { output.truncate(length) }
          return true
        }
        switch PlanWriter.append(node: value, of: payload, plan.version, depth: 1, to: &output) {
        case .written: return true
        case .undefined:
          output.truncate(length)
          return true
        case .unable: return false
        }
      }
      guard isWhole else {
        isUnable = true
        return
      }
    }
    for place in 0..<plan.memberCount where written & 1 << UInt64(truncatingIfNeeded: place) == 0 {
      let length = output.count
      if length > start { output.append(UInt8(ascii: ",")) }
      output.append(padded: plan.members[place].key, plan.members[place].keyCount)
      if !write(results[place], plan.version, depth: 1) { output.truncate(length) }
    }
    output.append(UInt8(ascii: "}"))
  }

  /// The index in the select list of a key that has no escapes; nil if no member has that name.
  func place(of key: JSONNode, _ plan: Plan) -> Int? {
    let prefix = PlanWriter.prefix(key, payload)
    let length = Int(key.end - key.start)
    for place in 0..<plan.memberCount
    where plan.members[place].prefix == prefix && plan.members[place].nameCount == length {
      if length <= 8 || memcmp(payload.text + Int(key.start), plan.members[place].name, length) == 0 {
        return place
      }
    }
    return nil
  }

  /// Writes a value; returns false if it is Undefined.
  mutating func write(_ value: PlanValue, _ version: SQLVersion, depth: Int) -> Bool {
    switch value {
    case .undefined: return false
    case .null: output.append("null".utf8)
    case .boolean(let flag): output.append((flag ? "true" : "false").utf8)
    case .text(let start, let count, let isPlain):
      PlanWriter.append(text: start, count, isPlain: isPlain, to: &output)
    case .container(let node):
      if case .unable = PlanWriter.append(node: Int(node), of: payload, version, depth: depth, to: &output) {
        isUnable = true
      }
    case .numeral(let start, let count, let mayBeInt):
      if !PlanWriter.append(numeral: start, Int(count), withPoint: !mayBeInt, to: &output) {
        PlanWriter.append(
          Self.number(start, Int(count), mayBeInt: mayBeInt), withPoint: !mayBeInt, to: &output)
      }
    case .number(let number): PlanWriter.append(number, withPoint: !number.isInt, to: &output)
    case .wide(let place):
      let number = wides[Int(place)]
      PlanWriter.append(number.decimal, withPoint: !number.isInt, to: &output)
    }
    return true
  }

  /// The result's attributes with their values, if the last run's result is an object.
  mutating func attributes(_ plan: Plan) -> [(name: String, value: Value)]? {
    var attributes: [(name: String, value: Value)] = []
    func add(_ name: String, _ value: Value) { if !value.isUndefined { attributes.append((name, value)) } }
    var row: PlanValue = .undefined
    switch plan.output {
    case .members(row: nil) where plan.isFlat:
      attributes.reserveCapacity(plan.memberCount)
      for (place, name) in plan.names.enumerated() { add(name, value(results[place], plan.version)) }
      return attributes
    case .members(row: nil):
      var step = 0
      let object = object(&step, plan)
      return zip(object.keys, object.values).filter { !$1.isUndefined }.map { ($0, $1) }
    case .members(let operation?):
      if case .slot(let slot) = plan.operations[operation] { row = value(of: slots[slot], plan.version) }
    case .value: row = results[0]
    }
    var isWritten = [Bool](repeating: false, count: plan.names.count)
    if case .container(let node) = row, payload.nodes[Int(node)].kind == .object {
      let payload = payload
      let isWhole = PlanWriter.forEachMember(of: Int(node), payload) { key, value in
        let name = payload.string(payload.nodes[key])
        if let place = place(of: payload.nodes[key], plan) {
          isWritten[place] = true
          add(name, self.value(results[place], plan.version))
        } else {
          add(name, payload.value(of: value, plan.version))
        }
        return true
      }
      guard isWhole else { return nil }
    } else if case .value = plan.output {
      return nil
    }
    for (place, name) in plan.names.enumerated() where !isWritten[place] {
      add(name, value(results[place], plan.version))
    }
    return attributes
  }

  /// The object whose layout begins at `step`, as the plain evaluator represents it.
  func object(_ step: inout Int, _ plan: Plan) -> ObjectValue {
    var object = ObjectValue()
    while true {
      let next = plan.layout[step]
      step += 1
      switch next {
      case .member(let place): object.set(plan.names[place], value(results[place], plan.version))
      case .open(let key, let count):
        // `"name":`
        let node = JSONNode(
          kind: .string, isSpecial: true, start: 1, end: Int32(truncatingIfNeeded: count - 2), next: 0)
        let name = JSONText.unescaped(node, of: UnsafeBufferPointer(start: key, count: count))
        object.set(name, .object(self.object(&step, plan)))
      case .close: return object
      }
    }
  }

  /// A result as the plain evaluator represents it.
  func value(_ result: PlanValue, _ version: SQLVersion) -> Value {
    switch result {
    case .undefined: .undefined
    case .null: .null
    case .boolean(let flag): .boolean(flag)
    case .numeral(let start, let count, let mayBeInt):
      .number(Self.number(start, Int(count), mayBeInt: mayBeInt).number)
    case .number(let number): .number(number.number)
    case .wide(let place): .number(wides[Int(place)])
    case .text(let start, let count, _):
      .string(String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self))
    case .container(let node): payload.value(of: Int(node), version)
    }
  }
}
