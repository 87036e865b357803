"""Writes readings of one truck, two a second, into a peer of the store, and reads a chart of 1 000 buckets from it.

store_peers.py sqlite|duckdb|postgresql|influxdb|victoriametrics READINGS URL|FILE
Prints a JSON object: points per second, the milliseconds of the chart (warm, median of five), the number of buckets.
"""

import json
import subprocess
import sys
import time
import urllib.parse
import urllib.request

kind, readings, place = sys.argv[1], int(sys.argv[2]), sys.argv[3]
BEGIN = 1_700_000_000_000
BATCH = 5000
BUCKETS = 1000
width = readings * 500 // BUCKETS


def rows(low, high):
    return [(BEGIN + n * 500, -21 + n % 4200 / 100, 11.9 + n % 40 / 100, n % 2) for n in range(low, high)]


def batches():
    for low in range(0, readings, BATCH):
        yield rows(low, min(low + BATCH, readings))


AGGREGATES = ", ".join(f"{f}({m})" for m in ("temp", "volts", "door") for f in ("min", "max", "avg"))


def post(url, body):
    return urllib.request.urlopen(urllib.request.Request(url, body.encode())).read()


def lines(batch):
    return "\n".join(f"t,device=x temp={t},volts={v},door={d} {ms * 1_000_000}" for ms, t, v, d in batch)


def sqlite():
    import sqlite3
    database = sqlite3.connect(place)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE t(series INTEGER, time INTEGER, temp REAL, volts REAL, door INTEGER, PRIMARY KEY(series, time)) WITHOUT ROWID")

    def write(batch):
        database.executemany("INSERT INTO t VALUES (1, ?, ?, ?, ?)", batch)
        database.commit()

    return write, lambda: len(database.execute(f"SELECT (time - {BEGIN}) / {width} AS b, {AGGREGATES} FROM t WHERE series = 1 GROUP BY b").fetchall())


def duckdb():
    import duckdb as library
    import numpy
    database = library.connect(place)
    database.execute("CREATE TABLE t(time BIGINT, temp DOUBLE, volts DOUBLE, door INTEGER)")

    def write(batch):
        columns = {name: numpy.array(values) for name, values in zip(("time", "temp", "volts", "door"), zip(*batch))}
        database.register("batch", columns)
        database.execute("INSERT INTO t SELECT * FROM batch")

    return write, lambda: len(database.execute(f"SELECT (time - {BEGIN}) // {width} AS b, {AGGREGATES} FROM t GROUP BY b").fetchall())


def postgresql():
    def psql(sql, data=None):
        return subprocess.run(["psql", "-qtA", place, "-c", sql], input=data, check=True, capture_output=True, text=True).stdout

    psql("CREATE TABLE t(time bigint PRIMARY KEY, temp double precision, volts double precision, door integer)")
    # One process for all batches, each a transaction.
    client = subprocess.Popen(["psql", "-qtA", place], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)

    def write(batch):
        client.stdin.write("COPY t FROM STDIN;\n" + "".join("\t".join(map(str, row)) + "\n" for row in batch) + "\\.\n")

    def end():
        client.stdin.close()
        assert client.wait() == 0

    write.end = end
    return write, lambda: len(psql(f"SELECT (time - {BEGIN}) / {width} AS b, {AGGREGATES} FROM t GROUP BY b").splitlines())


def influxdb():
    def chart():
        end = BEGIN + readings * 500
        query = (f"SELECT {AGGREGATES.replace('avg', 'mean')} FROM t WHERE time >= {BEGIN}ms AND time < {end}ms "
                 f"GROUP BY time({width}ms) fill(none)")
        answer = json.load(urllib.request.urlopen(f"{place}/query?db=bench&q={urllib.parse.quote(query)}"))
        return len(answer["results"][0]["series"][0]["values"])

    urllib.request.urlopen(urllib.request.Request(f"{place}/query?q=CREATE%20DATABASE%20bench", b"")).read()
    return lambda batch: post(f"{place}/write?db=bench", lines(batch)), chart


def victoriametrics():
    def chart():
        count = 0
        for measure in ("t_temp", "t_volts", "t_door"):
            for function in ("min", "max", "avg"):
                query = urllib.parse.urlencode({
                    "query": f"{function}_over_time({measure}[{width}ms])", "start": (BEGIN + width) / 1000,
                    "end": (BEGIN + readings * 500) / 1000, "step": f"{width}ms", "nocache": 1})
                answer = json.load(urllib.request.urlopen(f"{place}/api/v1/query_range?{query}"))
                count = len(answer["data"]["result"][0]["values"])
        return count

    def end():
        urllib.request.urlopen(f"{place}/internal/force_flush").read()

    def write(batch):
        post(f"{place}/write?db=bench", lines(batch))

    write.end = end
    return write, chart


write, chart = {"sqlite": sqlite, "duckdb": duckdb, "postgresql": postgresql, "influxdb": influxdb, "victoriametrics": victoriametrics}[kind]()
# The readings are made before the clock starts.
made = list(batches())
begin = time.monotonic()
for batch in made:
    write(batch)
getattr(write, "end", lambda: None)()
seconds = time.monotonic() - begin
count, times = chart(), []
for _ in range(5):
    begin = time.monotonic()
    count = chart()
    times.append((time.monotonic() - begin) * 1000)
print(json.dumps({"pointsPerSecond": readings * 3 / seconds, "chart": sorted(times)[2], "buckets": count}))
