#!/usr/bin/env bash
# Points per second, bytes per point and chart times of the store at 1, 10 and, asked for, 100 million
# points, beside SQLite's own GROUP BY on the same readings; then messages per second through the rule into the store.
#   Benchmarks/store.sh [MILLIONS...]
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
scripts/build.sh
binary=$PWD/.build/release/trucksensor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r rules TruckSensorFiles "$work"
cd "$work"
for millions in "${@:-1 10}"; do
  for million in $millions; do
    echo "== $million million points"
    "$binary" bench store --points "${million}000000" --store "$work/$million.sqlite"
    # The peer: what one would write by hand over the same table.
    python3 - "$work/$million.sqlite" <<'PEER'
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1])
low, high = database.execute("SELECT min(time), max(time) FROM ts_data_1").fetchone()
width = (high - low) // 1000 + 1
times = []
for _ in range(3):
    begin = time.monotonic()
    rows = database.execute(
        f"SELECT (time-{low})/{width} AS b, min(m1), max(m1), avg(m1), min(m2), max(m2), avg(m2), min(m3), max(m3), avg(m3) "
        "FROM ts_data_1 WHERE series = 1 GROUP BY b").fetchall()
    times.append((time.monotonic() - begin) * 1000)
print(f"SQLite's GROUP BY      warm {sorted(times)[1]:.0f} ms ({len(rows)} buckets, 3 measures)")
PEER
    rm -f "$work/$million.sqlite"*
  done
done
echo "== through the rule, QoS 1"
count=200000
"$binary" run truckSensor01 --interval 1h --quiet >run.out 2>run.err &
run=$!
for _ in $(seq 200); do grep -q ready run.err && break; sleep 0.05; done
begin=$(date +%s%N)
"$binary" simulate --device mqttTestClient --client-id source --topic truck/freezer --rate max --qos 1 \
  --count $count --loop --quiet --endpoint "127.0.0.1:$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\), mutual.*/\1/p' run.err)" \
  --ca data/ca/root-CA.crt 2>/dev/null
sent=$(date +%s%N)
last=0
# Readings of one microsecond are one reading: count until no more come.
while :; do
  now=$("$binary" store query 'SELECT count(*) FROM truck01_sensors_wide' --format csv | tail -1)
  [ "$now" = "$last" ] && break
  last=$now
  stored=$(date +%s%N)
  sleep 0.3
done
processor=$(awk '{ print ($14 + $15) * 10 }' "/proc/$run/stat")
awk -v n="$last" -v a=$(((sent - begin) / 1000)) -v b=$(((stored - begin) / 1000)) -v p="$processor" -v c=$count 'BEGIN {
  printf "%d of %d messages stored; published at %d/s, stored at %d/s; the run took %d %% of a core\n", n, c, c * 1e6 / a, n * 1e6 / b, p * 100000 / b }'
kill -INT $run
wait $run || true
