/// Values as Strings, in the run's memory.
extension PlanRun {
  /// A text in the run's memory.
  mutating func text(_ string: String) -> PlanValue {
    var string = string
    return string.withUTF8 { bytes in
      guard let source = bytes.baseAddress, !bytes.isEmpty else {
        return .text(UnsafePointer(memory.allocate(0)), count: 0, isPlain: true)
      }
      return copied(source, bytes.count)
    }
  }

  /// A level of a topic, counted from 1.
  mutating func level(_ level: Int, of topic: String) -> PlanValue {
    var topic = topic
    return topic.withUTF8 { bytes in
      var number = 1
      var start = 0
      for index in 0...bytes.count where index == bytes.count || bytes[index] == UInt8(ascii: "/") {
        if number == level {
          guard let source = bytes.baseAddress else { return text("") }
          return copied(source + start, index - start)
        }
        number += 1
        start = index + 1
      }
      return .undefined
    }
  }

  mutating func copied(_ source: UnsafePointer<UInt8>, _ count: Int) -> PlanValue {
    guard count <= Self.textLimit else {
      isUnable = true
      return .undefined
    }
    let start = memory.allocate(count)
    start.update(from: source, count: count)
    return .text(UnsafePointer(start), count: count, isPlain: false)
  }

  /// A value as a String; nil for null and Undefined.
  mutating func text(of value: PlanValue) -> (UnsafePointer<UInt8>, Int, Bool)? {
    if case .text(let start, let count, let isPlain) = value { return (start, count, isPlain) }
    let begin = scratch.count
    guard appendText(of: value) else {
      scratch.truncate(begin)
      return nil
    }
    let count = scratch.count - begin
    let made = copied(UnsafePointer(scratch.start + begin), count)
    scratch.truncate(begin)
    guard case .text(let start, _, _) = made else { return nil }
    return (start, count, false)
  }

  /// Appends a value as a String to `scratch`; false for null and Undefined.
  mutating func appendText(of value: PlanValue) -> Bool {
    switch value {
    case .undefined, .null: return false
    case .boolean(let flag): scratch.append((flag ? "true" : "false").utf8)
    case .numeral(let start, let count, let mayBeInt):
      if !PlanWriter.append(numeral: start, Int(count), withPoint: false, to: &scratch) {
        PlanWriter.append(Self.number(start, Int(count), mayBeInt: mayBeInt), withPoint: false, to: &scratch)
      }
    case .number(let number): PlanWriter.append(number, withPoint: false, to: &scratch)
    case .wide(let place): PlanWriter.append(wides[Int(place)].decimal, withPoint: false, to: &scratch)
    case .text(let start, let count, _): scratch.append(padded: start, count)
    case .container(let node):
      if case .unable = PlanWriter.append(
        node: Int(node), of: payload, version, depth: 0, to: &scratch)
      {
        isUnable = true
        return false
      }
    }
    return true
  }

  /// If an argument is an array, the result is an array, which only the evaluator makes; otherwise it is one String.
  mutating func concatenation(_ first: Int, _ count: Int, _ plan: Plan, _ message: Message)
    -> PlanValue
  {
    guard count > 0 else { return .undefined }
    let begin = scratch.count
    defer { scratch.truncate(begin) }
    var isUndefined = false
    for place in first..<first + count {
      let part = value(plan.lists[place], plan, message)
      // An array makes the result an array, whatever comes before it.
      if case .container(let node) = part, payload.nodes[Int(node)].kind == .array {
        isUnable = true
        return .undefined
      }
      if !isUndefined, !appendText(of: part) { isUndefined = true }
    }
    if isUndefined { return .undefined }
    return copied(UnsafePointer(scratch.start + begin), scratch.count - begin)
  }
}
