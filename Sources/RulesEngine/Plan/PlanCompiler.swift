import JSON
import Numbers
import Time

/// Builds the tables of a plan from a statement's syntax tree.
struct PlanCompiler {
  /// An operation, or a path, which gets its slot once all paths are known.
  enum Step {
    case operation(Plan.Operation)
    case path([String])
  }

  /// The compiled parts of a statement; an operation is given by its index.
  struct Parts {
    var variables: [Int] = []
    var condition: Int?
    var output = Plan.Output.members(row: nil)
    var members: [Plan.Member] = []
    var names: [String] = []
    var layout: [Plan.LayoutStep] = []
    var templates: [String: [Plan.TemplatePart]] = [:]
  }

  private let version: SQLVersion
  private(set) var steps: [Step] = []
  private(set) var lists: [Int] = []
  private(set) var functions: [Function] = []
  private(set) var formats: [PlanTimeFormat] = []
  private(set) var wideLiterals: [Number] = []
  private(set) var literals: [UnsafeMutablePointer<UInt8>] = []
  private(set) var paths: Set<[String]> = []
  /// What all operations cost the plain evaluator at most.
  private(set) var cost = PlanCost()
  /// An upper bound on the length of each operation's value as text.
  private var lengths: [PlanCost] = []
  private var variables: [Int] = []

  init(version: SQLVersion) { self.version = version }

  /// Frees what was allocated for a plan that isn't built.
  func discard() { for literal in literals { literal.deallocate() } }

  /// The most members of a select list; they are compared one by one with the names of a row.
  private static let memberLimit = 64

  /// Compiles a statement; nil if a plan can't evaluate it. Leaves out a template that a plan can't evaluate.
  mutating func compile(_ statement: Statement, _ templates: [Template]) -> Parts? {
    guard statement.select.alias == nil else { return nil }
    var parts = Parts()
    for assignment in statement.assignments {
      guard let value = compile(assignment.expression) else { return nil }
      variables.append(value)
    }
    parts.variables = variables
    if let condition = statement.select.condition {
      guard let value = compile(condition) else { return nil }
      parts.condition = value
    }
    switch statement.select.items {
    case .value(let expression):
      guard let value = compile(expression) else { return nil }
      parts.output = .value(value)
    case .list(let items):
      guard compile(items, &parts) else { return nil }
    }
    for template in templates where parts.templates[template.source] == nil {
      let before = self
      if let compiled = compile(template) {
        parts.templates[template.source] = compiled
      } else {
        for literal in literals.dropFirst(before.literals.count) { literal.deallocate() }
        self = before
      }
    }
    return parts
  }

  private mutating func compile(_ items: [Select.Item], _ parts: inout Parts) -> Bool {
    if items.count == 1, case .everything = items[0] {
      guard let row = row() else { return false }
      parts.output = .value(row)
      return true
    }
    guard items.count <= Self.memberLimit else { return false }
    let root = PlanObject()
    for (place, item) in items.enumerated() {
      switch item {
      case .everything:
        guard place == 0, let row = row() else { return false }
        parts.output = .members(row: row)
      case .members: return false
      case .expression(let expression, let path):
        if case .members(.some) = parts.output, path.count > 1 { return false }
        guard let name = path.last, root.add(path[...], member: parts.members.count),
          let value = compile(expression)
        else { return false }
        let bytes = Array(name.utf8)
        let key = key(name)
        parts.names.append(name)
        parts.members.append(
          Plan.Member(
            key: key.start, keyCount: key.count, name: memory(bytes), nameCount: bytes.count,
            prefix: PathTree.prefix(bytes), operation: value))
        for name in path { cost = cost + PlanCost(fixed: Budget.member.saturatingAdd(name.utf8.count)) }
      }
    }
    layOut(root, &parts.layout)
    return true
  }

  /// `"name":` in the plan's memory.
  private mutating func key(_ name: String) -> (start: UnsafePointer<UInt8>, count: Int) {
    var key: [UInt8] = []
    JSONText.appendString(name, to: &key)
    key.append(UInt8(ascii: ":"))
    return (memory(key), key.count)
  }

  private mutating func layOut(_ object: PlanObject, _ layout: inout [Plan.LayoutStep]) {
    for (name, part) in object.parts {
      switch part {
      case .member(let place): layout.append(.member(place))
      case .object(let inner):
        let key = key(name)
        layout.append(.open(key: key.start, count: key.count))
        layOut(inner, &layout)
      }
    }
    layout.append(.close)
  }

  private mutating func compile(_ template: Template) -> [Plan.TemplatePart]? {
    var parts: [Plan.TemplatePart] = []
    for part in template.parts {
      switch part {
      case .text(let text): parts.append(.text(text))
      case .expression(let expression):
        guard let value = compile(expression) else { return nil }
        parts.append(.operation(value))
      }
    }
    return parts
  }

  // MARK: Expressions

  private mutating func compile(_ expression: Expression) -> Int? {
    switch expression {
    case .literal(let value): return literal(value)
    case .path(let path): return self.path(path)
    case .row: return row()
    case .variable(let number):
      guard number < variables.count else { return nil }
      return add(.variable(number), length: lengths[variables[number]])
    case .cast(let operand, let type):
      return unary(operand) { .cast($0, type) }
    case .negate(let operand): return unary(operand) { .negate($0) }
    case .not(let operand): return unary(operand) { .not($0) }
    case .binary(.isIn, _, _): return nil
    case .binary(let operation, let left, let right):
      guard let a = compile(left), let b = compile(right) else { return nil }
      let length = lengths[a] + lengths[b]
      return add(.binary(operation, a, b), length: length, reading: length)
    case .choice(let subject, let cases, let otherwise):
      guard let value = compile(subject) else { return nil }
      var list: [Int] = []
      var length = PlanCost(fixed: Self.shortText)
      for (when, then) in cases {
        guard let when = compile(when), let then = compile(then) else { return nil }
        list += [when, then]
        length = length + lengths[then]
        cost = cost + lengths[value] + lengths[when]
      }
      var last = -1
      if let otherwise {
        guard let value = compile(otherwise) else { return nil }
        last = value
        length = length + lengths[value]
      }
      lists += list
      return add(
        .choice(subject: value, first: lists.count - list.count, count: cases.count, otherwise: last),
        length: length)
    case .call(let function, let arguments): return call(function, arguments)
    default: return nil
    }
  }

  /// The greatest length of a number's text, or of a word such as `false`.
  private static let shortText = 64
  /// What an operation costs the evaluator, besides the bytes that it reads and makes.
  private static let step = 1024
  /// The cost of a byte that is read, compared, made or written as JSON; higher than each of the evaluator's prices.
  private static let byte = 16

  private mutating func add(_ operation: Plan.Operation, length: PlanCost, reading: PlanCost = PlanCost())
    -> Int
  {
    add(.operation(operation), length, (length + reading) * Self.byte)
  }

  private mutating func add(_ step: Step, _ length: PlanCost, _ price: PlanCost) -> Int {
    steps.append(step)
    lengths.append(length)
    cost = cost + PlanCost(fixed: Self.step) + price
    return steps.count - 1
  }

  private mutating func unary(_ operand: Expression, _ operation: (Int) -> Plan.Operation) -> Int? {
    guard let value = compile(operand) else { return nil }
    let length = lengths[value] + PlanCost(fixed: Self.shortText)
    return add(operation(value), length: length, reading: lengths[value])
  }

  private mutating func path(_ path: [String]) -> Int? {
    guard path.count <= EvaluationLimits.depth else { return nil }
    paths.insert(path)
    // A number such as 1e30 gets longer when it is written out. A value costs 64 for every two bytes of the payload, as
    // in an array of digits, plus 8 for each byte; finding it costs 8 for each member.
    return add(
      .path(path), PlanCost(fixed: Self.shortText, perByte: 9),
      PlanCost(fixed: Budget.element, perByte: Budget.element / 2 + 2 * Budget.digit))
  }

  private mutating func row() -> Int? { path([]) }

  private mutating func literal(_ value: Value) -> Int? {
    switch value {
    case .undefined: return add(.literal(.undefined), length: PlanCost())
    case .null: return add(.literal(.null), length: PlanCost())
    case .boolean(let flag): return add(.literal(.boolean(flag)), length: PlanCost(fixed: Self.shortText))
    case .string(let text):
      let bytes = Array(text.utf8)
      let isPlain = bytes.allSatisfy {
        $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
      }
      return add(
        .literal(.text(memory(bytes), count: bytes.count, isPlain: isPlain)),
        length: PlanCost(fixed: bytes.count))
    case .number(let number):
      let isInt = version == .v2016 ? number.decimal.isWhole : number.isInt && number.decimal.isWhole
      let value = Number(decimal: number.decimal, isInt: isInt)
      if let small = PlanNumber(value) {
        return add(.literal(.number(small)), length: PlanCost(fixed: Self.shortText))
      }
      wideLiterals.append(value)
      return add(.wideLiteral(wideLiterals.count - 1), length: PlanCost(fixed: Self.shortText))
    case .array, .object, .bytes: return nil
    }
  }

  /// Copies `bytes` to the plan's memory, followed by padding.
  private mutating func memory(_ bytes: [UInt8]) -> UnsafePointer<UInt8> {
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count + PayloadScanner.padding)
    memory.initialize(repeating: 0, count: bytes.count + PayloadScanner.padding)
    memory.update(from: bytes, count: bytes.count)
    literals.append(memory)
    return UnsafePointer(memory)
  }

  // MARK: Functions

  /// Functions that the plan calls as the evaluator does: the result is a text, a number or a Boolean, at most this many
  /// times as long as the arguments, and the cost depends on the arguments' length only.
  private static let growth = [
    "acos": 1, "asin": 1, "atan": 1, "cos": 1, "cosh": 1, "exp": 1, "ln": 1, "log": 1, "sin": 1, "sinh": 1,
    "sqrt": 1, "tan": 1, "tanh": 1, "atan2": 1, "power": 1, "abs": 1, "ceil": 1, "floor": 1, "round": 1,
    "trunc": 1,
    "sign": 1, "mod": 1, "remainder": 1, "bitand": 1, "bitor": 1, "bitxor": 1, "bitnot": 1, "lower": 3,
    "upper": 3, "trim": 1, "ltrim": 1, "rtrim": 1, "length": 1, "numbytes": 1, "startswith": 1, "endswith": 1,
    "indexof": 1, "lpad": 1, "rpad": 1, "substring": 1, "chr": 1, "md5": 1, "sha1": 1, "sha224": 1,
    "sha256": 1, "sha384": 1, "sha512": 1, "accountid": 1, "principal": 1, "sourceip": 1, "traceid": 1,
    "sql_version": 1, "encode": 2, "newuuid": 1, "rand": 1, "time_to_epoch": 1,
  ]
  /// What such a result may have in addition, for example 1000 blanks from `lpad`.
  private static let calledText = 1200

  private mutating func call(_ function: Function, _ arguments: [Expression]) -> Int? {
    guard function.arity.contains(arguments.count) else {
      return add(.literal(.undefined), length: PlanCost())
    }
    switch (function.name, arguments.count) {
    case ("topic", 0): return add(.topic, length: PlanCost(perByte: 1))
    case ("topic", 1):
      guard case .literal(let level) = arguments[0], let level = level.asIntegerArgument else { return nil }
      return add(.topicLevel(level), length: PlanCost(perByte: 1), reading: PlanCost(perByte: 1))
    case ("clientid", 0): return add(.clientID, length: PlanCost(perByte: 1))
    case ("timestamp", 0): return add(.timestamp, length: PlanCost(fixed: Self.shortText))
    case ("isnull", 1): return unary(arguments[0]) { .isNull($0) }
    case ("isundefined", 1): return unary(arguments[0]) { .isUndefined($0) }
    case ("nanvl", 2), ("get_or_default", 2):
      guard let a = compile(arguments[0]), let b = compile(arguments[1]) else { return nil }
      return add(
        .alternative(a, b, orNull: function.name == "nanvl"), length: lengths[a] + lengths[b],
        reading: lengths[a] + lengths[b])
    case ("parse_time", _): return parseTime(arguments)
    case ("concat", _):
      guard let (first, length) = list(arguments) else { return nil }
      return add(.concatenation(first: first, count: arguments.count), length: length, reading: length)
    default:
      guard let growth = Self.growth[function.name], let (first, length) = list(arguments) else { return nil }
      functions.append(function)
      return add(
        .call(function: functions.count - 1, first: first, count: arguments.count),
        length: length * growth + PlanCost(fixed: Self.calledText), reading: length)
    }
  }

  private mutating func list(_ arguments: [Expression]) -> (first: Int, length: PlanCost)? {
    var list: [Int] = []
    var length = PlanCost()
    for argument in arguments {
      guard let value = compile(argument) else { return nil }
      list.append(value)
      length = length + lengths[value]
    }
    lists += list
    return (lists.count - list.count, length)
  }

  private mutating func parseTime(_ arguments: [Expression]) -> Int? {
    guard case .literal(let pattern) = arguments[0],
      let parts = pattern.asString.flatMap(TimePattern.parts)
    else { return nil }
    var zoneName = "UTC"
    if arguments.count == 3 {
      guard case .literal(let name) = arguments[2], let name = name.asString else { return nil }
      zoneName = name
    }
    guard let zone = TimeZoneFile.named(zoneName), let time = compile(arguments[1]) else { return nil }
    // The dialect has `parse_time` only since 2016-03-23.
    guard version == .v2016 else { return add(.literal(.undefined), length: PlanCost()) }
    let format = PlanTimeFormat(parts, zone)
    formats.append(format)
    // A run of letters gives at most its own length or a word.
    let length = parts.reduce(0) { length, part in
      switch part {
      case .letters(_, let count): length.saturatingAdd(count + Self.shortText)
      case .literal(let text): length.saturatingAdd(text.utf8.count)
      }
    }
    return add(
      .parseTime(.passUnretained(format), time), length: PlanCost(fixed: length), reading: lengths[time])
  }
}

/// An object that a select list builds from its aliases.
private final class PlanObject {
  enum Part {
    case member(Int)
    case object(PlanObject)
  }

  private(set) var parts: [(name: String, part: Part)] = []

  /// Adds a member at the path of an alias. Returns false if the path is taken, or if an object and a member have the
  /// same path: the evaluator decides which of them counts.
  func add(_ path: ArraySlice<String>, member: Int) -> Bool {
    guard let name = path.first else { return false }
    let present = parts.first { $0.name == name }?.part
    guard path.count > 1 else {
      parts.append((name, .member(member)))
      return present == nil
    }
    switch present {
    case .member: return false
    case .object(let inner): return inner.add(path.dropFirst(), member: member)
    case nil:
      let inner = PlanObject()
      parts.append((name, .object(inner)))
      return inner.add(path.dropFirst(), member: member)
    }
  }
}
