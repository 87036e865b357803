import Foundation

@testable import Simulator

/// A file that lives as long as this object.
final class TemporaryFile {
  let path: String

  init(_ bytes: some Sequence<UInt8>) {
    path = NSTemporaryDirectory() + "/trucksensor-\(UUID().uuidString).csv"
    _ = FileManager.default.createFile(atPath: path, contents: Data(bytes))
  }

  convenience init(_ text: String) { self.init(Array(text.utf8)) }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// All records of a file as text.
func records(_ file: TemporaryFile, _ options: CSVReader.Options = .init()) throws(DatasetError) -> [[String]]
{
  let reader = try CSVReader(path: file.path, options: options)
  var records: [[String]] = []
  while try reader.next() { records.append((0..<reader.fieldCount).map(reader.text)) }
  return records
}

/// `data.csv:LINE:COLUMN` of an error without the file's name.
func place(_ error: DatasetError?) -> String { "\(error?.line ?? 0):\(error?.column ?? 0)" }
