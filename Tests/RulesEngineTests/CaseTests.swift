import Foundation
import RulesEngine
import Testing

/// The test cases of the dialect, after the examples and tables of the AWS IoT developer guide.
@Suite struct CaseTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Cases")

  static let files = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()

  @Test func `the files are there`() { #expect(Self.files.count == 26) }

  @Test(arguments: files) func `every case of a file passes`(file: String) throws {
    let cases = try RuleCase.cases(in: Array(Data(contentsOf: Self.folder.appendingPathComponent(file))))
    #expect(!cases.isEmpty)
    for example in cases {
      let result = example.run { throw CocoaError(.fileNoSuchFile, userInfo: ["name": $0]) }
      #expect(result == .passed, "\(example.name)")
    }
  }
}
