#!/usr/bin/env bash
# What the broker's journal costs: messages per second at QoS 1 with --journal off, on and sync, in turns. Once with a rules engine
# that stores them: as the truck publishes, and until all are stored. Once without it, so that they wait in the broker. Prints medians
# of all rounds, the broker's processor time a message, and their ratios to "off".
#   Benchmarks/journal.sh [ROUNDS [MESSAGES]]    5 and 100000 by default, a tenth of them with sync; TRUCKSENSOR_EXECUTABLE names
#                                                another executable
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
rounds=${1:-5} messages=${2:-100000}
binary=${TRUCKSENSOR_EXECUTABLE:-}
if [ -z "$binary" ]; then
  scripts/build.sh
  binary=$PWD/.build/release/trucksensor
fi
files=$PWD/TruckSensorFiles
work=$(mktemp -d)
run= engine=
finish() {
  for process in $engine $run; do kill -TERM "$process" 2>/dev/null || true; done
  wait
  rm -rf "$work"
}
trap finish EXIT
wait_for() { # FILE TEXT PROCESS
  for _ in $(seq 600); do
    grep -q "$2" "$1" && return
    kill -0 "$3" 2>/dev/null || break
    sleep 0.1
  done
  cat "$1" >&2
  exit 1
}
publish() { # COUNT, prints messages per second
  "$binary" simulate --device mqttTestClient --client-id source --topic load/in --rate max --qos 1 --count "$1" --loop \
    --quiet --json --drain-timeout 1h 2>/dev/null | sed 's/.*"reachedRate":\([0-9.]*\).*/\1/'
}

ticks() { awk '{ print $14 + $15 }' "/proc/$broker/stat"; }
each() { awk -v a="$1" -v b="$(ticks)" -v n="$count" 'BEGIN { print (b - a) * 1e4 / n }'; }

measure() { # MODE ROUND
  count=$messages
  [ "$1" = sync ] && count=$((messages / 10))
  folder=$work/$1-$2
  mkdir "$folder"
  cd "$folder"
  ln -s "$files" TruckSensorFiles
  touch run.out run.err engine.err
  "$binary" run truckSensor01 --interval 1h --quiet --no-dashboard --journal "$1" >run.out 2>run.err &
  run=$!
  wait_for run.err Publishing $run
  # Not rules/: the run would run them, too.
  mkdir load
  cat >load/load.json <<'RULE'
{"sql": "SELECT cast(n AS Int) AS number FROM 'load/in'", "awsIotSqlVersion": "2016-03-23",
 "actions": [{"timestream": {"databaseName": "sensorDB", "tableName": "load",
   "dimensions": [{"name": "device", "value": "x"}],
   "timestamp": {"value": "${cast(n AS Int)}", "unit": "MILLISECONDS"}}}]}
RULE
  "$binary" rules run --rules load --device mqttTestClient --client-id engine >engine.out 2>engine.err &
  engine=$!
  wait_for engine.err "rules: ready" $engine
  broker=$(cat data/broker/pid)
  before=$(ticks)
  begin=$(date +%s%N)
  with=$(publish "$count")
  until [ "$("$binary" store query 'SELECT count(*) FROM load_wide' --format csv | tail -1)" = "$count" ]; do
    sleep 0.2
    [ $(($(date +%s%N) - begin)) -lt 600000000000 ] || { echo "not all were stored" >&2; exit 1; }
  done
  processor=$(each "$before")
  stored=$(awk -v n="$count" -v t=$(($(date +%s%N) - begin)) 'BEGIN { print n * 1e9 / t }')
  kill -INT $engine
  wait $engine || true
  engine=
  before=$(ticks)
  waiting=$(publish "$count")
  echo "$1 $with $stored $processor $waiting $(each "$before")" >>"$work/figures"
  kill -INT $run
  wait $run || true
  run=
  cd /
  rm -rf "$folder"
}

for round in $(seq "$rounds"); do
  for mode in off on sync; do measure $mode "$round"; done
done
echo "$messages messages, medians of $rounds rounds; messages per second, and the broker's microseconds per message"
printf '%-7s %32s %34s\n' "" "with the rules engine" "waiting for it"
printf '%-7s %15s %15s %15s %15s %15s\n' journal published stored broker published broker
sort "$work/figures" | awk '
  function median(mode, column,   i, n, v, t, j) {
    n = count[mode]
    for (i = 1; i <= n; i++) v[i] = value[mode, i, column]
    for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (v[j] < v[i]) { t = v[i]; v[i] = v[j]; v[j] = t }
    return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
  }
  { count[$1]++; for (i = 2; i <= 6; i++) value[$1, count[$1], i] = $i }
  END {
    split("off on sync", modes, " ")
    for (m = 1; m <= 3; m++) {
      line = sprintf("%-7s", modes[m])
      for (i = 2; i <= 6; i++) {
        figure = median(modes[m], i)
        line = line sprintf(i == 4 || i == 6 ? " %7.1f (%5.2f)" : " %7.0f (%5.2f)", figure, figure / median("off", i))
      }
      print line
    }
  }'
