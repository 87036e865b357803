# The rule truckAnalyze in DuckDB with one thread: argument 1 the messages, argument 2 the results.
import sys
import duckdb

database = duckdb.connect()
database.execute("SET threads = 1")
database.execute(
    f"""COPY (SELECT CAST(temp AS DOUBLE) AS temp, CAST(volts AS DOUBLE) AS volts, CAST(door AS INTEGER) AS door,
      strftime(make_timestamp(CAST("timestamp" * 1000000 AS BIGINT)), '%Y-%m-%d %H:%M:%S') AS "timestamp"
    FROM read_ndjson('{sys.argv[1]}', columns = {{uptime: 'VARCHAR', volts: 'VARCHAR', temp: 'VARCHAR', door: 'VARCHAR',
      i: 'VARCHAR', n: 'VARCHAR', timestamp: 'DOUBLE'}})) TO '{sys.argv[2]}' (FORMAT json)"""
)
