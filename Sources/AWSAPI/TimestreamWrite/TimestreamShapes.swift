/// The members of timestream-write's operations in its service model.
enum TimestreamShapes {
  private typealias Field = Shape.Field

  private static let newName = Shape.text(
    length: 3...256,
    pattern: .characters("[a-zA-Z0-9_.-]+", extra: "_.-"))
  private static let database = Field("DatabaseName", .text(length: 1...256), required: true)
  private static let table = Field("TableName", .text(length: 1...256), required: true)
  private static let key = Field("KmsKeyId", .text(length: 1...2048))
  private static let tagList = Shape.list(
    .structure([
      Field("Key", .text(length: 1...128), required: true),
      Field("Value", .text(length: 0...256), required: true),
    ]), count: 0...200)
  private static let resource = Field("ResourceARN", .text(length: 1...1011), required: true)
  private static let page = [
    Field("NextToken", .text()), Field("MaxResults", .integer(1...20)),
  ]

  private static let settings = [
    Field(
      "RetentionProperties",
      .structure([
        Field("MemoryStoreRetentionPeriodInHours", .integer(1...8766), required: true),
        Field("MagneticStoreRetentionPeriodInDays", .integer(1...73_000), required: true),
      ])),
    Field(
      "MagneticStoreWriteProperties",
      .structure([
        Field("EnableMagneticStoreWrites", .flag, required: true),
        Field(
          "MagneticStoreRejectedDataLocation",
          .structure([
            Field(
              "S3Configuration",
              .structure([
                Field(
                  "BucketName",
                  .text(
                    length: 3...63,
                    pattern: .characters("[a-z0-9][\\.\\-a-z0-9]{1,61}[a-z0-9]", extra: ".-"))),
                Field(
                  "ObjectKeyPrefix",
                  .text(
                    length: 1...928,
                    pattern: .characters(
                      "[a-zA-Z0-9|!\\-_*'\\(\\)]([a-zA-Z0-9]|[!\\-_*'\\(\\)\\/.])+", extra: "|!-_*'()/."))),
                Field("EncryptionOption", .text(words: ["SSE_S3", "SSE_KMS"])),
                Field("KmsKeyId", .text(length: 1...2048)),
              ]))
          ])),
      ])),
    Field(
      "Schema",
      .structure([
        Field(
          "CompositePartitionKey",
          .list(
            .structure([
              Field("Type", .text(words: ["DIMENSION", "MEASURE"]), required: true),
              Field("Name", .text(length: 1...2048)),
              Field("EnforcementInRecord", .text(words: ["REQUIRED", "OPTIONAL"])),
            ]), count: 1...Int.max))
      ])),
  ]

  private static let measureTypes = ["DOUBLE", "BIGINT", "VARCHAR", "BOOLEAN", "TIMESTAMP"]
  private static let record = [
    Field(
      "Dimensions",
      .list(
        .structure([
          Field("Name", .text(length: 1...Int.max), required: true), Field("Value", .text(), required: true),
          Field("DimensionValueType", .text(words: ["VARCHAR"])),
        ]), count: 0...128)),
    Field("MeasureName", .text(length: 1...Int.max)), Field("MeasureValue", .text(length: 1...2048)),
    Field("MeasureValueType", .text(words: measureTypes + ["MULTI"])),
    Field("Time", .text(length: 1...256)),
    Field("TimeUnit", .text(words: ["MILLISECONDS", "SECONDS", "MICROSECONDS", "NANOSECONDS"])),
    Field("Version", .integer()),
    Field(
      "MeasureValues",
      .list(
        .structure([
          Field("Name", .text(length: 1...Int.max), required: true),
          Field("Value", .text(length: 1...2048), required: true),
          Field("Type", .text(words: measureTypes + ["MULTI"]), required: true),
        ]))),
  ]

  /// The members of each operation's input.
  static let operations: [String: [Shape.Field]] = [
    "CreateDatabase": [Field("DatabaseName", newName, required: true), key, Field("Tags", tagList)],
    "DescribeDatabase": [database],
    "UpdateDatabase": [database, Field("KmsKeyId", .text(length: 1...2048), required: true)],
    "DeleteDatabase": [database],
    "ListDatabases": page,
    "CreateTable": [database, Field("TableName", newName, required: true), Field("Tags", tagList)] + settings,
    "DescribeTable": [database, table],
    "UpdateTable": [database, table] + settings,
    "DeleteTable": [database, table],
    "ListTables": [Field("DatabaseName", .text(length: 1...256))] + page,
    "WriteRecords": [
      database, table, Field("CommonAttributes", .structure(record)),
      Field("Records", .list(.structure(record), count: 1...100), required: true),
    ],
    "ListTagsForResource": [resource],
    "TagResource": [resource, Field("Tags", tagList, required: true)],
    "UntagResource": [
      resource, Field("TagKeys", .list(.text(length: 1...128), count: 0...200), required: true),
    ],
  ]
}
