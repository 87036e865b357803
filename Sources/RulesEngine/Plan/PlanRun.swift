import Glibc
import JSON
import Time

/// Runs plans, one message at a time, in memory that is reused. A message's values are valid until the next message.
struct PlanRun: ~Copyable {
  enum Outcome {
    /// WHERE rejected the message.
    case noMatch
    /// The outgoing payload was added to `output`.
    case output
    /// The plain evaluator must decide: the payload isn't JSON, or needs something that plans don't support.
    case unable
  }

  /// A longer text is left to the plain evaluator, which checks the limits exactly.
  static let textLimit = EvaluationLimits.bytes / 2

  var output = PlanBuffer()
  /// How many payloads were scanned.
  private(set) var scans = 0
  /// The values of the select list's members in the result, in the statement's order.
  var results: UnsafeMutablePointer<PlanValue>
  private var resultCapacity = 16

  var memory = PlanMemory()
  var scratch = PlanBuffer()
  private var copy = PlanBuffer()
  var slots: UnsafeMutablePointer<PayloadSlot>
  private var slotCapacity = 16
  private var nodes: UnsafeMutablePointer<JSONNode>
  private var nodeCapacity: Int
  private var nodeCount = 0
  private let noPaths = PathTree()
  var payload: PlanPayload
  private var variables: [PlanValue] = []
  var wides: [Number] = []
  private var memos = PlanTimeMemos()
  private let budget: Budget
  var version = SQLVersion.v2016
  /// Whether the run met something that plans don't support, so that its result is discarded.
  var isUnable = false

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
  }

  // MARK: A message

  /// Discards the output so far.
  mutating func clear() { output.truncate(0) }

  /// Adds a line to the output.
  mutating func add(line: [UInt8]) {
    output.append(line)
    output.append(0x0A)
  }

  /// Runs `plan` for each line of `block` as the payload of `message`, and adds each result as a line. If a line is
  /// longer than `limit` or the plan can't evaluate it, `otherwise` gives the result, if any. Returns the number of
  /// lines, including empty ones, which have no result.
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

  /// Calls `body` with each line that isn't empty, without its line ending. Returns the number of lines, including empty
  /// ones.
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

  /// Indexes a whole payload for `runIndexed`; returns false if it isn't JSON.
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

  /// The nodes of the payload that `index(_:)` read.
  var index: UnsafeBufferPointer<JSONNode> { UnsafeBufferPointer(start: nodes, count: nodeCount) }

  /// Runs `plan` for a message whose payload `index(_:)` read.
  mutating func runIndexed(_ plan: Plan, _ message: Message) -> Outcome {
    empty(plan.paths.slotCount)
    PayloadScanner(payload.text, payload.count, plan.paths, slots: slots, nodes: nodes).fill()
    return finish(plan, message)
  }

  /// Runs `plan` for a payload in the caller's memory, followed by `PayloadScanner.padding` readable bytes.
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

  /// Discards the previous message's values and sets the variables.
  private mutating func begin(_ plan: Plan, _ message: Message) {
    if plan.memberCount > resultCapacity {
      results.deallocate()
      resultCapacity = plan.memberCount
      results = .allocate(capacity: resultCapacity)
    }
    version = plan.version
    isUnable = false
    memos.shrink()
    memory.reset()
    budget.reset()
    if !wides.isEmpty { wides.removeAll(keepingCapacity: true) }
    if !variables.isEmpty { variables.removeAll(keepingCapacity: true) }
    for place in 0..<plan.variableCount {
      variables.append(value(plan.variables[place], plan, message))
    }
  }

  /// A template's text for the last message; nil if the plain evaluator must make it.
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

  // MARK: Operations

  mutating func value(_ index: Int, _ plan: Plan, _ message: Message) -> PlanValue {
    switch plan.operations[index] {
    case .literal(let value): return value
    case .wideLiteral(let place): return wide(plan.wideLiterals[place])
    case .slot(let slot): return value(of: slots[slot], plan.version)
    case .variable(let number): return variables[number]
    case .cast(let operand, let type): return cast(value(operand, plan, message), type, plan.version)
    case .castSlot(let place, let type):
      let slot = slots[place]
      if slot.kind == .string, !slot.isSpecial, type == .decimal || type == .int {
        let start = payload.text + Int(slot.start)
        let count = Int(slot.end - slot.start)
        if Self.isNumeral(start, count) {
          return type == .int
            ? whole(start, count)
            : .numeral(start, count: slot.end - slot.start, mayBeInt: plan.version == .v2016)
        }
      }
      return cast(value(of: slot, plan.version), type, plan.version)
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

  mutating func value(of slot: PayloadSlot, _ version: SQLVersion) -> PlanValue {
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
    let memo = memos.memo(of: format)
    guard memo.pointee.update(moment) else { return .undefined }
    guard memo.pointee.text.count <= Self.textLimit else {
      isUnable = true
      return .undefined
    }
    // Each operation has its own format and runs once per message, so the text stays valid for this message.
    return .text(
      UnsafePointer(memo.pointee.text.start), count: memo.pointee.text.count, isPlain: memo.pointee.isPlain)
  }

  // MARK: Operators

  private mutating func binary(
    _ operation: Expression.BinaryOperator, _ left: PlanValue, _ right: PlanValue, _ version: SQLVersion
  ) -> PlanValue {
    switch operation {
    case .isIn:
      // The compiler leaves IN to the evaluator.
      isUnable = true
      return .undefined
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

  /// `=`; nil if a side is Undefined.
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

  /// Negative, zero or positive if `left` is less than, equal to or greater than `right`; nil if either isn't a number.
  func order(_ left: PlanValue, _ right: PlanValue) -> Int? {
    guard let a = operand(of: left), let b = operand(of: right) else { return nil }
    if case .small(let small) = a, case .small(let other) = b,
      let (x, y, _) = PlanNumber.aligned(small, other)
    {
      return x < y ? -1 : x == y ? 0 : 1
    }
    let (x, y) = (Self.number(a).decimal, Self.number(b).decimal)
    return x == y ? 0 : x < y ? -1 : 1
  }
}
