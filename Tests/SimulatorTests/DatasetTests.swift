import Numbers
import Testing
import Time

@testable import Simulator

@Suite struct DatasetTests {
  private func rows(_ text: String, _ options: Dataset.Options = .init()) throws(DatasetError) -> [String] {
    let file = TemporaryFile(text)
    let dataset = try Dataset(path: file.path, options: options)
    var rows = [dataset.names.joined(separator: "|")]
    while let reading = try dataset.next() {
      rows.append((0..<reading.count).map(reading.text).joined(separator: "|"))
    }
    return rows
  }

  private func options(
    map: [String] = [], fields: [String]? = nil, isLenient: Bool = false
  ) -> Dataset.Options {
    var options = Dataset.Options()
    options.map = map.compactMap(Dataset.Options.mapping)
    options.fields = fields
    options.isLenient = isLenient
    return options
  }

  @Test(
    arguments: [
      ([], nil, ["a|B b|c", "1|2|3"]), (["x=B b", "y=a"], nil, ["x|y", "2|1"]),
      ([], ["c", "a"], ["c|a", "3|1"]), (["x=B b", "y=a"], ["y"], ["y", "1"]),
    ] as [([String], [String]?, [String])])
  func `Columns are renamed, chosen and ordered`(map: [String], fields: [String]?, expected: [String]) throws
  {
    #expect(try rows("a, B b ,c\n1,2,3\n", options(map: map, fields: fields)) == expected)
  }

  @Test func `Blanks around values are not sent`() throws {
    #expect(try rows("a, b\n 12.128000 ,\tx y \n") == ["a|b", "12.128000|x y"])
  }

  @Test(arguments: [
    ("timestamp,temp\n2024-10-23T14:00:00Z,1\n2024-10-23T14:00:05Z,2\n", ["temp", "1", "2"]),
    (
      "Date;temp\n2024-10-23 14:00:00;1\n2024-10-23 14:00:05;2\n",
      ["Date|temp", "2024-10-23 14:00:00|1", "2024-10-23 14:00:05|2"]
    ),
  ])
  func `A column with times drives the pace whatever it is called, and a message keeps its own time stamp`(
    text: String, expected: [String]
  ) throws {
    #expect(try rows(text) == expected)
    let file = TemporaryFile(text)
    let dataset = try Dataset(path: file.path)
    _ = try dataset.next()
    let first = try dataset.time()
    _ = try dataset.next()
    #expect(try dataset.time() - first == 5)
  }

  @Test func `A decimal comma is an error at its place that says what to do`() {
    let error = #expect(throws: DatasetError.self) { try rows("uptime;temp\n1;-18,5\n") }
    #expect(place(error) == "2:3")
    #expect(error?.message.contains("'-18,5' in column 'temp' has a decimal comma") == true)
  }

  @Test func `A trailing comma is dropped from header and rows`() throws {
    #expect(try rows("a,b,\n1,2,\n3,4\n") == ["a|b", "1|2", "3|4"])
    #expect(try rows("a,b\n1,2,\n") == ["a|b", "1|2"])
  }

  @Test(arguments: [
    ("", "0:0", "empty"), ("\n\n", "0:0", "empty"), ("a,b\n", "1:0", "no rows"),
    ("a,a\n1,2\n", "1:3", "'a'"), ("a,,b\n1,2,3\n", "1:3", "column 2"),
    ("1,12.1\n4,12.2\n", "1:0", "only numbers"),
    ("a,b\n1\n", "2:1", "1 field,"), ("a,b\n1,2\n1,2,3\n", "3:5", "3 fields"), ("a,n\n1,2\n", "1:0", "'n'"),
  ])
  func `A wrong header or row is an error`(text: String, expected: String, words: String) {
    let error = #expect(throws: DatasetError.self) { try rows(text) }
    #expect(place(error) == expected)
    #expect(error?.message.contains(words) == true, "\(String(describing: error))")
  }

  @Test func `An unknown column names the nearest`() {
    let mapped = #expect(throws: DatasetError.self) {
      try rows("temp,volts\n1,2\n", options(map: ["t=tmep"]))
    }
    #expect(mapped?.message.contains("did you mean 'temp'? (columns: temp, volts)") == true)
    let field = #expect(throws: DatasetError.self) {
      try rows("temp,volts\n1,2\n", options(fields: ["volt"]))
    }
    #expect(field?.message.contains("did you mean 'volts'?") == true)
  }

  @Test func `Lenient reading pads, cuts, renames and counts`() throws {
    let file = TemporaryFile("a,a,,i\n1\n1,2,3,4,5\n")
    let dataset = try Dataset(path: file.path, options: options(isLenient: true))
    #expect(dataset.names == ["a", "a_2", "column_3"])
    #expect(try dataset.next()?.text(1) == "")
    #expect(try dataset.next()?.text(2) == "3")
    let end = try dataset.next() == nil
    #expect(end)
    #expect(dataset.repairs.paddedRows == 1 && dataset.repairs.cutRows == 1)
    #expect(dataset.repairs.renamedColumns == 2 && dataset.repairs.droppedColumns == 1)
    try dataset.rewind()
    #expect(dataset.repairs.renamedColumns == 2)
  }

  @Test func `Time goes on by one typical step from pass to pass`() throws {
    let file = TemporaryFile("volts,uptime\n12,1\n12,4\n12,7\n12,20\n")
    let dataset = try Dataset(path: file.path, options: options(fields: ["volts"]))
    var elapsed: [Double] = []
    for pass in 1...3 {
      #expect(dataset.pass == pass)
      while try dataset.next() != nil { elapsed.append(try dataset.elapsed()) }
      try dataset.rewind()
    }
    #expect(elapsed == [0, 3, 6, 19, 22, 25, 28, 41, 44, 47, 50, 63])
  }

  @Test func `A step back is an error, leniently no step`() throws {
    let file = TemporaryFile("uptime\n1\n4\n2\n5\n")
    let strict = try Dataset(path: file.path)
    let error = #expect(throws: DatasetError.self) {
      while try strict.next() != nil { _ = try strict.elapsed() }
    }
    #expect(place(error) == "4:1")
    let lenient = try Dataset(path: file.path, options: options(isLenient: true))
    var elapsed: [Double] = []
    while try lenient.next() != nil { elapsed.append(try lenient.elapsed()) }
    #expect(elapsed == [0, 3, 3, 6])
    #expect(lenient.repairs.stepsBack == 1)
  }

  @Test(arguments: [
    ("a,uptime\nx,1s\n", "2:3"), ("a,time\nx,yesterday\n", "2:3"), ("a,b\n1,x\n", "1:0"),
    ("uptime,b\nnan,1\n", "2:1"),
  ])
  func `An invalid time is an error when it is needed`(text: String, expected: String) throws {
    let file = TemporaryFile(text)
    let dataset = try Dataset(path: file.path)
    _ = try dataset.next()
    let error = #expect(throws: DatasetError.self) { try dataset.time() }
    #expect(place(error) == expected)
  }

  @Test func `A row without the time that is needed is skipped leniently, a pass without any is an error`()
    throws
  {
    let file = TemporaryFile("uptime\n1\nx\n4\n")
    let dataset = try Dataset(path: file.path, options: options(isLenient: true))
    var times: [Double] = []
    for _ in 1...2 {
      while try dataset.nextTimed() != nil { times.append(try dataset.time()) }
      try dataset.rewind()
    }
    #expect(times == [1, 4, 1, 4])
    #expect(dataset.repairs.skippedRows == 2)
    let strict = try Dataset(path: file.path)
    _ = try strict.nextTimed()
    #expect(place(#expect(throws: DatasetError.self) { try strict.nextTimed() }) == "3:1")
    let timeless = TemporaryFile("uptime\nx\ny\n")
    let none = try Dataset(path: timeless.path, options: options(isLenient: true))
    #expect(place(#expect(throws: DatasetError.self) { try none.nextTimed() }) == "2:1")
  }

  @Test(
    arguments: [
      ("2024-10-23T17:14:03Z", 1_729_703_643), ("2024-10-23T20:14:03+03:00", 1_729_703_643),
      ("2024-10-23T20:14:03+0300", 1_729_703_643), ("2024-10-23 17:14:03.979735", 1_729_703_643.979735),
      ("2024-10-23T12:14:03-05", 1_729_703_643), ("1729703643", 1_729_703_643),
      ("1729703643979", 1_729_703_643.979),
      ("1970-01-01", 0), ("2000-02-29T00:00Z", 951_782_400), ("1969-12-31T23:59:59Z", -1),
      ("2023-02-29T00:00:00Z", nil), ("2024-13-01", nil), ("2024-10-23T25:00:00Z", nil),
      ("2024-10-23T1", nil),
      ("", nil), ("2024-10-23T17:14:03Zx", nil), ("2024-10-23T17:14:03+3", nil),
    ] as [(String, Double?)])
  func `Moments are read in each notation`(text: String, expected: Double?) {
    #expect(Moment.epochSeconds(text) == expected)
  }

  @Test(arguments: [
    "0", "1", "-1.5", "+2", "12.11", "1e3", "1E-3", " 7 ", "123456789012345678", "0.1234567890123456789",
    ".5", "5.",
  ])
  func `Numbers equal Swift's own`(text: String) {
    var swift = text.filter { $0 != " " }
    if swift.hasPrefix(".") { swift = "0" + swift }
    if swift.hasSuffix(".") { swift += "0" }
    #expect(NumberText.double(text) == Double(swift))
  }

  @Test(arguments: ["", "nan", "inf", "0x10", "1e", "1e999", "--1", "1,5", "1 2", ".", "-", "１", "1\0"])
  func `Other texts aren't numbers`(text: String) { #expect(NumberText.double(text) == nil) }
}
