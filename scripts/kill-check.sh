#!/usr/bin/env bash
# Kills the rules engine and the broker together, again and again, while a truck publishes at full rate. Then all that was
# acknowledged must be in the store, each reading once; exit code 1 if not.
#   scripts/kill-check.sh [MESSAGES [KILLS]]   400000 and 20 by default; TRUCKSENSOR_EXECUTABLE names another executable,
#                                              RATE another rate than max, JOURNAL another mode than on; WHOLE=1 kills the run,
#                                              too, each fourth time: nobody else may take its port meanwhile
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
. scripts/common.sh
messages=${1:-400000} kills=${2:-20}
find_executable
make_work_folder
cp -r TruckSensorFiles "$work"
cd "$work"

start() {
  # What each run says, and what all have said.
  cat run.out run.err >>runs.err 2>/dev/null || true
  start_run --no-dashboard --journal "${JOURNAL:-on}"
}
start
make_load_rule
start_engine engine load
start_source --rate "${RATE:-max}" --count "$messages"
begin=$(date +%s%N)
done_kills=0
under_way=0
# Once all is published, what waits is killed on.
while [ $done_kills -lt "$kills" ]; do
  sleep "$(shuf -n 1 -i 100-900 | awk '{ print $1 / 1000 }')"
  done_kills=$((done_kills + 1))
  kill -0 "$source" 2>/dev/null && under_way=$((under_way + 1))
  whole=
  [ -n "${WHOLE:-}" ] && [ $((done_kills % 4)) = 0 ] && whole=$run
  kill -KILL "$engine" $whole "$(cat data/broker/pid)"
  wait "$engine" $whole 2>/dev/null || true
  [ -z "$whole" ] || start
  start_engine engine load
done
wait_for_source
settled 2 load_wide >/dev/null
acknowledged=$(field acknowledged <source.out)
stored=$(query 'SELECT count(*), count(DISTINCT number), min(number), max(number) FROM load_wide')
echo "$done_kills kills, $under_way of them while it published, in $((($(date +%s%N) - begin) / 1000000000)) s; acknowledged $acknowledged, stored ${stored%%,*} (rows, distinct, first, last: $stored)"
grep -hs "lost\|journal" runs.err run.out run.err engine.err || true
[ "$acknowledged" = "$messages" ] && [ "$stored" = "$messages,$messages,1,$messages" ]
"$binary" store verify >/dev/null
