#!/usr/bin/env bash
# Publish → what is between → truck/analyze at QoS 1 over mTLS. Between are, in turns, a C program that only
# passes messages on, a rule that republishes, and the same rule that also stores, each with a broker of its own whose journal
# is off or on. Prints the latency at 1 000/s and, at full rate, messages per second, their ratio to the C program's, and the
# processor time that broker, what is between and the store's thread in it take, as microseconds a message and as a share of a
# core: medians of all rounds. Other work on the machine changes the rate and the shares, but not the microseconds.
#   Benchmarks/round-trip.sh [ROUNDS [MESSAGES]]    5 and 50000 by default, a tenth of them at 1 000/s; TRUCKSENSOR_EXECUTABLE
#                                                   names another executable, SUBJECTS a part of
#                                                   "pass-through republish/off republish/on store/off store/on"
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
rounds=${1:-5} messages=${2:-50000}
read -ra subjects <<<"${SUBJECTS:-pass-through republish/off republish/on store/off store/on}"
binary=${TRUCKSENSOR_EXECUTABLE:-}
if [ -z "$binary" ]; then
  scripts/build.sh
  binary=$PWD/.build/release/trucksensor
fi
files=$PWD/TruckSensorFiles
work=$(mktemp -d)
run= between=
stop() {
  # TERM: a shell like this one has its children ignore INT.
  for process in $between $run; do kill -TERM "$process" 2>/dev/null || true; done
  for process in $between $run; do wait "$process" 2>/dev/null || true; done
  run= between=
}
trap 'stop; rm -rf "$work"' EXIT
fail() {
  echo "round-trip.sh: $1" >&2
  [ -z "${2:-}" ] || cat "$2" >&2
  exit 1
}
wait_for() { # FILE TEXT PROCESS
  for _ in $(seq 300); do
    grep -q "$2" "$1" && return
    kill -0 "$3" 2>/dev/null || fail "a process ended before it said '$2':" "$1"
    sleep 0.1
  done
  fail "a process didn't say '$2' within 30 s:" "$1"
}
cc -O2 -o "$work/pass_through" Benchmarks/peers/pass_through.c -lmosquitto
republish='{"republish": {"topic": "truck/analyze", "qos": 1}}'
store='{"timestream": {"databaseName": "sensorDB", "tableName": "truck01_sensors",
  "dimensions": [{"name": "device", "value": "${clientid()}"}],
  "timestamp": {"value": "${cast(timestamp * 1000000 AS Int)}", "unit": "MICROSECONDS"}}}'
sql="SELECT cast(temp AS Decimal) AS temp, cast(volts AS Decimal) AS volts, cast(door AS Int) AS door, \
parse_time('yyyy-MM-dd HH:mm:ss', timestamp * 1000) AS timestamp FROM 'truck/freezer'"

# Milliseconds of processor time that a process has taken; with "workers", all its threads but the first.
processor() { # PROCESS [workers]
  local stat stats=()
  for stat in "/proc/$1/task"/*/stat; do
    [ -n "${2:-}" ] && [ "$stat" = "/proc/$1/task/$1/stat" ] || stats+=("$stat")
  done
  # A thread may end meanwhile.
  cat "${stats[@]}" 2>/dev/null | awk '{ sub(/.*\) /, ""); total += ($12 + $13) * 10 } END { print total + 0 }'
}
field() { sed "s/.*\"$1\":\([0-9.e-]*\).*/\1/"; }
trip() { # RATE COUNT, prints the result as JSON
  "$binary" bench round-trip --rate "$1" --count "$2" --json || fail "not all messages came back through $subject"
}

measure() { # SUBJECT
  subject=$1
  local kind=${1%/*} journal=off folder=$work/run
  [ "$kind" = "$1" ] || journal=${1#*/}
  mkdir "$folder"
  cd "$folder"
  ln -s "$files" TruckSensorFiles
  touch run.out run.err between.err
  # A run without rules is a broker and certificates.
  "$binary" run truckSensor01 --interval 1h --quiet --no-dashboard --journal "$journal" >run.out 2>run.err &
  run=$!
  wait_for run.err Publishing $run
  local port broker
  port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\), mutual.*/\1/p' run.err)
  broker=$(cat data/broker/pid)
  if [ "$kind" = pass-through ]; then
    "$work/pass_through" "$port" 2>between.err &
    between=$!
    wait_for between.err ready $between
  else
    # Not rules/: the run would run them, too.
    mkdir between
    local actions=$republish
    [ "$kind" = republish ] || actions+=", $store"
    printf '{"sql": "%s", "awsIotSqlVersion": "2016-03-23", "actions": [%s]}' "$sql" "$actions" >between/trip.json
    "$binary" rules run --rules between --device mqttTestClient --client-id engine --json >between.out 2>between.err &
    between=$!
    wait_for between.err "rules: ready" $between
  fi
  local slow fast b e s t
  slow=$(trip 1000 $((messages / 10)))
  b=$(processor "$broker") e=$(processor $between) s=$(processor $between workers) t=$(date +%s%N)
  fast=$(trip max "$messages")
  t=$((($(date +%s%N) - t) / 1000000))
  b=$(($(processor "$broker") - b)) e=$(($(processor $between) - e)) s=$(($(processor $between workers) - s))
  if [ "$kind" != pass-through ]; then
    # The last transaction may be in progress.
    local expected=$((messages / 10 + messages)) is_done=
    [ "$kind" = republish ] || expected=$((2 * expected))
    for _ in $(seq 100); do
      kill -USR1 $between
      sleep 0.1
      grep -q " Success $expected, Failure 0," between.err && is_done=1 && break
    done
    [ -n "$is_done" ] || fail "$subject didn't do all of $expected actions:" between.err
  fi
  stop
  cd /
  rm -rf "$folder"
  echo "$subject $(field p50 <<<"$slow") $(field p99 <<<"$slow") $(field rate <<<"$fast") $b $e $s $t" | tee -a "$work/figures" \
    >>"${FIGURES:-/dev/null}"
}

for _ in $(seq "$rounds"); do
  for one in "${subjects[@]}"; do measure "$one"; done
done
echo "$messages messages at QoS 1, medians of $rounds rounds"
printf '%-14s %17s %8s %8s %16s %16s %16s\n' between "p50 ms at 1000/s" "p99 ms" "rate /s" broker between "its store"
awk -v order="${subjects[*]}" -v messages="$messages" '
  function median(name, column,   i, j, n, v, t) {
    n = count[name]
    for (i = 1; i <= n; i++) v[i] = value[name, i, column]
    for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (v[j] < v[i]) { t = v[i]; v[i] = v[j]; v[j] = t }
    return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
  }
  {
    n = ++count[$1]
    value[$1, n, 2] = $2 * 1000
    value[$1, n, 3] = $3 * 1000
    value[$1, n, 4] = $4
    for (i = 5; i <= 7; i++) {
      value[$1, n, i] = 1000 * $i / messages
      value[$1, n, i + 3] = 100 * $i / $8
    }
  }
  END {
    names = split(order, subject, " ")
    peer = count["pass-through"] ? median("pass-through", 4) : 0
    for (m = 1; m <= names; m++) {
      name = subject[m]
      rate = median(name, 4)
      printf "%-14s %17.3f %8.3f %8.0f", name, median(name, 2), median(name, 3), rate
      for (i = 5; i <= 7; i++) printf " %7.1f us %3.0f %%", median(name, i), median(name, i + 3)
      if (peer > 0) printf "   %.2f x pass-through", rate / peer
      print ""
    }
  }' "$work/figures"
