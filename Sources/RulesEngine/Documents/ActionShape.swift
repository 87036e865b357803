/// The members of one of AWS's actions: their names, their values, and which of them AWS requires.
struct ActionShape: Sendable {
  /// What a member holds.
  indirect enum Kind: Sendable {
    /// A text that may have substitution templates; its length is checked if it has none.
    case template(ClosedRange<Int>)
    /// A text without substitution templates.
    case text(ClosedRange<Int>)
    /// The ARN of a resource.
    case arn
    /// The ARN of the role that AWS's engine assumes. Nothing here needs it.
    case role
    /// An address that begins with one of these.
    case address([String])
    case choice([String])
    case boolean
    case integer(ClosedRange<Int>)
    case object([Member])
    case objects([Member], count: ClosedRange<Int>)
    /// Texts under names that the user chooses.
    case map(ClosedRange<Int>)

    static let template = Kind.template(0...1 << 18)
    static let text = Kind.text(0...1 << 18)
  }

  struct Member: Sendable {
    let name: String
    let kind: Kind
    let isRequired: Bool

    static func required(_ name: String, _ kind: Kind = .template) -> Member {
      Member(name: name, kind: kind, isRequired: true)
    }
    static func optional(_ name: String, _ kind: Kind = .template) -> Member {
      Member(name: name, kind: kind, isRequired: false)
    }
  }

  /// The action's name in a document.
  let name: String
  /// The service that it needs.
  let service: String
  let members: [Member]

  /// The actions by their names.
  static let named = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  private static let role = Member.required("roleArn", .role)
  private static let keyAndValue = [
    Member.required("key", .template(0...16_384)), .required("value", .template(0...16_384)),
  ]
  private static let searchIndex = [
    role, .required("endpoint", .address(["https://", "http://"])), .required("index"), .required("type"),
    .required("id"),
  ]

  /// All 24 actions, as AWS's API defines them (`Action` of AWS IoT's service model, 2015-05-28).
  static let all = [
    ActionShape(
      name: "cloudwatchAlarm", service: "Amazon CloudWatch",
      members: [role, .required("alarmName"), .required("stateReason"), .required("stateValue")]),
    ActionShape(
      name: "cloudwatchLogs", service: "Amazon CloudWatch Logs",
      members: [role, .required("logGroupName"), .optional("batchMode", .boolean)]),
    ActionShape(
      name: "cloudwatchMetric", service: "Amazon CloudWatch",
      members: [
        role, .required("metricNamespace"), .required("metricName"), .required("metricValue"),
        .required("metricUnit"), .optional("metricTimestamp"),
      ]),
    ActionShape(
      name: "dynamoDB", service: "Amazon DynamoDB",
      members: [
        role, .required("tableName"), .required("hashKeyField"), .required("hashKeyValue"),
        .optional("hashKeyType", .choice(["STRING", "NUMBER"])), .optional("rangeKeyField"),
        .optional("rangeKeyValue"), .optional("rangeKeyType", .choice(["STRING", "NUMBER"])),
        .optional("operation"), .optional("payloadField"),
      ]),
    ActionShape(
      name: "dynamoDBv2", service: "Amazon DynamoDB",
      members: [role, .required("putItem", .object([.required("tableName")]))]),
    ActionShape(name: "elasticsearch", service: "Amazon OpenSearch Service", members: searchIndex),
    ActionShape(
      name: "firehose", service: "Amazon Data Firehose",
      members: [
        role, .required("deliveryStreamName"), .optional("separator", .choice(["\n", "\t", "\r\n", ","])),
        .optional("batchMode", .boolean),
      ]),
    ActionShape(
      name: "http", service: "an HTTPS endpoint",
      members: [
        .required("url", .template(1...2000)), .optional("confirmationUrl", .text(1...2000)),
        .optional(
          "headers", .objects([.required("key", .text(1...256)), .required("value")], count: 0...100)),
        .optional(
          "auth",
          .object([
            .optional(
              "sigv4", .object([.required("signingRegion", .text), .required("serviceName", .text), role]))
          ])),
        .optional("enableBatching", .boolean),
        .optional(
          "batchConfig",
          .object([
            .optional("maxBatchOpenMs", .integer(5...200)), .optional("maxBatchSize", .integer(2...10)),
            .optional("maxBatchSizeBytes", .integer(100...131_072)), .optional("batchAcrossTopics", .boolean),
          ])),
      ]),
    ActionShape(
      name: "influxDB", service: "Amazon Timestream for InfluxDB",
      members: [
        .required("destinationArn", .arn), role, .required("databaseName", .template(2...64)),
        .required("tableName", .template(1...1024)), .optional("organization", .template(1...64)),
        .optional("tags", .map(0...498)), .optional("timestampUnit", .choice(["s", "ms", "us", "ns"])),
        .optional(
          "batchConfig",
          .object([
            .optional("maxBatchSize", .integer(1...500)), .optional("maxBatchOpenMs", .integer(5...1000)),
            .optional("maxBatchSizeBytes", .integer(100...131_072)), .optional("batchAcrossTopics", .boolean),
          ])),
      ]),
    ActionShape(
      name: "iotAnalytics", service: "AWS IoT Analytics",
      members: [
        .optional("channelArn", .arn), .optional("channelName"), .optional("batchMode", .boolean),
        .optional("roleArn", .role),
      ]),
    ActionShape(
      name: "iotEvents", service: "AWS IoT Events",
      members: [
        role, .required("inputName", .template(1...128)), .optional("messageId", .template(0...128)),
        .optional("batchMode", .boolean),
      ]),
    ActionShape(
      name: "iotSiteWise", service: "AWS IoT SiteWise",
      members: [
        role,
        .required(
          "putAssetPropertyValueEntries",
          .objects(
            [
              .optional("entryId"), .optional("assetId"), .optional("propertyId"),
              .optional("propertyAlias", .template(1...1 << 18)),
              .required(
                "propertyValues",
                .objects(
                  [
                    .required(
                      "value",
                      .object([
                        .optional("stringValue", .template(1...1024)), .optional("integerValue"),
                        .optional("doubleValue"), .optional("booleanValue"),
                      ])),
                    .required(
                      "timestamp", .object([.required("timeInSeconds"), .optional("offsetInNanos")])),
                    .optional("quality"),
                  ], count: 1...1000)),
            ], count: 1...1000)),
      ]),
    ActionShape(
      name: "kafka", service: "Apache Kafka",
      members: [
        .required("destinationArn", .arn), .required("topic"), .optional("key"), .optional("partition"),
        .required("clientProperties", .map(1...1000)),
        .optional("headers", .objects(keyAndValue, count: 1...100)),
      ]),
    ActionShape(
      name: "kinesis", service: "Amazon Kinesis Data Streams",
      members: [role, .required("streamName"), .optional("partitionKey")]),
    ActionShape(name: "lambda", service: "AWS Lambda", members: [.required("functionArn", .arn)]),
    ActionShape(
      name: "location", service: "Amazon Location Service",
      members: [
        role, .required("trackerName"), .required("deviceId"), .required("latitude"), .required("longitude"),
        .optional("timestamp", .object([.required("value"), .optional("unit")])),
      ]),
    ActionShape(name: "openSearch", service: "Amazon OpenSearch Service", members: searchIndex),
    ActionShape(
      name: "republish", service: "a broker",
      members: [
        role, .required("topic"), .optional("qos", .integer(0...1)),
        .optional("headers", .object([])),
      ]),
    ActionShape(
      name: "s3", service: "Amazon S3",
      members: [
        role, .required("bucketName"), .required("key"),
        .optional(
          "cannedAcl",
          .choice([
            "private", "public-read", "public-read-write", "aws-exec-read", "authenticated-read",
            "bucket-owner-read", "bucket-owner-full-control", "log-delivery-write",
          ])),
      ]),
    ActionShape(
      name: "salesforce", service: "Salesforce IoT",
      members: [.required("token", .text(40...1 << 18)), .required("url", .address(["https://"]))]),
    ActionShape(
      name: "sns", service: "Amazon SNS",
      members: [role, .required("targetArn", .arn), .optional("messageFormat", .choice(["RAW", "JSON"]))]),
    ActionShape(
      name: "sqs", service: "Amazon SQS",
      members: [
        role, .required("queueUrl", .address(["https://", "http://"])), .optional("useBase64", .boolean),
      ]),
    ActionShape(
      name: "stepFunctions", service: "AWS Step Functions",
      members: [role, .required("stateMachineName"), .optional("executionNamePrefix")]),
    ActionShape(
      name: "timestream", service: "Amazon Timestream",
      members: [
        role, .required("databaseName"), .required("tableName"), .required("dimensions", .object([])),
      ]),
  ]
}
