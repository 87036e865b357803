import Testing

/// One expression: its type and value. Sources: P is Presto's documentation of the function or operator, T the Timestream
/// developer guide.
struct ExpressionCase: Sendable, CustomTestStringConvertible {
  let sql: String
  let type: String
  let value: String
  var testDescription: String { sql }

  init(_ sql: String, _ type: String, _ value: String) {
    self.sql = sql
    self.type = type
    self.value = value
  }
}

@Suite struct ExpressionTests {
  static let fixture = QueryFixture.shared

  // P: literals, arithmetic
  static let arithmetic: [ExpressionCase] = [
    .init("1", "integer", "1"), .init("3000000000", "bigint", "3000000000"), .init("1.5", "double", "1.5"),
    .init("1e3", "double", "1000.0"), .init("1e10", "double", "1.0E10"), .init("0.0001", "double", "1.0E-4"),
    .init("'it''s'", "varchar", "it's"), .init("true", "boolean", "true"), .init("NULL", "unknown", "NULL"),
    .init("1 + 2 * 3", "integer", "7"), .init("(1 + 2) * 3", "integer", "9"), .init("7 / 2", "integer", "3"),
    .init("-7 / 2", "integer", "-3"), .init("-7 % 2", "integer", "-1"), .init("7 / 2.0", "double", "3.5"),
    .init("1 + 0.5", "double", "1.5"), .init("1.0 / 0", "double", "Infinity"),
    .init("2147483647 + BIGINT '1'", "bigint", "2147483648"),
    .init("- - 5", "integer", "5"), .init("-9223372036854775808", "bigint", "-9223372036854775808"),
    .init("mod(7, 3)", "integer", "1"), .init("mod(-7.5, 2)", "double", "-1.5"),
    .init("5 - 7 - 1", "integer", "-3"),
    .init("abs(-3)", "integer", "3"), .init("abs(-3.5)", "double", "3.5"),
    .init("ceil(1.2)", "double", "2.0"),
    .init("ceiling(-1.2)", "double", "-1.0"), .init("floor(-1.2)", "double", "-2.0"),
    .init("round(2.5)", "double", "3.0"),
    .init("round(-2.5)", "double", "-3.0"), .init("round(12.3456, 2)", "double", "12.35"),
    .init("round(1234, -2)", "bigint", "1200"),
    .init("truncate(-1.9)", "double", "-1.0"), .init("power(2, 10)", "double", "1024.0"),
    .init("sqrt(9)", "double", "3.0"),
    .init("cbrt(27)", "double", "3.0"), .init("exp(0)", "double", "1.0"), .init("ln(1)", "double", "0.0"),
    .init("log2(8)", "double", "3.0"), .init("log10(1000)", "double", "3.0"),
    .init("log(2, 8)", "double", "3.0"),
    .init("sign(-4)", "bigint", "-1"), .init("pi()", "double", "3.141592653589793"),
    .init("degrees(pi())", "double", "180.0"),
    .init("greatest(1, 3, 2)", "integer", "3"), .init("least(1, 2.5)", "double", "1.0"),
    .init("greatest('a', 'b')", "varchar", "b"),
    .init("greatest(1, NULL)", "integer", "NULL"), .init("is_nan(nan())", "boolean", "true"),
    .init("width_bucket(5, 0, 10, 5)", "bigint", "3"), .init("to_base(255, 16)", "varchar", "ff"),
    .init("from_base('ff', 16)", "bigint", "255"),
    .init("bitwise_and(12, 10)", "bigint", "8"),
  ]

  // P: logic and comparison
  static let logic: [ExpressionCase] = [
    .init("NULL AND false", "boolean", "false"), .init("NULL OR true", "boolean", "true"),
    .init("NULL AND true", "boolean", "NULL"),
    .init("NOT false", "boolean", "true"), .init("1 < 2 AND 2 < 3", "boolean", "true"),
    .init("1 = 1.0", "boolean", "true"),
    .init("NULL = NULL", "boolean", "NULL"), .init("NULL IS NULL", "boolean", "true"),
    .init("1 IS DISTINCT FROM NULL", "boolean", "true"),
    .init("NULL IS NOT DISTINCT FROM NULL", "boolean", "true"), .init("2 BETWEEN 1 AND 3", "boolean", "true"),
    .init("2 NOT BETWEEN 1 AND 3", "boolean", "false"), .init("2 IN (1, 2)", "boolean", "true"),
    .init("3 NOT IN (1, NULL)", "boolean", "NULL"),
    .init("'a' < 'B'", "boolean", "false"), .init("'Temp' LIKE 'temp'", "boolean", "false"),
    .init("'temp' LIKE 't%p'", "boolean", "true"),
    .init("'a%c' LIKE 'a#%c' ESCAPE '#'", "boolean", "true"),
    .init("'abc' NOT LIKE '_b_'", "boolean", "false"),
    .init("CASE WHEN 1 > 2 THEN 'a' ELSE 'b' END", "varchar", "b"),
    .init("CASE 2 WHEN 1 THEN 1 WHEN 2 THEN 2.5 END", "double", "2.5"),
    .init("CASE WHEN true THEN 1 ELSE 1/0 END", "integer", "1"),
    .init("if(1 < 2, 'yes', 'no')", "varchar", "yes"),
    .init("if(false, 1)", "integer", "NULL"), .init("coalesce(NULL, 2, 3)", "integer", "2"),
    .init("nullif(1, 1)", "integer", "NULL"),
    .init("try(1 / 0)", "integer", "NULL"), .init("try_cast('x' AS bigint)", "bigint", "NULL"),
    .init("typeof(1.0)", "varchar", "double"),
    .init("ROW(1, 'a') = ROW(1, 'a')", "boolean", "true"), .init("(1, 2) < (1, 3)", "boolean", "true"),
  ]

  // P: texts
  static let texts: [ExpressionCase] = [
    .init("'a' || 'b' || 'c'", "varchar", "abc"), .init("concat('a', 'b')", "varchar", "ab"),
    .init("length('Köln')", "bigint", "4"),
    .init("upper('ab')", "varchar", "AB"), .init("lower('AB')", "varchar", "ab"),
    .init("reverse('abc')", "varchar", "cba"),
    .init("trim('  a ')", "varchar", "a"), .init("ltrim(' a ') || '.'", "varchar", "a ."),
    .init("replace('aXbX', 'X', '-')", "varchar", "a-b-"),
    .init("substr('abcde', 2, 3)", "varchar", "bcd"), .init("substring('abcde', -2)", "varchar", "de"),
    .init("strpos('abc', 'c')", "bigint", "3"),
    .init("position('b' IN 'abc')", "bigint", "2"),
    .init("split('a,b,c', ',')", "array(varchar)", "[a, b, c]"),
    .init("split_part('a-b-c', '-', 2)", "varchar", "b"), .init("split_part('a', '-', 2)", "varchar", "NULL"),
    .init("lpad('7', 3, '0')", "varchar", "007"), .init("rpad('abc', 2, ' ')", "varchar", "ab"),
    .init("chr(65)", "varchar", "A"),
    .init("starts_with('abc', 'ab')", "boolean", "true"),
    .init("regexp_like('1a 2b', '\\d+b')", "boolean", "true"),
    .init("regexp_extract('1a 2b', '(\\d+)([a-z]+)', 2)", "varchar", "a"),
    .init("regexp_replace('1a 2b', '(\\d+)([ab]) ', '$2$1')", "varchar", "a12b"),
    .init("regexp_extract_all('1a 2b 14m', '\\d+')", "array(varchar)", "[1, 2, 14]"),
    .init("levenshtein_distance('kitten', 'sitting')", "bigint", "3"),
  ]

  // P: casts
  static let casts: [ExpressionCase] = [
    .init("cast(2.7 AS bigint)", "bigint", "3"), .init("cast(-2.5 AS integer)", "integer", "-3"),
    .init("cast('12' AS integer)", "integer", "12"),
    .init("cast(1 AS double)", "double", "1.0"), .init("cast(12.5 AS varchar)", "varchar", "12.5"),
    .init("cast(true AS varchar)", "varchar", "true"),
    .init("cast('true' AS boolean)", "boolean", "true"),
    .init("cast('2024-10-23 17:14:03' AS timestamp)", "timestamp", "2024-10-23 17:14:03.000000000"),
    .init("cast('2024-10-23' AS date)", "date", "2024-10-23"),
    .init("cast(timestamp '2024-10-23 17:14:03.5' AS date)", "date", "2024-10-23"),
    .init("cast(date '2024-10-23' AS timestamp)", "timestamp", "2024-10-23 00:00:00.000000000"),
    .init("cast(timestamp '2024-10-23 17:14:03.5' AS time)", "time", "17:14:03.500000000"),
    .init("cast(ARRAY[1, 2] AS array(double))", "array(double)", "[1.0, 2.0]"),
    .init("DOUBLE '0.5'", "double", "0.5"),
  ]

  // T and P: times
  static let times: [ExpressionCase] = [
    .init("now()", "timestamp", "2024-10-23 18:00:00.000000000"),
    .init("ago(15m)", "timestamp", "2024-10-23 17:45:00.000000000"),
    .init("current_date", "date", "2024-10-23"), .init("current_time", "time", "18:00:00.000000000"),
    .init("bin(timestamp '2024-10-23 17:14:44', 30s)", "timestamp", "2024-10-23 17:14:30.000000000"),
    .init("bin(timestamp '1969-12-31 23:59:59', 1m)", "timestamp", "1969-12-31 23:59:00.000000000"),
    .init(
      "date_trunc('hour', timestamp '2024-10-23 17:14:44')", "timestamp", "2024-10-23 17:00:00.000000000"),
    .init("date_trunc('month', date '2024-10-23')", "date", "2024-10-01"),
    .init(
      "date_add('month', 1, timestamp '2024-01-31 12:00:00')", "timestamp", "2024-02-29 12:00:00.000000000"),
    .init("date_add('day', -1, date '2024-03-01')", "date", "2024-02-29"),
    .init("date_diff('day', date '2024-02-28', date '2024-03-01')", "bigint", "2"),
    .init("date_diff('month', timestamp '2024-01-31', timestamp '2024-03-30')", "bigint", "1"),
    .init(
      "date_diff('minute', timestamp '2024-10-23 17:00:59', timestamp '2024-10-23 17:02:00')", "bigint", "1"),
    .init("from_milliseconds(1)", "timestamp", "1970-01-01 00:00:00.001000000"),
    .init("from_nanoseconds(1)", "timestamp", "1970-01-01 00:00:00.000000001"),
    .init("from_unixtime(1.5)", "timestamp", "1970-01-01 00:00:01.500000000"),
    .init("to_milliseconds(timestamp '1970-01-01 00:00:01')", "bigint", "1000"),
    .init("to_nanoseconds(2ms)", "bigint", "2000000"),
    .init("to_unixtime(timestamp '1970-01-01 00:00:01.5')", "double", "1.5"),
    .init("to_iso8601(timestamp '2024-10-23 17:14:03')", "varchar", "2024-10-23T17:14:03Z"),
    .init(
      "from_iso8601_timestamp('2024-10-23T17:14:03+03:00')", "timestamp", "2024-10-23 14:14:03.000000000"),
    .init("year(timestamp '2024-10-23')", "bigint", "2024"),
    .init("extract(hour FROM timestamp '2024-10-23 17:14:03')", "bigint", "17"),
    .init("day_of_week(date '2024-10-23')", "bigint", "3"), .init("week(date '2024-12-30')", "bigint", "1"),
    .init("quarter(date '2024-10-23')", "bigint", "4"),
    .init("day_of_year(date '2024-12-31')", "bigint", "366"),
    // Joda-Time's letters, which Presto's format_datetime has.
    .init(
      "format_datetime(timestamp '2024-10-03 07:04:05', 'yyyy-MM-dd HH:mm:ss')", "varchar",
      "2024-10-03 07:04:05"),
    .init(
      "format_datetime(timestamp '2024-10-03 19:04:05', 'EEE d MMM, h a')", "varchar", "Thu 3 Oct, 7 PM"),
    .init(
      "date_format(timestamp '2024-10-03 07:04:05', '%Y-%m-%d %H:%i:%s %W %e')", "varchar",
      "2024-10-03 07:04:05 Thursday 3"),
    .init(
      "date_parse('03/10/2024 7:04 PM', '%d/%m/%Y %l:%i %p')", "timestamp", "2024-10-03 19:04:00.000000000"),
    .init("INTERVAL '2' DAY", "interval day to second", "2 00:00:00.000000000"),
    .init("1h + 30m", "interval day to second", "0 01:30:00.000000000"),
    .init("INTERVAL '1-2' YEAR TO MONTH", "interval year to month", "1-2"),
    .init("-2h", "interval day to second", "-0 02:00:00.000000000"),
    .init(
      "timestamp '2024-10-23 17:00:00' - INTERVAL '1' HOUR", "timestamp", "2024-10-23 16:00:00.000000000"),
    .init(
      "timestamp '2024-10-23 17:00:00' + INTERVAL '1' MONTH", "timestamp", "2024-11-23 17:00:00.000000000"),
    .init(
      "timestamp '2024-10-24' - timestamp '2024-10-23 12:00:00'", "interval day to second",
      "0 12:00:00.000000000"),
    .init("2 * 15m", "interval day to second", "0 00:30:00.000000000"),
    .init("parse_duration('42.5ms')", "interval day to second", "0 00:00:00.042500000"),
    .init("human_readable_seconds(96)", "varchar", "1 minute, 36 seconds"),
    .init("date('2024-10-23')", "date", "2024-10-23"),
    .init("timestamp '2024-10-23 17:00:00' > '2024-10-23 16:00:00'", "boolean", "true"),
  ]

  // P: arrays, rows, lambdas; T: time series
  static let arrays: [ExpressionCase] = [
    .init("ARRAY[1, 2, 3]", "array(integer)", "[1, 2, 3]"),
    .init("ARRAY[1, 2.5]", "array(double)", "[1.0, 2.5]"),
    .init("ARRAY[1, 2, 3][2]", "integer", "2"), .init("cardinality(ARRAY[1, NULL])", "bigint", "2"),
    .init("contains(ARRAY[1, 2], 2)", "boolean", "true"),
    .init("element_at(ARRAY[1, 2], -1)", "integer", "2"),
    .init("array_max(ARRAY[1, 3, 2])", "integer", "3"),
    .init("array_join(ARRAY[1, NULL, 3], '-')", "varchar", "1-3"),
    .init("array_sort(ARRAY[3, 1, NULL, 2])", "array(integer)", "[1, 2, 3, NULL]"),
    .init("array_distinct(ARRAY[1, 1, 2])", "array(integer)", "[1, 2]"),
    .init("ARRAY[1] || ARRAY[2]", "array(integer)", "[1, 2]"),
    .init("slice(ARRAY[1, 2, 3, 4], 2, 2)", "array(integer)", "[2, 3]"),
    .init("flatten(ARRAY[ARRAY[1], ARRAY[2, 3]])", "array(integer)", "[1, 2, 3]"),
    .init("sequence(1, 5)", "array(bigint)", "[1, 2, 3, 4, 5]"),
    .init("sequence(5, 1, -2)", "array(bigint)", "[5, 3, 1]"),
    .init(
      "cardinality(sequence(timestamp '2024-10-23 17:00:00', timestamp '2024-10-23 18:00:00', 30s))",
      "bigint", "121"),
    .init("ROW(1, 'a')", "row(integer, varchar)", "(1, a)"),
    .init("transform(ARRAY[1, 2], x -> x * 2)", "array(integer)", "[2, 4]"),
    .init("filter(ARRAY[1, 2, 3], x -> x % 2 = 1)", "array(integer)", "[1, 3]"),
    .init("reduce(ARRAY[1, 2, 3], 0, (s, x) -> s + x, s -> s)", "integer", "6"),
    .init("reduce(ARRAY[1.5, 2], 0, (s, x) -> s + x, s -> s / 2)", "double", "1.75"),
    .init("any_match(ARRAY[1, 2], x -> x > 1)", "boolean", "true"),
    .init("zip_with(ARRAY[1, 2], ARRAY[10], (x, y) -> x + y)", "array(integer)", "[11, NULL]"),
    .init(
      "zip(ARRAY[1, 2], ARRAY['a'])", "array(row(integer, varchar))", "[(1, a), (2, NULL)]"),
    .init("ngrams(ARRAY['a', 'b', 'c'], 2)", "array(array(varchar))", "[[a, b], [b, c]]"),
    .init("cardinality(shuffle(ARRAY[1, 2, 3]))", "bigint", "3"),
    .init("regexp_split('1a 2b 14m', '\\s*[a-z]+\\s*')", "array(varchar)", "[1, 2, 14, ]"),
    .init("hamming_distance('abcd', 'abde')", "bigint", "2"), .init("bit_count(-7, 8)", "bigint", "6"),
    .init("bit_count(9, 64)", "bigint", "2"), .init("normal_cdf(0, 1, 0)", "double", "0.5"),
    .init(
      "parse_datetime('2024/02/29 7:05:09 PM', 'yyyy/MM/dd h:mm:ss a')", "timestamp",
      "2024-02-29 19:05:09.000000000"),
    .init(
      "parse_datetime('2024-10-23T17:14:03.250+02:00', 'yyyy-MM-dd''T''HH:mm:ss.SSSZ')", "timestamp",
      "2024-10-23 15:14:03.250000000"),
    .init("date '2012-08-08' + interval '2' day", "date", "2012-08-10"),
    .init("bin('2023-09-20 17:12:22.958000000', 1m)", "timestamp", "2023-09-20 17:12:00.000000000"),
    .init("date_diff('hour', '2023-09-20', '2023-09-21 01:00:00')", "bigint", "25"),
    .init("date '2024-01-31' + interval '1' month", "date", "2024-02-29"),
    .init("date '2012-08-08' - 2d", "date", "2012-08-06"),
    .init("time '23:00' + interval '3' hour", "time", "02:00:00.000000000"),
    .init("time '01:00' - interval '3' hour", "time", "22:00:00.000000000"),
    .init("interval '3' year + interval '5' month", "interval year to month", "3-5"),
    .init("timestamp '2024-02-29 00:00:00' - 1y", "timestamp", "2023-02-28 00:00:00.000000000"),
    .init(
      "reduce(ARRAY[71.0, 69.0], CAST(ROW(0, 0) AS ROW(high BIGINT, total BIGINT)), (s, x) -> CAST(ROW(s.high + IF(x > 70.0, 1, 0), s.total + 1) AS ROW(high BIGINT, total BIGINT)), s -> IF(s.total = 0, NULL, CAST(s.high AS DOUBLE) / s.total))",
      "double", "0.5"),
    .init("reduce(ARRAY[1, 2], DOUBLE '0.0', (s, x) -> s + 1, s -> s)", "double", "2.0"),
    .init(
      "transform(ARRAY[1, 2], x -> reduce(ARRAY[10, 20], 0, (s, y) -> s + y + x, s -> s))", "array(integer)",
      "[32, 34]"),
    .init("cast(ROW(1, 2.5) AS row(a bigint, b varchar)).b", "varchar", "2.5"),
  ]

  @Test(
    "An expression has Presto's type and value",
    arguments: arithmetic + logic + texts + casts + times + arrays)
  func expressions(one: ExpressionCase) throws {
    let result = try Self.fixture.query("SELECT \(one.sql)")
    #expect(result.types == [one.type])
    #expect(result.rows == [one.value])
  }

  /// The same through a table's row, so that nothing is known before SQLite runs.
  @Test(
    "An expression over a column equals the same over a constant",
    arguments: arithmetic + logic + texts + casts + times + arrays)
  func unfolded(one: ExpressionCase) throws {
    let result = try Self.fixture.query(
      "SELECT \(one.sql) FROM (SELECT rand() AS r) WHERE r >= 0 AND (r < 0 OR (\(one.sql)) IS NOT DISTINCT FROM (\(one.sql)))"
    )
    #expect(result.rows == [one.value])
  }

  @Test(
    "What Presto refuses is refused with its place and words",
    arguments: [
      ("1 / 0", "Division by zero"), ("2147483647 + 1", "integer addition overflow"),
      ("9223372036854775807 + 1", "bigint addition overflow"),
      ("abs(BIGINT '-9223372036854775808')", "bigint absolute value overflow"),
      ("1.5 = 'a'", "line 1:12: '=' cannot be applied to double, varchar"),
      ("'a' + 1", "line 1:12: '+' cannot be applied to varchar, integer"),
      ("foo(1)", "line 1:8: Function foo not registered"),
      ("lower(1)", "line 1:8: Unexpected parameters (integer) for function lower. Expected: lower(varchar)"),
      ("x", "line 1:8: Column 'x' does not exist"), ("cast('x' AS bigint)", "Cannot cast 'x' to BIGINT"),
      ("cast(1 AS foo)", "line 1:18: Unknown type: foo"),
      (
        "CASE WHEN 1 THEN 2 END",
        "line 1:18: CASE WHEN clause must evaluate to a boolean: actual type integer"
      ),
      ("timestamp 'x'", "line 1:8: 'x' is not a valid timestamp literal"),
      ("ARRAY[1][2]", "Array subscript must be less than or equal to array length: 2 > 1"),
      ("count(count(1))", "line 1:14: Cannot nest aggregations inside aggregation 'count'"),
      ("row_number()", "line 1:8: Window function 'row_number' must have an OVER clause"),
      ("bin(now(), 0s)", "bin() needs an interval above zero"),
      (
        "from_milliseconds(9223372036854775807)",
        "The time is outside the range of timestamps, the years 1677 to 2262"
      ),
      ("regexp_like('a', '(')", "Invalid regular expression: ("),
      ("regexp_like(lpad('', 20000, 'a'), '(a+)+[bc]')", "The regular expression takes too long"),
      (
        "regexp_replace(lpad('', 20000, 'a'), '(?:(?=a{0,60000}b)|)', 'x')",
        "The regular expression takes too long"
      ),
      ("regexp_extract_all(lpad('', 20000, 'a'), 'a*+[bc]|')", "The regular expression takes too long"),
      (
        "regexp_like('a', '(?i)' || lpad('', 20000, '[\\x{100}-\\x{10ffff}]'))",
        "The regular expression takes too long"
      ),
      ("regexp_like('a', lpad('', 202, '()'))", "The regular expression has more than 100 groups"),
      ("date_add('parsec', 1, now())", "'parsec' is not a valid Timestamp field"),
      ("date '2024-01-01' + 1h", "Cannot add hour, minutes or seconds to a date"),
      ("map_agg(1, 2)", "line 1:8: Function map_agg is not supported: there are no maps"),
      (
        "json_extract('{}', '$')",
        "line 1:8: Function json_extract is not supported: there is no JSON type; regexp_extract reads a value from a text"
      ),
      ("st_point(1, 2)", "line 1:8: Function st_point is not supported: geospatial functions are missing"),
      ("to_utf8('a')", "line 1:8: Function to_utf8 is not supported: there are no binary values"),
      (
        "parse_datetime('2024-02-30', 'yyyy-MM-dd')",
        "Invalid format: '2024-02-30' does not match 'yyyy-MM-dd'"
      ),
      ("parse_datetime('24', 'yy')", "parse_datetime: years of two digits are not supported"),
      ("parse_datetime('2024', 'xxxx')", "parse_datetime: the letter 'x' of the pattern is not supported"),
      (
        "bit_count(8, 4)",
        "Number must be representable with the bits specified. 8 cannot be represented with 4 bits"
      ),
    ])
  func refused(sql: String, message: String) { #expect(Self.fixture.failure("SELECT \(sql)") == message) }
}
