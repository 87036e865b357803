/// A function of the dialect.
struct Function: Sendable {
  /// The name in lower case.
  let name: String
  /// How many arguments make sense; with any other number the call is Undefined.
  let arity: ClosedRange<Int>
  /// What `*` as the first argument stands for; nil where it isn't allowed.
  let star: Expression?
  typealias Body = @Sendable ([Value], Evaluator) -> Value
  let body: Body
  /// A body for these arguments, where some of them are constants that need to be looked at only once.
  var specialized: (@Sendable ([Expression]) -> Body?)?
  /// Why a call can't have these arguments; nil if it can. Most functions are Undefined then instead.
  var problem: (@Sendable ([Expression]) -> String?)?

  init(_ name: String, _ arity: ClosedRange<Int>, star: Expression? = nil, _ body: @escaping Body) {
    self.name = name
    self.arity = arity
    self.star = star
    self.body = body
  }

  /// The function for a call with these arguments.
  func call(_ arguments: [Expression]) -> Expression {
    guard let body = specialized?(arguments) else { return .call(self, arguments) }
    return .call(Function(name, arity, star: star, body), arguments)
  }

  /// A function of one argument.
  init(_ name: String, _ body: @escaping @Sendable (Value, Evaluator) -> Value) {
    self.init(name, 1...1) { arguments, evaluator in body(arguments[0], evaluator) }
  }

  /// A function of one argument that becomes a String; without one the result is Undefined.
  init(string name: String, _ body: @escaping @Sendable (String) -> Value) {
    self.init(name, 1...1) { arguments, _ in arguments[0].asString.map(body) ?? .undefined }
  }
}

/// All functions, by family.
enum Functions {
  /// By their names in lower case.
  static let named: [String: Function] = {
    let families = [
      maths, strings, regularExpressions, hashes, encodings, times, collections, context, registry,
    ]
    return Dictionary(uniqueKeysWithValues: families.joined().map { ($0.name, $0) })
  }()

  /// Functions that other AWS services answer, and which.
  static let otherServices = [
    "aws_lambda": "AWS Lambda", "get_dynamodb": "Amazon DynamoDB",
    "get_thing_shadow": "the AWS IoT Device Shadow service",
    "get_secret": "AWS Secrets Manager", "machinelearning_predict": "Amazon SageMaker",
  ]
}
