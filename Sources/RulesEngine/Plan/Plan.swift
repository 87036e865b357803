import Numbers
import Time

/// A statement compiled: the paths of the payload that it reads and the operations over them, in flat tables.
///
/// A plan says what the plain evaluator says, for the statements and payloads that it is made for; a test with random ones
/// holds the two equal. It keeps no account of what it costs: `fits` tells for which payloads the evaluator's budget can't be
/// exceeded.
///
/// @unchecked Sendable: everything in it, and the memory of paths and literals, is written by `init` only.
final class Plan: @unchecked Sendable {
  enum Operation {
    case literal(PlanValue)
    /// A literal of more than 64 bits, by its place.
    case wideLiteral(Int)
    case slot(Int)
    case variable(Int)
    case cast(Int, Expression.CastType)
    /// The cast of a slot, which is what most rules are made of.
    case castSlot(Int, Expression.CastType)
    case negate(Int)
    case not(Int)
    case binary(Expression.BinaryOperator, Int, Int)
    /// The WHEN and THEN of its cases lie one after the other in `lists`; `otherwise` is negative without ELSE.
    case choice(subject: Int, first: Int, count: Int, otherwise: Int)
    case topic
    case topicLevel(Int)
    case clientID
    case timestamp
    case isNull(Int)
    case isUndefined(Int)
    /// The second operand if the first is Undefined, or with `orNull` null.
    case alternative(Int, Int, orNull: Bool)
    /// The plan keeps the format.
    case parseTime(Unmanaged<PlanTimeFormat>, Int)
    case concatenation(first: Int, count: Int)
    /// A function that is called as the evaluator calls it; its arguments lie in `lists`.
    case call(function: Int, first: Int, count: Int)
  }

  /// How the result is written.
  enum Output {
    /// `SELECT *`, `SELECT VALUE expression`.
    case value(Int)
    /// An object of named members; after all attributes of the row if `row` isn't nil.
    case members(row: Int?)
  }

  /// A member of the select list.
  struct Member {
    /// `"name":`, in the plan's memory.
    let key: UnsafePointer<UInt8>
    let keyCount: Int
    /// The name itself, and its first eight bytes.
    let name: UnsafePointer<UInt8>
    let nameCount: Int
    let prefix: UInt64
    let operation: Int
  }

  /// A step of writing an object.
  enum LayoutStep {
    /// The member of that place.
    case member(Int)
    /// `"name":` and an object, up to its `close`: an alias with dots.
    case open(key: UnsafePointer<UInt8>, count: Int)
    case close
  }

  /// A part of a substitution template.
  enum TemplatePart {
    case text(String)
    case operation(Int)
  }

  let version: SQLVersion
  let paths: PathTree
  /// Tables that don't move are read without a check of index and owner.
  let operations: UnsafeMutablePointer<Operation>
  let lists: UnsafeMutablePointer<Int>
  let functions: [Function]
  let formats: [PlanTimeFormat]
  let wideLiterals: [Number]
  /// What SET's variables are made of, in order.
  let variables: UnsafeMutablePointer<Int>
  let variableCount: Int
  let condition: Int?
  let output: Output
  let members: UnsafeMutablePointer<Member>
  let memberCount: Int
  /// The last names of the members' aliases.
  let names: [String]
  /// Whether no alias has dots: the members are the result's own, in their order.
  let isFlat: Bool
  /// How the members are written, to the `close` of the result; not for those after a row.
  let layout: UnsafeMutablePointer<LayoutStep>
  /// Templates of the rule's actions that the plan can say, and their texts: so few that a dictionary would cost more.
  private let templates: [(source: String, parts: [TemplatePart])]
  private let literals: [UnsafeMutablePointer<UInt8>]
  private let cost: PlanCost

  /// Nil where the plain evaluator must do it.
  init?(_ statement: Statement, version: SQLVersion, templates: [Template] = []) {
    var compiler = PlanCompiler(version: version)
    self.version = version
    guard let parts = compiler.compile(statement, templates) else {
      compiler.discard()
      return nil
    }
    guard let tree = PathTree(compiler.paths) else {
      compiler.discard()
      return nil
    }
    var operations: [Operation] = []
    for step in compiler.steps {
      switch step {
      case .operation(.cast(let operand, let type)):
        // An operation comes after its operands.
        if case .slot(let slot) = operations[operand] {
          operations.append(.castSlot(slot, type))
        } else {
          operations.append(.cast(operand, type))
        }
      case .operation(let operation): operations.append(operation)
      // The tree was made of all of them.
      case .path(let path): operations.append(.slot(tree.slot(of: path) ?? 0))
      }
    }
    paths = tree
    self.operations = Self.table(operations)
    lists = Self.table(compiler.lists)
    functions = compiler.functions
    formats = compiler.formats
    wideLiterals = compiler.wideLiterals
    variables = Self.table(parts.variables)
    variableCount = parts.variables.count
    condition = parts.condition
    output = parts.output
    members = Self.table(parts.members)
    memberCount = parts.names.count
    names = parts.names
    layout = Self.table(parts.layout)
    isFlat = !parts.layout.contains { if case .open = $0 { true } else { false } }
    self.templates = parts.templates.map { ($0.key, $0.value) }
    literals = compiler.literals
    cost = compiler.cost
  }

  deinit {
    operations.deallocate()
    lists.deallocate()
    members.deallocate()
    layout.deallocate()
    variables.deallocate()
    for literal in literals { literal.deallocate() }
  }

  private static func table<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafeMutablePointer<Element>
  {
    let table = UnsafeMutablePointer<Element>.allocate(capacity: max(1, elements.count))
    table.initialize(from: elements, count: elements.count)
    return table
  }

  /// The parts of a template; nil if the plan can't say it.
  func parts(of template: Template) -> [TemplatePart]? {
    templates.first { $0.source == template.source }?.parts
  }

  /// The longest payload for which the plain evaluator has a result in any case, of messages of this one's topic and client,
  /// with `work` to spend; negative if there is none.
  func longestPayload(_ message: Message, work: Int) -> Int {
    let texts = message.topic.utf8.count.saturatingAdd(message.clientID?.utf8.count ?? 0)
    let left = work.saturatingSubtract(cost.fixed)
    guard left >= 0 else { return -1 }
    let bytes = cost.perByte == 0 ? EvaluationLimits.bytes : left / cost.perByte
    return min(bytes.saturatingSubtract(texts), EvaluationLimits.bytes)
  }
}

/// What something costs the plain evaluator at most: a constant, and so much for each byte of the payload, of the topic and
/// of the client identifier.
struct PlanCost {
  var fixed = 0
  var perByte = 0

  static func + (left: PlanCost, right: PlanCost) -> PlanCost {
    PlanCost(
      fixed: left.fixed.saturatingAdd(right.fixed), perByte: left.perByte.saturatingAdd(right.perByte))
  }

  static func * (left: PlanCost, right: Int) -> PlanCost {
    PlanCost(fixed: left.fixed.saturatingMultiply(right), perByte: left.perByte.saturatingMultiply(right))
  }
}
