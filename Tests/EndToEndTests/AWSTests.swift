import Foundation
import Testing

/// What is for AWS: the CloudFormation template, and the documents in AWS's API.
@Suite struct AWSTests {
  private static let tools = Trucksensor.repository.appendingPathComponent(".build/aws-tools/bin")
  static func hasTool(_ name: String) -> Bool {
    FileManager.default.isExecutableFile(atPath: tools.appendingPathComponent(name).path)
  }

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: Trucksensor.repository.appendingPathComponent(path), encoding: .utf8)
  }

  @Test func `the template has the policy and the rule of the repository, byte for byte`() throws {
    let template = try Self.text("deploy/aws/template.yaml")
    let lines = try #require(
      template.components(separatedBy: "# policies/truckSensor-policy.json, byte for byte").last?
        .components(separatedBy: "      PolicyDocument:\n").dropFirst().first?
        .components(separatedBy: "\n\n").first?.split(separator: "\n"))
    let policy = lines.map { line in line.dropFirst(8) }.joined(separator: "\n") + "\n"
    #expect(try policy == Self.text("policies/truckSensor-policy.json"))
    let rule = try #require(
      try JSONSerialization.jsonObject(with: Data(Self.text("rules/truckAnalyze.json").utf8))
        as? [String: Any])
    let sql = try #require(rule["sql"] as? String)
    #expect(template.contains("        Sql: \"\(sql)\"\n"))
    #expect(template.contains("AwsIotSqlVersion: \"\(rule["awsIotSqlVersion"] as? String ?? "")\""))
    #expect(template.contains("RuleName: truckAnalyze\n"))
    // The store's action, whose keys CloudFormation spells with capitals.
    let actions = try #require(rule["actions"] as? [[String: [String: Any]]])
    let store = try #require(actions.compactMap { $0["timestream"] }.first)
    let timestamp = try #require(store["timestamp"] as? [String: String])
    let dimension = try #require((store["dimensions"] as? [[String: String]])?.first)
    let expected = [
      "DatabaseName: \(store["databaseName"] ?? "")", "TableName: \(store["tableName"] ?? "")",
      "- Name: \(dimension["name"] ?? "")", "Value: \"\(dimension["value"] ?? "")\"",
      "Value: \"\(timestamp["value"] ?? "")\"", "Unit: \(timestamp["unit"] ?? "")",
    ]
    for line in expected { #expect(template.contains("  \(line)\n"), "\(line)") }
    for topic in ["truck/analyze", "TimeStream_rule_error"] {
      #expect(template.contains("Topic: \(topic)\n"))
      #expect(template.contains(":topic/\(topic)\n"))
    }
  }

  @Test(.enabled(if: hasTool("cfn-lint"), "scripts/setup.sh --tests could not install cfn-lint"))
  func `cfn-lint finds no error in the template`() throws {
    let folder = try Trucksensor()
    let result = try Trucksensor.Running(
      Self.tools.appendingPathComponent("cfn-lint"),
      [
        "--non-zero-exit-code", "error",
        Trucksensor.repository.appendingPathComponent("deploy/aws/template.yaml").path,
      ],
      in: folder.folder
    ).wait()
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    #expect(!result.output.contains("\nE"))
  }

  @Test(.enabled(if: hasTool("moto_server"), "scripts/setup.sh --tests could not install moto"))
  func `AWS's API as moto emulates it takes type, thing, keys, policy and rule`() throws {
    let folder = try Trucksensor()
    let port = UInt16.random(in: 20_000...29_999)
    let server = try Trucksensor.Running(
      Self.tools.appendingPathComponent("moto_server"), ["-H", "127.0.0.1", "-p", "\(port)"],
      in: folder.folder)
    defer { server.end() }
    try server.waitUntil { $0.errorText.contains("Running on") || $0.outputText.contains("Running on") }
    let result = try Trucksensor.Running(
      Self.tools.appendingPathComponent("python"),
      [
        Trucksensor.repository.appendingPathComponent("Tests/EndToEndTests/moto_iot.py").path,
        "http://127.0.0.1:\(port)", Trucksensor.repository.path,
      ], in: folder.folder
    ).wait()
    #expect(result.status == 0, "\(result.errors)")
    #expect(
      result.output
        == "thing sensor_DoorAndTemp T001\nkeys True\npolicy True\nprincipals True\nrule True\n")
  }
}
