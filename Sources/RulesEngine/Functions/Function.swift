/// A function of the dialect.
struct Function: Sendable {
  /// The name in lower case.
  let name: String
  /// The allowed number of arguments; with any other number the call is Undefined.
  let arity: ClosedRange<Int>
  /// What `*` as the first argument stands for; nil if it isn't allowed.
  let star: Expression?
  typealias Body = @Sendable ([Value], Evaluator) -> Value
  private(set) var body: Body
  /// What each byte of its text arguments costs, in bytes of the budget.
  let weight: Int
  /// What a call costs besides its arguments.
  let overhead: Int
  /// Whether it takes arrays and objects as they are; other functions get their JSON.
  let takesContainers: Bool
  /// A body for these arguments, if some of them are constants that need to be parsed only once.
  var specialized: (@Sendable ([Expression]) -> Body?)?
  /// Why these arguments are an error; nil if they aren't. Most functions are Undefined instead.
  var problem: (@Sendable ([Expression]) -> String?)?
  /// The service that a call with these arguments needs and that isn't available here; nil if it needs none.
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

  /// A function of one argument, which is converted to a String; Undefined if it can't be converted.
  init(string name: String, weight: Int = 4, _ body: @escaping @Sendable (String) -> Value) {
    self.init(name, 1...1, weight: weight) { arguments, _ in arguments[0].asString.map(body) ?? .undefined }
  }
}

/// All functions, by family.
enum Functions {
  /// The functions by their names in lower case.
  static let named: [String: Function] = {
    let families = [
      maths, strings, regularExpressions, hashes, encodings, times, collections, context, registry,
    ]
    return Dictionary(uniqueKeysWithValues: families.joined().map { ($0.name, $0) })
  }()

  /// Functions that need other AWS services, by their names in lower case: a call can be checked, but not evaluated.
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

  /// The function that `exists (SELECT …)` calls with the query's rows.
  static let exists = Function("exists", takesContainers: true) { rows, _ in
    if case .array(let rows) = rows { .boolean(!rows.isEmpty) } else { .undefined }
  }
}
