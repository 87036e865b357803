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
    case parseTime(format: Int, Int)
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

  struct Member {
    let name: String
    /// The name's first eight bytes.
    let prefix: UInt64
    /// `"name":`.
    let key: [UInt8]
    let operation: Int
  }

  /// A part of a substitution template.
  enum TemplatePart {
    case text(String)
    case operation(Int)
  }

  let version: SQLVersion
  let paths: PathTree
  let operations: [Operation]
  let lists: [Int]
  let functions: [Function]
  let formats: [PlanTimeFormat]
  let wideLiterals: [Number]
  /// What SET's variables are made of, in order.
  let variables: [Int]
  let condition: Int?
  let output: Output
  let members: [Member]
  /// Templates of the rule's actions that the plan can say, by their text.
  let templates: [String: [TemplatePart]]
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
      case .operation(let operation): operations.append(operation)
      // The tree was made of all of them.
      case .path(let path): operations.append(.slot(tree.slot(of: path) ?? 0))
      }
    }
    paths = tree
    self.operations = operations
    lists = compiler.lists
    functions = compiler.functions
    formats = compiler.formats
    wideLiterals = compiler.wideLiterals
    variables = parts.variables
    condition = parts.condition
    output = parts.output
    members = parts.members
    self.templates = parts.templates
    literals = compiler.literals
    cost = compiler.cost
  }

  deinit { for literal in literals { literal.deallocate() } }

  /// Whether the plain evaluator has a result for every message as long as this one, with `work` to spend.
  func fits(_ message: Message, work: Int) -> Bool {
    let count = message.payload.count
    let texts = message.topic.utf8.count.saturatingAdd(message.clientID?.utf8.count ?? 0)
    return count <= EvaluationLimits.bytes && cost.bytes(count.saturatingAdd(texts)) <= work
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

  func bytes(_ payload: Int) -> Int { perByte.saturatingMultiply(payload).saturatingAdd(fixed) }
}
