import Numbers
import Testing

@testable import Simulator

@Suite struct CSVReaderTests {
  @Test(arguments: [
    ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
    ("a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]),
    ("a,b\r1,2\r", [["a", "b"], ["1", "2"]]),
    ("a,b\n1,2", [["a", "b"], ["1", "2"]]),
    ("\u{FEFF}a,b\n", [["a", "b"]]),
    ("a\n\n\r\n\n1\n", [["a"], ["1"]]),
    (",\n", [["", ""]]),
    ("a,", [["a", ""]]),
    ("\"\"\n", [[""]]),
    ("\"a,b\",\"c\nd\",\"e\"\"f\"\n", [["a,b", "c\nd", "e\"f"]]),
    ("\"\"\"\"", [["\""]]),
    ("\"a\"\r\n\"b\"", [["a"], ["b"]]),
    (" 1.50 ,é€😀\n", [[" 1.50 ", "é€😀"]]),
    ("a\0b,c\n", [["a\0b", "c"]]),
    ("a;b\n1;\"2;3\"\n", [["a", "b"], ["1", "2;3"]]), ("a\tb\n1\t2,3\n", [["a", "b"], ["1", "2,3"]]),
    ("a,b;c\n1,2;3\n", [["a", "b;c"], ["1", "2;3"]]), ("\"x;y\",b\n1;1,2\n", [["x;y", "b"], ["1;1", "2"]]),
    ("", []), ("\n\n", []), ("\u{FEFF}", []),
  ])
  func `Fields are the bytes that stand in the file`(text: String, expected: [[String]]) throws {
    #expect(try records(TemporaryFile(text)) == expected)
  }

  @Test(arguments: [
    ("a,b\n1,x\"y\n", "2:4"), ("a\n\"b\"c\n", "2:4"), ("a,b\n1,2\n3,\"never\nclosed\n", "3:3"),
    ("a\n\"x\ny\",z\"\n", "3:5"), ("a\r\n\"\r\n\r\n\",b\"\r\n", "4:4"),
  ])
  func `A misplaced quote is reported where it stands`(text: String, expected: String) {
    let error = #expect(throws: DatasetError.self) { try records(TemporaryFile(text)) }
    #expect(place(error) == expected)
    #expect(error?.description.contains(".csv:\(expected): ") == true)
  }

  @Test(
    arguments: [
      ([0x61, 0xFF], "1:2"), ([0x61, 0x2C, 0xC3, 0x28], "1:3"), ([0xED, 0xA0, 0x80], "1:1"),
      ([0xC0, 0x80], "1:1"), ([0x61, 0x0A, 0xF5], "2:1"), ([0xFF, 0xFE, 0x61, 0x00], "1:1"),
      ([0x61, 0xE2, 0x82], "1:2"),
    ] as [([UInt8], String)])
  func `Bytes that aren't UTF-8 are an error`(bytes: [UInt8], expected: String) {
    let error = #expect(throws: DatasetError.self) { try records(TemporaryFile(bytes)) }
    #expect(place(error) == expected)
  }

  @Test func `Lenient reading repairs and counts`() throws {
    var options = CSVReader.Options()
    options.isLenient = true
    let file = TemporaryFile(Array("a\"b,".utf8) + [0xFF, 0xC3, 0x0A] + Array("\"x\"y,\"open".utf8))
    let reader = try CSVReader(path: file.path, options: options)
    #expect(try reader.next())
    #expect([reader.text(0), reader.text(1)] == ["a\"b", "\u{FFFD}\u{FFFD}"])
    #expect(try reader.next())
    #expect([reader.text(0), reader.text(1)] == ["xy", "open"])
    #expect(try !reader.next())
    #expect(reader.repairs.strayQuotes == 2)
    #expect(reader.repairs.invalidUTF8 == 2)
    #expect(reader.repairs.unclosedQuotes == 1)
  }

  @Test(arguments: [
    ("\"" + String(repeating: "x", count: 5000), "1:1"), ("a\n" + String(repeating: "x", count: 5000), "2:1"),
    ("a\n1,2,3,4,5\n", "2:9"),
  ])
  func `A record past the limits is an error`(text: String, expected: String) {
    var options = CSVReader.Options()
    options.bufferSize = 64
    options.recordLimit = 1000
    options.columnLimit = 4
    let error = #expect(throws: DatasetError.self) { try records(TemporaryFile(text), options) }
    #expect(place(error) == expected)
  }

  @Test func `A field of almost the limit is read`() throws {
    let field = String(repeating: "x", count: (1 << 20) - 10)
    #expect(try records(TemporaryFile("a\n\(field)\n")) == [["a"], [field]])
  }

  @Test func `Every buffer size reads the same`() throws {
    var generator = SplitMix64(seed: 7)
    let pieces = [
      "1", "2.5", "é", "😀", "\"q\"\"r\"", "\"a,b\"", "\"x\r\ny\"", "\"\"", "", "long text", "\"\n\n\"",
    ]
    var text = "\u{FEFF}"
    for _ in 0..<300 {
      for column in 0..<Int.random(in: 1...5, using: &generator) {
        text += (column > 0 ? "," : "") + pieces[Int.random(in: 0..<pieces.count, using: &generator)]
      }
      text += ["\n", "\r\n", "\r", "\n\n"][Int.random(in: 0..<4, using: &generator)]
    }
    let file = TemporaryFile(text)
    let expected = try places(file, bufferSize: 1 << 20)
    #expect(expected.count > 200)
    for size in 1...64 { #expect(try places(file, bufferSize: size) == expected) }
  }

  private func places(_ file: TemporaryFile, bufferSize: Int) throws -> [String] {
    var options = CSVReader.Options()
    options.bufferSize = bufferSize
    let reader = try CSVReader(path: file.path, options: options)
    var lines: [String] = []
    while try reader.next() {
      for index in 0..<reader.fieldCount {
        lines.append("\(reader.place(of: index)) \(reader.text(index).debugDescription)")
      }
    }
    return lines
  }

  @Test(arguments: [true, false])
  func `Random bytes never crash`(isLenient: Bool) {
    var generator = SplitMix64(seed: 11)
    let alphabet: [UInt8] = [0x22, 0x2C, 0x0A, 0x0D, 0x00, 0xC3, 0xA9, 0xFF, 0x31, 0x61, 0xEF, 0xBB, 0xBF]
    var options = CSVReader.Options()
    options.isLenient = isLenient
    options.bufferSize = 5
    for _ in 0..<400 {
      let bytes = (0..<Int.random(in: 0...80, using: &generator)).map { _ in
        alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
      }
      _ = try? records(TemporaryFile(bytes), options)
    }
  }

  @Test(arguments: [("/nowhere/data.csv", "No such file"), ("/tmp", "it is a folder")])
  func `What can't be read says why`(path: String, reason: String) {
    let error = #expect(throws: DatasetError.self) { _ = try CSVReader(path: path).next() }
    #expect(error?.description.contains(reason) == true)
  }
}
