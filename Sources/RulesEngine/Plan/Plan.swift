import Numbers
import Time

/// A compiled statement: the payload paths that it reads and the operations on their values, in flat tables.
///
/// For the statements and payloads that it supports, a plan gives the same result as the plain evaluator; a test with
/// random ones compares the two. A plan doesn't count what it costs: `longestPayload` tells for which payloads it can't
/// exceed the evaluator's budget.
///
/// @unchecked Sendable: only `init` writes its tables and the memory of paths and literals.
final class Plan: @unchecked Sendable {
  enum Operation {
    case literal(PlanValue)
    /// A literal that doesn't fit in 64 bits, as an index in `wideLiterals`.
    case wideLiteral(Int)
    case slot(Int)
    case variable(Int)
    case cast(Int, Expression.CastType)
    /// The cast of a slot, the most common operation in rules.
    case castSlot(Int, Expression.CastType)
    case negate(Int)
    case not(Int)
    case binary(Expression.BinaryOperator, Int, Int)
    /// WHEN and THEN of each case follow one another in `lists`; `otherwise` is negative without ELSE.
    case choice(subject: Int, first: Int, count: Int, otherwise: Int)
    case topic
    case topicLevel(Int)
    case clientID
    case timestamp
    case isNull(Int)
    case isUndefined(Int)
    /// The second operand if the first is Undefined or, with `orNull`, null; otherwise the first.
    case alternative(Int, Int, orNull: Bool)
    /// `formats` keeps the format alive.
    case parseTime(Unmanaged<PlanTimeFormat>, Int)
    case concatenation(first: Int, count: Int)
    /// A function called as the evaluator calls it; its arguments are in `lists`.
    case call(function: Int, first: Int, count: Int)
  }

  /// How the result is written.
  enum Output {
    /// `SELECT *`, `SELECT VALUE expression`.
    case value(Int)
    /// An object with named members, which follow all attributes of the row if `row` isn't nil.
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
    /// The member with this index.
    case member(Int)
    /// `"name":` and the start of an object that ends at its `close`, for an alias with dots.
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
  /// The tables never move, so they are read through pointers, without checks of bounds or ownership.
  let operations: UnsafeMutablePointer<Operation>
  let lists: UnsafeMutablePointer<Int>
  let functions: [Function]
  let formats: [PlanTimeFormat]
  let wideLiterals: [Number]
  /// The operations that give the values of SET's variables, in order.
  let variables: UnsafeMutablePointer<Int>
  let variableCount: Int
  let condition: Int?
  let output: Output
  let members: UnsafeMutablePointer<Member>
  let memberCount: Int
  /// The last name of each member's alias.
  let names: [String]
  /// Whether no alias has dots, so that the members are the result's own, in their order.
  let isFlat: Bool
  /// The steps that write the members, up to the `close` of the result; unused if the members follow a row.
  let layout: UnsafeMutablePointer<LayoutStep>
  /// The templates of the rule's actions that the plan can evaluate, by source text: too few for a dictionary to pay off.
  private let templates: [(source: String, parts: [TemplatePart])]
  private let literals: [UnsafeMutablePointer<UInt8>]
  private let cost: PlanCost

  /// Nil if only the plain evaluator can evaluate the statement.
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
      // The tree was built from all paths.
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

  /// The parts of a template; nil if the plan can't evaluate it.
  func parts(of template: Template) -> [TemplatePart]? {
    templates.first { $0.source == template.source }?.parts
  }

  /// The greatest length, in bytes, of a payload that the plain evaluator can always evaluate within `work` for this
  /// message's topic and client; negative if there is none.
  func longestPayload(_ message: Message, work: Int) -> Int {
    let texts = message.topic.utf8.count.saturatingAdd(message.clientID?.utf8.count ?? 0)
    let left = work.saturatingSubtract(cost.fixed)
    guard left >= 0 else { return -1 }
    let bytes = cost.perByte == 0 ? EvaluationLimits.bytes : left / cost.perByte
    return min(bytes.saturatingSubtract(texts), EvaluationLimits.bytes)
  }
}

/// An upper bound on what something costs the plain evaluator: a constant, plus an amount for each byte of the payload,
/// of the topic and of the client identifier.
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
