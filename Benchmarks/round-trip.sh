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
. scripts/common.sh
rounds=${1:-5} messages=${2:-50000}
read -ra subjects <<<"${SUBJECTS:-pass-through republish/off republish/on store/off store/on}"
find_executable
files=$PWD/TruckSensorFiles
make_work_folder
cc -O2 -o "$work/pass_through" Benchmarks/peers/pass_through.c -lmosquitto
republish='{"republish": {"topic": "truck/analyze", "qos": 1}}'
store='{"timestream": {"databaseName": "sensorDB", "tableName": "truck01_sensors",
  "dimensions": [{"name": "device", "value": "${clientid()}"}],
  "timestamp": {"value": "${cast(timestamp * 1000000 AS Int)}", "unit": "MICROSECONDS"}}}'
sql="SELECT cast(temp AS Decimal) AS temp, cast(volts AS Decimal) AS volts, cast(door AS Int) AS door, \
parse_time('yyyy-MM-dd HH:mm:ss', timestamp * 1000) AS timestamp FROM 'truck/freezer'"

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
  # A run without rules is a broker and certificates.
  start_run --no-dashboard --journal "$journal"
  local broker between
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
    start_engine engine between --json
    between=$engine
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
      grep -q " Success $expected, Failure 0," engine.err && is_done=1 && break
    done
    [ -n "$is_done" ] || fail "$subject didn't do all of $expected actions:" engine.err
  fi
  end "$between"
  end "$run"
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
awk -v order="${subjects[*]}" -v messages="$messages" "$median"'
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
