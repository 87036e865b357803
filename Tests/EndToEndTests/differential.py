"""Generated statements over generated readings, answered by the query service and by DuckDB: the answers must be equal.

Arguments: 'readings' and a seed, which prints a CSV to import; or the server's address, the CSV that the store has imported,
how many statements, and the seed. sqlglot translates from Trino's dialect, of which Timestream's is a part; durations, which Trino lacks, are rewritten first. Only what Presto and DuckDB
define alike is generated: not, for example, integer division by zero, the order of equal rows, or casts that round.
Prints a JSON object.
"""

import datetime
import json
import math
import random
import re
import sys

if sys.argv[1] == "readings":
    choose = random.Random(int(sys.argv[2]))
    moment = datetime.datetime(2024, 10, 23, 14)
    print("device,time,temp,volts,door,note")
    for _ in range(600):
        moment += datetime.timedelta(seconds=choose.choice([1, 3, 10, 30, 60]))
        temp, door = round(choose.uniform(-25, 20), 2), choose.randrange(2)
        note = choose.choice(["open", "closed", "ab", "Ärger", "tra"])
        some = [value if choose.random() > 0.15 else "" for value in (temp, door, note)]
        volts = round(choose.uniform(11.5, 12.5), 2)
        print(f"truck{choose.randrange(1, 4)},{moment.isoformat()}Z,{some[0]},{volts},{some[1]},{some[2]}")
    sys.exit()

import boto3
import duckdb
import sqlglot
from botocore.config import Config
from botocore.exceptions import ClientError

address, csv, count, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
choose = random.Random(seed)
query = boto3.client(
    "timestream-query", endpoint_url=address, region_name="us-east-1", aws_access_key_id="any",
    aws_secret_access_key="any", config=Config(retries={"max_attempts": 1}))
duck = duckdb.connect()
duck.execute("SET TimeZone = 'UTC'")
duck.execute(
    "CREATE TABLE t AS SELECT device, CAST(time AS TIMESTAMP) AS time, temp, volts, CAST(door AS BIGINT) AS door, note "
    f"FROM read_csv('{csv}', header = true, nullstr = '', types = {{'device': 'VARCHAR', 'time': 'TIMESTAMP', "
    "'temp': 'DOUBLE', 'volts': 'DOUBLE', 'door': 'BIGINT', 'note': 'VARCHAR'})")

COLUMNS = {"double": ["temp", "volts"], "bigint": ["door"], "varchar": ["device", "note"], "timestamp": ["time"]}


def one_of(*choices):
    return choose.choice(choices)


def literal(kind):
    if kind == "double":
        return one_of("0.5e0", "-18e0", "12.1e0", "1e0", "-0.25e0", "100e0")
    if kind == "bigint":
        return one_of("0", "1", "2", "7", "-3")
    if kind == "varchar":
        return one_of("'truck1'", "'a'", "'open'", "'x%y'", "''", "'Ä'")
    if kind == "timestamp":
        return f"timestamp '2024-10-23 {choose.randrange(14, 17)}:{choose.randrange(60):02d}:00'"
    return one_of("true", "false")


def expression(kind, depth, columns=COLUMNS):
    """An expression of a type, over `columns`."""
    if depth <= 0 or choose.random() < 0.2:
        return choose.choice(columns[kind]) if columns.get(kind) and choose.random() < 0.75 else literal(kind)

    def part(of):
        return expression(of, depth - 1, columns)

    general = [
        lambda: f"coalesce({part(kind)}, {part(kind)})",
        lambda: f"CASE WHEN {part('boolean')} THEN {part(kind)} ELSE {part(kind)} END",
        lambda: f"if({part('boolean')}, {part(kind)}, {part(kind)})",
        lambda: f"nullif({part(kind)}, {part(kind)})",
    ]
    ways = {
        "double": [
            lambda: f"({part('double')} {one_of('+', '-', '*')} {part('double')})",
            lambda: f"abs({part('double')})",
            lambda: f"{one_of('floor', 'ceil')}({part('double')})",
            lambda: f"sqrt(abs({part('double')}))",
            lambda: f"(-{part('double')})",
            lambda: f"({part('double')} / 4e0)",
            lambda: f"{one_of('greatest', 'least')}(coalesce({part('double')}, 0e0), coalesce({part('double')}, 1e0))",
            lambda: f"CAST({part('bigint')} AS double)",
            lambda: f"exp(least(coalesce({part('double')}, 0e0), 2e0))",
        ],
        "bigint": [
            lambda: f"({part('bigint')} {one_of('+', '-')} {part('bigint')})",
            lambda: f"({part('bigint')} % 7)",
            lambda: f"length({part('varchar')})",
            lambda: f"abs({part('bigint')})",
            lambda: f"{one_of('hour', 'minute', 'second', 'day', 'month', 'year')}({part('timestamp')})",
            lambda: f"extract({one_of('hour', 'minute', 'day')} FROM {part('timestamp')})",
            lambda: f"strpos({part('varchar')}, {literal('varchar')})",
            lambda: "date_diff('day', "
            f"date_trunc('day', {part('timestamp')}), date_trunc('day', {part('timestamp')}))",
        ],
        "varchar": [
            lambda: f"({part('varchar')} || {part('varchar')})",
            lambda: f"{one_of('upper', 'lower', 'trim', 'reverse')}({part('varchar')})",
            lambda: f"substr({part('varchar')}, {one_of('1', '2', '3')}, {one_of('1', '2', '10')})",
            lambda: f"replace({part('varchar')}, {one_of(repr('a'), repr('tr'))}, {literal('varchar')})",
            lambda: f"CAST({part('bigint')} AS varchar)",
            lambda: f"concat({part('varchar')}, {literal('varchar')})",
        ],
        "timestamp": [
            lambda: f"date_trunc('{one_of('second', 'minute', 'hour', 'day', 'week', 'month', 'year')}', {part('timestamp')})",
            lambda: f"bin({part('timestamp')}, {one_of('30s', '5m', '1h', '1d')})",
            lambda: f"({part('timestamp')} {one_of('+', '-')} {one_of('15m', '2h', '1d')})",
        ],
        "boolean": [
            lambda: f"({part('double')} {one_of('<', '<=', '>', '>=', '=', '<>')} {part('double')})",
            lambda: f"({part('bigint')} {one_of('<', '=', '<>', '>')} {part('bigint')})",
            lambda: f"({part('varchar')} {one_of('=', '<>', '<', '>')} {part('varchar')})",
            lambda: f"({part('timestamp')} {one_of('<', '>=')} {part('timestamp')})",
            lambda: f"({part('boolean')} {one_of('AND', 'OR')} {part('boolean')})",
            lambda: f"(NOT {part('boolean')})",
            lambda: f"({part(one_of('double', 'varchar', 'bigint'))} IS {one_of('', 'NOT ')}NULL)",
            lambda: f"({part('double')} BETWEEN {part('double')} AND {part('double')})",
            lambda: f"({part('varchar')} {one_of('', 'NOT ')}LIKE {one_of(repr('tr%'), repr('%1'), repr('_r%'), repr('%'), repr('OPEN'))})",
            lambda: f"({part('bigint')} IN (0, 1, {part('bigint')}))",
            lambda: f"({part('boolean')} IS DISTINCT FROM {part('boolean')})",
        ],
    }
    return choose.choice(ways[kind] + general)()


def kinds(count):
    return [one_of("double", "bigint", "varchar", "timestamp", "boolean") for _ in range(count)]


def aggregate():
    way = choose.randrange(9)
    value = expression("double", 2)
    if way == 0:
        return "count(*)"
    if way == 1:
        return f"count({expression(one_of('double', 'varchar', 'bigint'), 2)})"
    if way == 2:
        return f"count(DISTINCT {expression(one_of('varchar', 'bigint'), 2)})"
    if way == 3:
        return f"{one_of('min', 'max')}({expression(one_of('double', 'varchar', 'bigint', 'timestamp'), 2)})"
    if way == 4:
        return f"sum({expression('bigint', 2)})"
    if way == 5:
        return f"{one_of('stddev_samp', 'stddev_pop', 'var_samp', 'var_pop')}({one_of('temp', 'volts')})"
    if way == 6:
        # Of nulls only, DuckDB's is null; Presto's counts.
        return f"count_if(coalesce({expression('boolean', 2)}, false))"
    return f"{one_of('sum', 'avg')}({value})"


def condition(depth=2):
    return expression("boolean", depth)


def plain(table="t"):
    items = [f"{expression(kind, 3)} AS c{index}" for index, kind in enumerate(kinds(choose.randrange(1, 4)))]
    return f"SELECT {one_of('', 'DISTINCT ')}{', '.join(items)} FROM {table}" + one_of("", f" WHERE {condition()}")


def grouped():
    keys = [expression(kind, 1) for kind in kinds(choose.randrange(1, 3))]
    keys = [key for key in keys if re.search(r"\b(temp|volts|door|device|note|time)\b", key)] or ["device"]
    items = [f"{key} AS k{index}" for index, key in enumerate(keys)]
    items += [f"{aggregate()} AS a{index}" for index in range(choose.randrange(1, 4))]
    text = f"SELECT {', '.join(items)} FROM t" + one_of("", f" WHERE {condition()}") + f" GROUP BY {', '.join(keys)}"
    return text + one_of("", "", " HAVING count(*) > 3")


def statement():
    way = choose.randrange(8)
    if way <= 1:
        return plain()
    if way <= 3:
        return grouped()
    if way == 4:
        return f"WITH w AS ({grouped()}) SELECT count(*) AS n FROM w"
    if way == 5:
        return (
            f"SELECT device, temp FROM t WHERE {condition()} {one_of('UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT')} "
            f"SELECT device, volts FROM t WHERE {condition()}")
    if way == 6:
        return (
            f"SELECT a.device AS d, count(*) AS n, {one_of('sum', 'max')}(b.temp) AS s FROM t AS a {one_of('', 'LEFT ')}JOIN "
            f"(SELECT device, temp, time FROM t WHERE {condition()}) AS b ON a.device = b.device AND a.time = b.time "
            "GROUP BY a.device")
    window = one_of(
        "row_number() OVER (PARTITION BY device ORDER BY time)",
        "rank() OVER (PARTITION BY device ORDER BY door, time)",
        "lag(temp) OVER (PARTITION BY device ORDER BY time)",
        "lead(door, 2) OVER (PARTITION BY device ORDER BY time)",
        "sum(door) OVER (PARTITION BY device ORDER BY time)",
        "max(temp) OVER (PARTITION BY device ORDER BY time ROWS BETWEEN 3 PRECEDING AND CURRENT ROW)",
        "first_value(temp) OVER (PARTITION BY device ORDER BY time)",
        "count(*) OVER (PARTITION BY device)",
    )
    return f"SELECT device, time, {window} AS w FROM t WHERE {condition(1)}"


DURATIONS = {"s": "SECOND", "m": "MINUTE", "h": "HOUR", "d": "DAY"}


def for_duckdb(text):
    """Durations become intervals, bin becomes time_bucket, and sqlglot does the rest."""
    text = re.sub(r"\b(\d+)([smhd])\b", lambda m: f"INTERVAL '{m[1]}' {DURATIONS[m[2]]}", text)
    translated = sqlglot.transpile(text, read="trino", write="duckdb")[0]
    out, rest = "", translated
    # bin(time, duration): buckets from 1970 on.
    while (match := re.search(r"\bBIN\(", rest, re.I)) is not None:
        depth, index = 1, match.end()
        comma = None
        while depth:
            depth += {"(": 1, ")": -1}.get(rest[index], 0)
            if rest[index] == "," and depth == 1:
                comma = index
            index += 1
        out += rest[: match.start()]
        rest = (
            f"time_bucket({rest[comma + 1 : index - 1]}, {rest[match.end() : comma]}, TIMESTAMP '1970-01-01')"
            + rest[index:])
    return out + rest


def ours(text):
    rows, token = [], {}
    while True:
        answer = query.query(QueryString=text, **token)
        types = [column["Type"]["ScalarType"] for column in answer["ColumnInfo"]]
        rows += [[convert(d, t) for d, t in zip(row["Data"], types)] for row in answer["Rows"]]
        if "NextToken" not in answer:
            return rows
        token = {"NextToken": answer["NextToken"]}


def convert(datum, kind):
    if datum.get("NullValue"):
        return None
    text = datum["ScalarValue"]
    if kind in ("INTEGER", "BIGINT"):
        return int(text)
    if kind == "DOUBLE":
        return float(text)
    if kind == "BOOLEAN":
        return text == "true"
    if kind == "TIMESTAMP":
        return datetime.datetime.fromisoformat(text[:26])
    return text


def theirs(text):
    rows = duck.execute(text).fetchall()
    return [[int(v) if type(v).__name__ == "Decimal" else v for v in row] for row in rows]


def order(row):
    return [(value is None, type(value).__name__ if not isinstance(value, (int, float)) else "",
             float(f"{value:.9g}") if isinstance(value, float) else value if value is not None else 0) for value in row]


def same(one, other):
    if one is None or other is None:
        return one is other
    if isinstance(one, float) or isinstance(other, float):
        one, other = float(one), float(other)
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12) or (math.isnan(one) and math.isnan(other))
    return one == other


equal = refused = 0
differences = []
for _ in range(count):
    text = statement()
    wide = re.sub(r"\bFROM t\b|\bJOIN t\b", lambda m: m[0][:-1] + "truck01_sensors_wide", text)
    try:
        expected = theirs(for_duckdb(text))
    except Exception as error:
        expected = f"{type(error).__name__}: {error}"
    try:
        found = ours(wide)
    except ClientError as error:
        found = f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
    if isinstance(expected, str) and isinstance(found, str):
        refused += 1
        continue
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = zip(sorted(expected, key=order), sorted(found, key=order))
        if all(same(a, b) for one, other in pairs for a, b in zip(one, other)):
            equal += 1
            continue
    shown = [value if isinstance(value, str) else repr(sorted(value, key=order)[:3]) for value in (expected, found)]
    differences.append({"statement": text, "duckdb": shown[0][:300], "trucksensor": shown[1][:300]})
print(json.dumps({"equal": equal, "refused": refused, "differences": differences[:20], "count": len(differences)}))
