#!/usr/bin/env bash
# Kills the rules engine and the broker together, again and again, while a truck publishes at full rate. Then all that was
# acknowledged must be in the store, each reading once; exit code 1 if not.
#   scripts/kill-check.sh [MESSAGES [KILLS]]   400000 and 20 by default; TRUCKSENSOR_EXECUTABLE names another executable,
#                                              RATE another rate than max, JOURNAL another mode than on; WHOLE=1 kills the run,
#                                              too, each fourth time: nobody else may take its port meanwhile
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
messages=${1:-400000} kills=${2:-20}
binary=${TRUCKSENSOR_EXECUTABLE:-}
if [ -z "$binary" ]; then
  scripts/build.sh
  binary=$PWD/.build/release/trucksensor
fi
work=$(mktemp -d)
run= engine= source=
finish() {
  for process in $source $engine $run; do kill -TERM "$process" 2>/dev/null || true; done
  wait
  [ -n "${KEEP:-}" ] && echo "$work" || rm -rf "$work"
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

touch run.out run.err engine.err
start_run() {
  # What each run says, and what all have said.
  cat run.out >>run.err
  : >run.out
  "$binary" run truckSensor01 --interval 1h --quiet --no-dashboard --journal "${JOURNAL:-on}" >run.out 2>&1 &
  run=$!
  wait_for run.out Publishing $run
}
start_run
port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\), mutual.*/\1/p' run.out)
# Not rules/: the run would run them, too.
mkdir load
cat >load/load.json <<'RULE'
{"sql": "SELECT cast(n AS Int) AS number FROM 'load/in'", "awsIotSqlVersion": "2016-03-23",
 "actions": [{"timestream": {"databaseName": "sensorDB", "tableName": "load",
   "dimensions": [{"name": "device", "value": "x"}],
   "timestamp": {"value": "${cast(n AS Int)}", "unit": "MILLISECONDS"}}}]}
RULE
start_engine() {
  "$binary" rules run --rules load --device mqttTestClient --client-id engine >engine.out 2>engine.err &
  engine=$!
  wait_for engine.err "rules: ready" $engine
}
start_engine
"$binary" simulate --device mqttTestClient --client-id source --topic load/in --rate "${RATE:-max}" --qos 1 \
  --count "$messages" --loop --quiet --json --endpoint "127.0.0.1:$port" --ca data/ca/root-CA.crt >source.out 2>source.err &
source=$!
begin=$(date +%s%N)
done_kills=0
under_way=0
# Once all is published, what waits is killed on.
while [ $done_kills -lt "$kills" ]; do
  sleep "$(shuf -n 1 -i 100-900 | awk '{ print $1 / 1000 }')"
  done_kills=$((done_kills + 1))
  kill -0 $source 2>/dev/null && under_way=$((under_way + 1))
  whole=
  [ -n "${WHOLE:-}" ] && [ $((done_kills % 4)) = 0 ] && whole=$run
  kill -KILL "$engine" $whole "$(cat data/broker/pid)"
  wait "$engine" $whole 2>/dev/null || true
  engine=
  [ -z "$whole" ] || { run= && start_run; }
  start_engine
done
wait $source || { cat source.err >&2; exit 1; }
source=
last=-1
query() { "$binary" store query "$1" --format csv | tail -1; }
# Until no more come for two seconds.
quiet=0
while [ $quiet -lt 4 ]; do
  now=$(query 'SELECT count(*) FROM load_wide')
  [ "$now" = "$last" ] && quiet=$((quiet + 1)) || quiet=0
  last=$now
  sleep 0.5
done
acknowledged=$(sed 's/.*"acknowledged":\([0-9]*\).*/\1/' source.out)
stored=$(query 'SELECT count(*), count(DISTINCT number), min(number), max(number) FROM load_wide')
echo "$done_kills kills, $under_way of them while it published, in $((($(date +%s%N) - begin) / 1000000000)) s; acknowledged $acknowledged, stored $last (rows, distinct, first, last: $stored)"
grep -h "lost\|journal" run.err run.out engine.err || true
[ "$acknowledged" = "$messages" ] && [ "$stored" = "$messages,$messages,1,$messages" ]
"$binary" store verify >/dev/null
