#!/usr/bin/env bash
# What the broker's journal costs: messages per second at QoS 1 with --journal off, on and sync, in turns. Once with a rules engine
# that stores them: as the truck publishes, and until all are stored. Once without it, so that they wait in the broker. Prints medians
# of all rounds, the broker's processor time a message, and their ratios to "off".
#   Benchmarks/journal.sh [ROUNDS [MESSAGES]]    5 and 100000 by default, a tenth of them with sync; TRUCKSENSOR_EXECUTABLE names
#                                                another executable
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
. scripts/common.sh
rounds=${1:-5} messages=${2:-100000}
find_executable
files=$PWD/TruckSensorFiles
make_work_folder
publish() { # COUNT, prints messages per second
  start_source --rate max --count "$1" --drain-timeout 1h
  wait_for_source
  field reachedRate <source.out
}
# The broker's processor time since a reading of `processor`, in microseconds per message.
each() { awk -v a="$1" -v b="$(processor "$broker")" -v n="$count" 'BEGIN { print (b - a) * 1e3 / n }'; }

measure() { # MODE ROUND
  count=$messages
  [ "$1" = sync ] && count=$((messages / 10))
  folder=$work/$1-$2
  mkdir "$folder"
  cd "$folder"
  ln -s "$files" TruckSensorFiles
  start_run --no-dashboard --journal "$1"
  make_load_rule
  start_engine engine load
  broker=$(cat data/broker/pid)
  before=$(processor "$broker")
  begin=$(date +%s%N)
  with=$(publish "$count")
  until [ "$(query 'SELECT count(*) FROM load_wide')" = "$count" ]; do
    sleep 0.2
    [ $(($(date +%s%N) - begin)) -lt 600000000000 ] || fail "not all were stored"
  done
  processor=$(each "$before")
  stored=$(awk -v n="$count" -v t=$(($(date +%s%N) - begin)) 'BEGIN { print n * 1e9 / t }')
  end "$engine"
  before=$(processor "$broker")
  waiting=$(publish "$count")
  echo "$1 $with $stored $processor $waiting $(each "$before")" >>"$work/figures"
  end "$run"
  cd /
  rm -rf "$folder"
}

for round in $(seq "$rounds"); do
  for mode in off on sync; do measure $mode "$round"; done
done
echo "$messages messages, medians of $rounds rounds; messages per second, and the broker's microseconds per message"
printf '%-7s %32s %34s\n' "" "with the rules engine" "waiting for it"
printf '%-7s %15s %15s %15s %15s %15s\n' journal published stored broker published broker
sort "$work/figures" | awk "$median"'
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
