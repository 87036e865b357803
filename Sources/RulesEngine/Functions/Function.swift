/// A function of the dialect.
struct Function: Sendable {
  /// The name in lower case.
  let name: String
  /// How many arguments make sense; with any other number the call is Undefined.
  let arity: ClosedRange<Int>
  /// What `*` as the first argument stands for; nil where it isn't allowed.
  let star: Expression?
  typealias Body = @Sendable ([Value], Evaluator) -> Value
  private(set) var body: Body
  /// What a byte of its arguments' texts costs, in bytes read.
  let weight: Int
  /// What a call costs besides its arguments.
  let overhead: Int
  /// Whether it looks at arrays and objects as they are; the other functions take them as their JSON.
  let takesContainers: Bool
  /// A body for these arguments, where some of them are constants that need to be looked at only once.
  var specialized: (@Sendable ([Expression]) -> Body?)?
  /// Why a call can't have these arguments; nil if it can. Most functions are Undefined then instead.
  var problem: (@Sendable ([Expression]) -> String?)?
  /// What a call with these arguments needs that isn't here; nil if it needs nothing.
  var service: (@Sendable ([Expression]) -> String?)?

  init(
    _ name: String, _ arity: ClosedRange<Int>, star: Expression? = nil, weight: Int = 4, overhead: Int = 128,
    takesContainers: Bool = false, _ body: @escaping Body
  ) {
    self.name = name
    self.arity = arity
    self.star = star
    self.weight = weight
    self.overhead = overhead
    self.takesContainers = takesContainers
    self.body = body
  }

  /// The function for a call with these arguments.
  func call(_ arguments: [Expression]) -> Expression {
    var function = self
    if let body = specialized?(arguments) { function.body = body }
    return .call(function, arguments)
  }

  /// A function of one argument.
  init(_ name: String, takesContainers: Bool = false, _ body: @escaping @Sendable (Value, Evaluator) -> Value)
  {
    self.init(name, 1...1, takesContainers: takesContainers) { arguments, evaluator in
      body(arguments[0], evaluator)
    }
  }

  /// A function of one argument that becomes a String; without one the result is Undefined.
  init(string name: String, weight: Int = 4, _ body: @escaping @Sendable (String) -> Value) {
    self.init(name, 1...1, weight: weight) { arguments, _ in arguments[0].asString.map(body) ?? .undefined }
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

  /// Functions that other AWS services answer, by their names in lower case: they can be checked, not evaluated.
  static let ofOtherServices: [String: Function] = {
    let services = [
      "aws_lambda": "AWS Lambda", "get_dynamodb": "Amazon DynamoDB",
      "get_thing_shadow": "the AWS IoT Device Shadow service",
      "get_secret": "AWS Secrets Manager", "machinelearning_predict": "Amazon SageMaker",
    ]
    return Dictionary(
      uniqueKeysWithValues: services.map { name, service in
        var function = Function(name, 0...1000) { _, _ in .undefined }
        function.service = { _ in service }
        return (name, function)
      })
  }()

  /// What `exists (SELECT …)` calls with the query's rows.
  static let exists = Function("exists", takesContainers: true) { rows, _ in
    if case .array(let rows) = rows { .boolean(!rows.isEmpty) } else { .undefined }
  }
}
