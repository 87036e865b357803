import Foundation
import Testing

/// The Markdown files of the repository.
@Suite struct LinkTests {
  private static let documents =
    [
      "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "certs/README.md",
      "TruckSensorFiles/README.md",
    ]
    + ["docs", "deploy"].flatMap { folder in
      (FileManager.default.subpaths(atPath: Shell.repository.appendingPathComponent(folder).path) ?? [])
        .filter { $0.hasSuffix(".md") }.map { "\(folder)/\($0)" }
    }

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: Shell.repository.appendingPathComponent(path), encoding: .utf8)
  }

  /// The anchors of a document's headings, by GitHub's rule: lower case, blanks become dashes, punctuation is left out.
  private static func anchors(_ path: String) throws -> Set<String> {
    Set(
      try text(path).split(separator: "\n").filter { $0.hasPrefix("#") }.map { heading in
        String(
          heading.drop { $0 == "#" }.trimmingPrefix(while: \.isWhitespace).lowercased().compactMap {
            character in
            character == " "
              ? "-" : character.isLetter || character.isNumber || "-_".contains(character) ? character : nil
          })
      })
  }

  @Test(arguments: documents)
  func `every link of a document leads to a file of the repository, and to a heading in it`(path: String)
    throws
  {
    let folder = (path as NSString).deletingLastPathComponent
    for match in try Self.text(path).matches(of: /\]\(([^)\s]+)\)/) {
      let link = String(match.1)
      if link.contains("://") { continue }
      let parts = link.split(separator: "#", omittingEmptySubsequences: false).map(String.init)
      let target =
        parts[0].isEmpty
        ? path : (((folder as NSString).appendingPathComponent(parts[0])) as NSString).standardizingPath
      let file = Shell.repository.appendingPathComponent(target)
      #expect(FileManager.default.fileExists(atPath: file.path), "\(path): \(link)")
      guard parts.count == 2 else { continue }
      #expect(try Self.anchors(target).contains(parts[1]), "\(path): \(link)")
    }
  }
}
