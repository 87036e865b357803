import Glibc
import JSON
import Time

/// Runs plans, for one message after the other, in memory that is used again. What it makes of a message is valid until the
/// next.
struct PlanRun: ~Copyable {
  enum Outcome {
    /// WHERE lets nothing through.
    case noMatch
    /// The outgoing payload was added to `output`.
    case output
    /// The plain evaluator must say: the payload isn't JSON, or has something that plans don't do.
    case unable
  }

  /// A text longer than this is left to the plain evaluator, which knows its limits exactly.
  private static let textLimit = EvaluationLimits.bytes / 2

  private(set) var output = PlanBuffer()
  /// How many payloads were scanned.
  private(set) var scans = 0
  /// The values of the select list's members in the result, in the statement's order.
  private var results: UnsafeMutablePointer<PlanValue>
  private var resultCapacity = 16

  private var memory = PlanMemory()
  private var scratch = PlanBuffer()
  private var copy = PlanBuffer()
  private var slots: UnsafeMutablePointer<PayloadSlot>
  private var slotCapacity = 16
  private var nodes: UnsafeMutablePointer<JSONNode>
  private var nodeCapacity: Int
  private var nodeCount = 0
  private let noPaths = PathTree()
  private var payload: PlanPayload
  private var variables: [PlanValue] = []
  private var wides: [Number] = []
  /// By their formats.
  private var memos: [UnsafeMutableRawPointer: UnsafeMutablePointer<PlanTimeMemo>] = [:]
  private var lastFormat: UnsafeMutableRawPointer?
  private var lastMemo: UnsafeMutablePointer<PlanTimeMemo>?
  private let budget: Budget
  private var version = SQLVersion.v2016
  /// Whether something came that plans don't do: what is left of the run counts for nothing.
  private var isUnable = false
  /// The time formats whose texts are kept.
  private static let memoLimit = 1000

  init() {
    slots = .allocate(capacity: slotCapacity)
    results = .allocate(capacity: resultCapacity)
    nodeCapacity = PayloadScanner.nodeLimit(1024)
    nodes = .allocate(capacity: nodeCapacity)
    payload = PlanPayload(text: UnsafePointer(copy.start), count: 0, nodes: UnsafePointer(nodes))
    budget = Budget()
  }

  deinit {
    slots.deallocate()
    nodes.deallocate()
    results.deallocate()
    Self.free(memos)
  }

  // MARK: A message

  /// Forgets the output so far.
  mutating func clear() { output.truncate(0) }

  /// Adds a line to the output.
  mutating func add(line: [UInt8]) {
    output.append(line)
    output.append(0x0A)
  }

  /// Runs `plan` for each line of `block` as the payload of `message`, and adds their results as lines; of a line that is
  /// longer than `limit` or that the plan is unable to do, `otherwise` gives the result, if it has one. Returns the number
  /// of lines; empty ones have no result.
  mutating func run(
    _ plan: Plan, _ message: Message, lines block: UnsafeBufferPointer<UInt8>, limit: Int,
    otherwise: (_ number: Int, UnsafeBufferPointer<UInt8>) -> [UInt8]?
  ) -> Int {
    Self.forEachLine(of: block) { number, start, length in
      switch length <= limit ? run(plan, message, start, length) : .unable {
      case .noMatch: break
      case .output: output.append(0x0A)
      case .unable:
        if let line = otherwise(number, UnsafeBufferPointer(start: start, count: length)) { add(line: line) }
      }
    }
  }

  /// Calls `body` with the place of each line that isn't empty, without its end; returns the number of lines.
  @inline(__always)
  static func forEachLine(
    of block: UnsafeBufferPointer<UInt8>, _ body: (_ number: Int, UnsafePointer<UInt8>, _ count: Int) -> Void
  ) -> Int {
    guard let start = block.baseAddress else { return 0 }
    var number = 0
    var index = 0
    while index < block.count {
      let found = memchr(start + index, 0x0A, block.count - index)
      let end = found.map { UnsafeRawPointer($0) - UnsafeRawPointer(start) } ?? block.count
      let length = end > index && start[end - 1] == 0x0D ? end - 1 - index : end - index
      if length > 0 { body(number, start + index, length) }
      number += 1
      index = end + 1
    }
    return number
  }

  /// Runs `plan` for a message whose payload isn't too long.
  mutating func run(_ plan: Plan, _ message: Message) -> Outcome {
    copy.truncate(0)
    copy.append(message.payload)
    return run(plan, message, UnsafePointer(copy.start), copy.count)
  }

  /// Reads a payload whole, for `runIndexed`; false if it isn't JSON.
  mutating func index(_ text: [UInt8]) -> Bool {
    copy.truncate(0)
    copy.append(text)
    reserve(nodes: copy.count)
    payload = PlanPayload(text: UnsafePointer(copy.start), count: copy.count, nodes: UnsafePointer(nodes))
    scans += 1
    var scanner = PayloadScanner(
      payload.text, payload.count, noPaths, slots: slots, nodes: nodes, indexes: true)
    guard scanner.scan() else { return false }
    nodeCount = scanner.nodeCount
    return true
  }

  /// The nodes of the payload that was read by `index`.
  var index: UnsafeBufferPointer<JSONNode> { UnsafeBufferPointer(start: nodes, count: nodeCount) }

  /// Runs `plan` for a message whose payload was read by `index`.
  mutating func runIndexed(_ plan: Plan, _ message: Message) -> Outcome {
    empty(plan.paths.slotCount)
    PayloadScanner(payload.text, payload.count, plan.paths, slots: slots, nodes: nodes).fill()
    return finish(plan, message)
  }

  /// The same for a payload elsewhere, with `PayloadScanner.padding` readable bytes behind it.
  mutating func run(_ plan: Plan, _ message: Message, _ text: UnsafePointer<UInt8>, _ count: Int) -> Outcome {
    guard read(plan, text, count) else { return .unable }
    return finish(plan, message)
  }

  /// Runs `plan` over its slots.
  private mutating func finish(_ plan: Plan, _ message: Message) -> Outcome {
    let start = output.count
    begin(plan, message)
    if let condition = plan.condition, boolean(value(condition, plan, message)) != true {
      return isUnable || budget.excess != nil ? .unable : .noMatch
    }
    write(plan, message)
    guard !isUnable, budget.excess == nil, output.count - start <= Self.textLimit else {
      output.truncate(start)
      return .unable
    }
    return .output
  }

  private mutating func empty(_ count: Int) {
    if count > slotCapacity {
      slots.deallocate()
      slotCapacity = count
      slots = .allocate(capacity: count)
    }
    slots.initialize(repeating: PayloadSlot(), count: count)
  }

  private mutating func reserve(nodes count: Int) {
    let limit = PayloadScanner.nodeLimit(count)
    guard limit > nodeCapacity else { return }
    nodes.deallocate()
    nodeCapacity = limit
    nodes = .allocate(capacity: limit)
  }

  private mutating func read(_ plan: Plan, _ text: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    empty(plan.paths.slotCount)
    reserve(nodes: count)
    payload = PlanPayload(text: text, count: count, nodes: UnsafePointer(nodes))
    scans += 1
    var scanner = PayloadScanner(text, count, plan.paths, slots: slots, nodes: nodes)
    return scanner.scan()
  }

  /// Forgets the values of the message before, and sets the variables.
  private mutating func begin(_ plan: Plan, _ message: Message) {
    if plan.memberCount > resultCapacity {
      results.deallocate()
      resultCapacity = plan.memberCount
      results = .allocate(capacity: resultCapacity)
    }
    version = plan.version
    isUnable = false
    if memos.count > Self.memoLimit { forgetMemos() }
    memory.reset()
    budget.reset()
    if !wides.isEmpty { wides.removeAll(keepingCapacity: true) }
    if !variables.isEmpty { variables.removeAll(keepingCapacity: true) }
    for place in 0..<plan.variableCount {
      variables.append(value(plan.variables[place], plan, message))
    }
  }

  /// The text of a template for the message that was run last; nil if the plain evaluator must say.
  mutating func text(_ parts: [Plan.TemplatePart], _ plan: Plan, _ message: Message) -> String? {
    var result = ""
    for part in parts {
      switch part {
      case .text(let text): result += text
      case .operation(let operation):
        if let (start, count, _) = text(of: value(operation, plan, message)) {
          result += String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
        }
      }
      if isUnable || budget.excess != nil || result.utf8.count > Self.textLimit { return nil }
    }
    return result
  }

  // MARK: The result

  private mutating func write(_ plan: Plan, _ message: Message) {
    switch plan.output {
    case .value(let operation):
      let result = value(operation, plan, message)
      results[0] = result
      _ = write(result, plan.version, depth: 0)
    case .members(row: nil):
      output.append(UInt8(ascii: "{"))
      let start = output.count
      for place in 0..<plan.memberCount {
        let member = value(plan.members[place].operation, plan, message)
        results[place] = member
        let length = output.count
        if length > start { output.append(UInt8(ascii: ",")) }
        output.append(padded: plan.members[place].key, plan.members[place].keyCount)
        if !write(member, plan.version, depth: 1) { output.truncate(length) }
      }
      output.append(UInt8(ascii: "}"))
    case .members(let row?): writeRow(value(row, plan, message), plan, message)
    }
  }

  /// The attributes of the row with what the select list adds: a name that is there already keeps its place.
  private mutating func writeRow(_ row: PlanValue, _ plan: Plan, _ message: Message) {
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

  /// The place in the select list of a key without escapes.
  private func place(of key: JSONNode, _ plan: Plan) -> Int? {
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

  /// False if the value is Undefined.
  private mutating func write(_ value: PlanValue, _ version: SQLVersion, depth: Int) -> Bool {
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
    case .members(row: nil): break
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

  /// A result as the plain evaluator has it.
  private func value(_ result: PlanValue, _ version: SQLVersion) -> Value {
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

  // MARK: Operations

  private mutating func value(_ index: Int, _ plan: Plan, _ message: Message) -> PlanValue {
    switch plan.operations[index] {
    case .literal(let value): return value
    case .wideLiteral(let place): return wide(plan.wideLiterals[place])
    case .slot(let slot): return value(of: slots[slot], plan.version)
    case .variable(let number): return variables[number]
    case .cast(let operand, let type): return cast(value(operand, plan, message), type, plan.version)
    case .negate(let operand):
      guard let number = self.operand(of: value(operand, plan, message)) else { return .undefined }
      switch number {
      case .small(let number) where number.coefficient != .min:
        return .number(
          PlanNumber(
            -number.coefficient, number.exponent, mayBeInt: plan.version == .v2016 || number.isInt))
      default:
        let number = Self.number(number)
        return self.number(-number.decimal, isInt: number.isInt, plan.version)
      }
    case .not(let operand):
      return boolean(value(operand, plan, message)).map { .boolean(!$0) } ?? .undefined
    case .binary(let operation, let left, let right):
      let a = value(left, plan, message)
      return binary(operation, a, value(right, plan, message), plan.version)
    case .choice(let subject, let first, let count, let otherwise):
      let subject = value(subject, plan, message)
      if subject.isUndefined { return .undefined }
      for pair in 0..<count {
        let when = value(plan.lists[first + 2 * pair], plan, message)
        if isEqual(subject, when) == true { return value(plan.lists[first + 2 * pair + 1], plan, message) }
      }
      return otherwise < 0 ? .undefined : value(otherwise, plan, message)
    case .topic: return text(message.topic)
    case .topicLevel(let level):
      return self.level(level, of: message.topic)
    case .clientID: return message.clientID.map { text($0) } ?? .undefined
    case .timestamp:
      return .number(
        PlanNumber(Int64(message.receivedMilliseconds), 0, mayBeInt: true))
    case .isNull(let operand):
      if case .null = value(operand, plan, message) { return .boolean(true) }
      return .boolean(false)
    case .isUndefined(let operand): return .boolean(value(operand, plan, message).isUndefined)
    case .alternative(let first, let second, let orNull):
      let value = value(first, plan, message)
      switch value {
      case .undefined: return self.value(second, plan, message)
      case .null where orNull: return self.value(second, plan, message)
      default: return value
      }
    case .parseTime(let format, let operand):
      return time(value(operand, plan, message), format)
    case .concatenation(let first, let count):
      return concatenation(first, count, plan, message)
    case .call(let function, let first, let count):
      var values: [Value] = []
      for place in first..<first + count {
        guard let argument = argument(value(plan.lists[place], plan, message)) else {
          isUnable = true
          return .undefined
        }
        values.append(argument)
      }
      let evaluator = Evaluator(
        message: message, version: plan.version, row: .payload(nil), budget: budget)
      return value(of: evaluator.apply(plan.functions[function], values), plan.version)
    }
  }

  private mutating func value(of slot: PayloadSlot, _ version: SQLVersion) -> PlanValue {
    switch slot.kind {
    case nil: return .undefined
    case .null: return .null
    case .yes: return .boolean(true)
    case .no: return .boolean(false)
    case .array, .object: return .container(slot.node)
    case .string:
      if slot.isSpecial {
        return text(
          payload.string(
            JSONNode(kind: .string, isSpecial: true, start: slot.start, end: slot.end, next: 0)))
      }
      return .text(payload.text + Int(slot.start), count: Int(slot.end - slot.start), isPlain: true)
    case .number:
      let mayBeInt = version == .v2016 || !slot.isSpecial
      let length = slot.end - slot.start
      if length <= 18, !slot.hasExponent {
        return .numeral(payload.text + Int(slot.start), count: length, mayBeInt: mayBeInt)
      }
      let text = UnsafeBufferPointer(start: payload.text + Int(slot.start), count: Int(length))
      return number(Decimal34(text), isInt: mayBeInt, version)
    }
  }

  private mutating func time(_ value: PlanValue, _ format: Unmanaged<PlanTimeFormat>) -> PlanValue {
    guard let operand = self.operand(of: value) else { return .undefined }
    let moment: Int
    switch operand {
    case .small(let number): moment = Int(number.floor)
    case .large(let number): moment = number.decimal.floorInt
    }
    guard moment.magnitude < TimePattern.largestMilliseconds else { return .undefined }
    let memo = memo(of: format)
    guard memo.pointee.update(moment) else { return .undefined }
    guard memo.pointee.text.count <= Self.textLimit else {
      isUnable = true
      return .undefined
    }
    // An operation has its own format, and is done once for a message: until then the text stays.
    return .text(
      UnsafePointer(memo.pointee.text.start), count: memo.pointee.text.count, isPlain: memo.pointee.isPlain)
  }

  @inline(__always)
  private mutating func memo(of format: Unmanaged<PlanTimeFormat>) -> UnsafeMutablePointer<PlanTimeMemo> {
    let key = format.toOpaque()
    if key == lastFormat, let lastMemo { return lastMemo }
    let memo = found(format)
    (lastFormat, lastMemo) = (key, memo)
    return memo
  }

  private mutating func found(_ format: Unmanaged<PlanTimeFormat>) -> UnsafeMutablePointer<PlanTimeMemo> {
    let key = format.toOpaque()
    if let memo = memos[key] { return memo }
    let memo = UnsafeMutablePointer<PlanTimeMemo>.allocate(capacity: 1)
    // It keeps its format, so that no other has the same address.
    memo.initialize(to: PlanTimeMemo(format.takeUnretainedValue()))
    memos[key] = memo
    return memo
  }

  private mutating func forgetMemos() {
    Self.free(memos)
    memos.removeAll()
    lastFormat = nil
  }

  private static func free(_ memos: [UnsafeMutableRawPointer: UnsafeMutablePointer<PlanTimeMemo>]) {
    for memo in memos.values {
      memo.deinitialize(count: 1)
      memo.deallocate()
    }
  }

  // MARK: Conversions

  /// As a number, with strings that are one as Decimals.
  @inline(__always)
  private func operand(of value: PlanValue) -> PlanOperand? {
    switch value {
    case .numeral(let start, let count, let mayBeInt):
      return .small(Self.number(start, Int(count), mayBeInt: mayBeInt))
    case .number(let number): return .small(number)
    case .wide(let place): return .large(wides[Int(place)])
    case .text(let start, let count, _):
      if Self.isNumeral(start, count) { return .small(Self.number(start, count, mayBeInt: false)) }
      return Self.decimal(start, count).map { .large(Number(decimal: $0, isInt: false)) }
    default: return nil
    }
  }

  private static func number(_ operand: PlanOperand) -> Number {
    switch operand {
    case .small(let number): number.number
    case .large(let number): number
    }
  }

  /// A numeral's number.
  @inline(__always)
  private static func number(_ start: UnsafePointer<UInt8>, _ count: Int, mayBeInt: Bool) -> PlanNumber {
    var value: Int64 = 0
    let isNegative = start[0] == UInt8(ascii: "-")
    var index = isNegative ? 1 : 0
    while index < count, start[index] != UInt8(ascii: ".") {
      value = value &* 10 &+ Int64(start[index] &- UInt8(ascii: "0"))
      index += 1
    }
    let places = max(0, count - index - 1)
    index += 1
    while index < count {
      value = value &* 10 &+ Int64(start[index] &- UInt8(ascii: "0"))
      index += 1
    }
    return PlanNumber(
      isNegative ? -value : value, -Int32(truncatingIfNeeded: places), mayBeInt: mayBeInt)
  }

  /// Whether a string is a number that a machine integer holds, without an exponent.
  @inline(__always)
  private static func isNumeral(_ start: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    let first = count > 0 && start[0] == UInt8(ascii: "-") ? 1 : 0
    guard count > first, count - first <= 18, start[first] != UInt8(ascii: "."),
      start[count - 1] != UInt8(ascii: ".")
    else { return false }
    var points = 0
    for index in first..<count where start[index] &- UInt8(ascii: "0") >= 10 {
      guard start[index] == UInt8(ascii: ".") else { return false }
      points += 1
    }
    return points <= 1
  }

  /// A string's number, as the evaluator reads it.
  private static func decimal(_ start: UnsafePointer<UInt8>, _ count: Int) -> Decimal34? {
    let text = UnsafeBufferPointer(start: start, count: count)
    return text.contains(UInt8(ascii: "+")) ? nil : Decimal34(text)
  }

  private mutating func wide(_ number: Number) -> PlanValue {
    wides.append(number)
    return .wide(Int32(truncatingIfNeeded: wides.count - 1))
  }

  /// A result, as `Evaluator.number` makes it.
  private mutating func number(_ decimal: Decimal34?, isInt: Bool, _ version: SQLVersion) -> PlanValue {
    guard let decimal else { return .undefined }
    return wide(
      Number(decimal: decimal, isInt: (version == .v2016 || isInt) && decimal.isWhole))
  }

  @inline(__always)
  private func boolean(_ value: PlanValue) -> Bool? {
    switch value {
    case .boolean(let flag): return flag
    case .text(let start, 4, _):
      return Self.isWord(start, [0x74, 0x72, 0x75, 0x65]) ? true : nil
    case .text(let start, 5, _):
      return Self.isWord(start, [0x66, 0x61, 0x6C, 0x73, 0x65]) ? false : nil
    default: return nil
    }
  }

  private static func isWord(_ start: UnsafePointer<UInt8>, _ letters: [UInt8]) -> Bool {
    letters.indices.allSatisfy { start[$0] | 0x20 == letters[$0] }
  }

  private mutating func cast(_ value: PlanValue, _ type: Expression.CastType, _ version: SQLVersion)
    -> PlanValue
  {
    switch type {
    case .string: return text(of: value).map { .text($0, count: $1, isPlain: $2) } ?? .undefined
    case .boolean:
      switch value {
      case .numeral, .number, .wide:
        return operand(of: value).map { .boolean(!Self.isZero($0)) } ?? .undefined
      default: return boolean(value).map { .boolean($0) } ?? .undefined
      }
    case .int:
      switch value {
      case .boolean(let flag): return .number(PlanNumber(flag ? 1 : 0, 0, mayBeInt: true))
      case .text(let start, let count, _) where Self.isNumeral(start, count):
        return whole(start, count)
      case .numeral(let start, let count, _): return whole(start, Int(count))
      default:
        switch operand(of: value) {
        case nil: return .undefined
        case .small(let number)?: return .number(PlanNumber(number.floor, 0, mayBeInt: true))
        case .large(let number)?: return self.number(number.decimal.rounded(.down), isInt: true, version)
        }
      }
    case .decimal:
      let mayBeInt = version == .v2016
      switch value {
      case .boolean(let flag): return .number(PlanNumber(flag ? 1 : 0, 0, mayBeInt: mayBeInt))
      case .numeral(let start, let count, _): return .numeral(start, count: count, mayBeInt: mayBeInt)
      case .text(let start, let count, _) where Self.isNumeral(start, count):
        return .numeral(start, count: Int32(truncatingIfNeeded: count), mayBeInt: mayBeInt)
      default:
        switch operand(of: value) {
        case nil: return .undefined
        case .small(let number)?:
          return .number(PlanNumber(number.coefficient, number.exponent, mayBeInt: mayBeInt))
        case .large(let number)?: return self.number(number.decimal, isInt: false, version)
        }
      }
    }
  }

  private static func isZero(_ operand: PlanOperand) -> Bool {
    switch operand {
    case .small(let number): number.coefficient == 0
    case .large(let number): number.decimal.isZero
    }
  }

  /// A numeral rounded down.
  private func whole(_ start: UnsafePointer<UInt8>, _ count: Int) -> PlanValue {
    for index in 0..<count where start[index] == UInt8(ascii: ".") {
      return .number(
        PlanNumber(Self.number(start, count, mayBeInt: true).floor, 0, mayBeInt: true))
    }
    return .numeral(start, count: Int32(truncatingIfNeeded: count), mayBeInt: true)
  }

  // MARK: Texts

  /// A text in the run's memory.
  private mutating func text(_ string: String) -> PlanValue {
    var string = string
    return string.withUTF8 { bytes in
      guard let source = bytes.baseAddress, !bytes.isEmpty else {
        return .text(UnsafePointer(memory.allocate(0)), count: 0, isPlain: true)
      }
      return copied(source, bytes.count)
    }
  }

  /// A level of a topic, counted from 1.
  private mutating func level(_ level: Int, of topic: String) -> PlanValue {
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

  private mutating func copied(_ source: UnsafePointer<UInt8>, _ count: Int) -> PlanValue {
    guard count <= Self.textLimit else {
      isUnable = true
      return .undefined
    }
    let start = memory.allocate(count)
    start.update(from: source, count: count)
    return .text(UnsafePointer(start), count: count, isPlain: false)
  }

  /// A value as a String; nil for null and Undefined.
  private mutating func text(of value: PlanValue) -> (UnsafePointer<UInt8>, Int, Bool)? {
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
  private mutating func appendText(of value: PlanValue) -> Bool {
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

  /// With an array among the arguments all become one array, which is the evaluator's; else all become one String.
  private mutating func concatenation(_ first: Int, _ count: Int, _ plan: Plan, _ message: Message)
    -> PlanValue
  {
    guard count > 0 else { return .undefined }
    let begin = scratch.count
    defer { scratch.truncate(begin) }
    for place in first..<first + count {
      let part = value(plan.lists[place], plan, message)
      if case .container(let node) = part, payload.nodes[Int(node)].kind == .array {
        isUnable = true
        return .undefined
      }
      guard appendText(of: part) else { return .undefined }
    }
    return copied(UnsafePointer(scratch.start + begin), scratch.count - begin)
  }

  // MARK: Operators

  private mutating func binary(
    _ operation: Expression.BinaryOperator, _ left: PlanValue, _ right: PlanValue, _ version: SQLVersion
  ) -> PlanValue {
    switch operation {
    case .or, .and:
      guard let a = boolean(left), let b = boolean(right) else { return .undefined }
      return .boolean(operation == .or ? a || b : a && b)
    case .equal: return isEqual(left, right).map { .boolean($0) } ?? .undefined
    case .unequal: return isEqual(left, right).map { .boolean(!$0) } ?? .undefined
    case .less: return order(left, right).map { .boolean($0 < 0) } ?? .undefined
    case .lessOrEqual: return order(left, right).map { .boolean($0 <= 0) } ?? .undefined
    case .greater: return order(left, right).map { .boolean($0 > 0) } ?? .undefined
    case .greaterOrEqual: return order(left, right).map { .boolean($0 >= 0) } ?? .undefined
    case .add:
      switch (left, right) {
      case (.text, _), (_, .text):
        let begin = scratch.count
        defer { scratch.truncate(begin) }
        guard appendText(of: left), appendText(of: right) else { return .undefined }
        return copied(UnsafePointer(scratch.start + begin), scratch.count - begin)
      default: return arithmetic(operation, left, right, version)
      }
    case .subtract, .multiply, .divide, .remainder: return arithmetic(operation, left, right, version)
    }
  }

  private mutating func arithmetic(
    _ operation: Expression.BinaryOperator, _ left: PlanValue, _ right: PlanValue, _ version: SQLVersion
  ) -> PlanValue {
    guard let a = operand(of: left), let b = operand(of: right) else { return .undefined }
    if case .small(let small) = a, case .small(let other) = b {
      let mayBeInt = version == .v2016 || (small.isInt && other.isInt)
      if let result = PlanNumber.arithmetic(operation, small, other, mayBeInt: mayBeInt) {
        return .number(result)
      }
    }
    let (x, y) = (Self.number(a), Self.number(b))
    return number(x.arithmetic(operation, y), isInt: x.isInt && y.isInt, version)
  }

  /// `=`: nil where a side is Undefined.
  private mutating func isEqual(_ left: PlanValue, _ right: PlanValue) -> Bool? {
    switch (left, right) {
    case (.undefined, _), (_, .undefined): return nil
    case (.null, .null): return true
    case (.boolean(let a), .boolean(let b)): return a == b
    case (.text(let a, let count, _), .text(let b, let other, _)):
      return count == other && memcmp(a, b, count) == 0
    case (.container, .container):
      isUnable = true
      return nil
    case (.numeral, _), (.number, _), (.wide, _):
      switch right {
      case .numeral, .number, .wide: return order(left, right).map { $0 == 0 }
      default: return false
      }
    default: return false
    }
  }

  /// Below, at or above zero as `left` is to `right`; nil where one isn't a number.
  private func order(_ left: PlanValue, _ right: PlanValue) -> Int? {
    guard let a = operand(of: left), let b = operand(of: right) else { return nil }
    if case .small(let small) = a, case .small(let other) = b,
      let (x, y, _) = PlanNumber.aligned(small, other)
    {
      return x < y ? -1 : x == y ? 0 : 1
    }
    let (x, y) = (Self.number(a).decimal, Self.number(b).decimal)
    return x == y ? 0 : x < y ? -1 : 1
  }

  // MARK: The evaluator's values

  /// A value as functions take it, arrays and objects as their JSON; nil if the plan can't.
  private mutating func argument(_ value: PlanValue) -> Value? {
    guard case .container = value else { return self.value(value, version) }
    guard let (start, count, _) = text(of: value) else { return nil }
    return .string(String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self))
  }

  /// A function's result.
  private mutating func value(of value: Value, _ version: SQLVersion) -> PlanValue {
    switch value {
    case .undefined: return .undefined
    case .null: return .null
    case .boolean(let flag): return .boolean(flag)
    case .number(let number): return PlanNumber(number).map { .number($0) } ?? wide(number)
    case .string(let string): return text(string)
    case .array, .object, .bytes:
      isUnable = true
      return .undefined
    }
  }
}
