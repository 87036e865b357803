#!/usr/bin/env bash
# Two rules engines share one subscription and store in one database, while a truck publishes at a fixed rate. One of them is
# killed (SIGKILL) again and again, and started again; the last time it isn't, and the other one must process its share, too. Then
# every acknowledged message must be in the store, once, and both engines must have had a part; exit code 1 if not.
#   scripts/share-check.sh [MESSAGES [KILLS]]   40000 and 5 by default; STORE=postgres://… or influx+http://… stores at a server,
#                                               RATE is 4000 a second by default, TRUCKSENSOR_EXECUTABLE names another executable
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
messages=${1:-40000} kills=${2:-5}
binary=${TRUCKSENSOR_EXECUTABLE:-}
if [ -z "$binary" ]; then
  scripts/build.sh
  binary=$PWD/.build/release/trucksensor
fi
work=$(mktemp -d)
run= first= second= source=
finish() {
  for process in $source $first $second $run; do kill -TERM "$process" 2>/dev/null || true; done
  wait
  if [ -n "${KEEP:-}" ]; then echo "$work"; else rm -rf "$work"; fi
}
trap finish EXIT
cp -r TruckSensorFiles "$work"
cd "$work"
wait_for() { # FILE TEXT PROCESS
  for _ in $(seq 600); do
    grep -q "$2" "$1" && return
    kill -0 "$3" 2>/dev/null || break
    sleep 0.1
  done
  cat "$1" >&2
  exit 1
}

touch run.err first.err second.err
"$binary" run truckSensor01 --interval 1h --quiet --no-dashboard --no-aws >run.out 2>run.err &
run=$!
wait_for run.err Publishing $run
port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\), mutual.*/\1/p' run.err)
# Not rules/: the run would run them, too.
mkdir load
cat >load/load.json <<'RULE'
{"sql": "SELECT cast(n AS Int) AS number FROM 'load/in'", "awsIotSqlVersion": "2016-03-23",
 "actions": [{"timestream": {"databaseName": "sensorDB", "tableName": "load",
   "dimensions": [{"name": "device", "value": "x"}],
   "timestamp": {"value": "${cast(n AS Int)}", "unit": "MILLISECONDS"}}}]}
RULE
store=${STORE:-data/sensorDB.sqlite}
# Timestream's view of the table; a server has columns of the measures at once.
table=load_wide
[[ $store == *://* ]] && table=load
start() { # NAME, sets `started`
  "$binary" rules run --rules load --device mqttTestClient --client-id "engine-$1" --shared fleet --store "$store" --json \
    >>"$1.out" 2>"$1.err" &
  started=$!
  wait_for "$1.err" "rules: ready" $started
}
start first
first=$started
start second
second=$started
"$binary" simulate --device mqttTestClient --client-id source --topic load/in --rate "${RATE:-4000}" --qos 1 \
  --count "$messages" --loop --quiet --json --endpoint "127.0.0.1:$port" --ca data/ca/root-CA.crt >source.out 2>source.err &
source=$!
done_kills=0
while [ $done_kills -lt "$kills" ] && kill -0 $source 2>/dev/null; do
  sleep "$(shuf -n 1 -i 300-1500 | awk '{ print $1 / 1000 }')"
  kill -KILL "$first"
  wait "$first" 2>/dev/null || true
  first=
  done_kills=$((done_kills + 1))
  [ $done_kills -lt "$kills" ] || break
  # Each second time the other engine has taken its share over long before it is back.
  sleep "$((done_kills % 2 * 3)).5"
  start first
  first=$started
done
wait $source || { cat source.err >&2; exit 1; }
source=
query() { "$binary" store query "$1" --store "$store" --format csv | tail -1; }
last=-1 quiet=0
# Until no more come for four seconds: the share of the killed engine waits for half a second.
while [ $quiet -lt 8 ]; do
  now=$(query "SELECT count(*) FROM $table")
  [ "$now" = "$last" ] && quiet=$((quiet + 1)) || quiet=0
  last=$now
  sleep 0.5
done
kill -TERM "$second"
wait "$second" || true
second=
grep share second.err || true
acknowledged=$(sed 's/.*"acknowledged":\([0-9]*\).*/\1/' source.out)
share=$(sed 's/.*"TopicMatch":\([0-9]*\).*/\1/' second.out)
stored=$(query "SELECT count(*), count(DISTINCT number), min(number), max(number) FROM $table")
echo "$done_kills kills; acknowledged $acknowledged, stored $stored (rows, distinct, first, last); the engine that lived had $share"
[ "$acknowledged" = "$messages" ] && [ "$stored" = "$messages,$messages,1,$messages" ] && [ "$share" -gt 0 ] \
  && [ "$share" -lt "$messages" ]
