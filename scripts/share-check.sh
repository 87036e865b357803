#!/usr/bin/env bash
# Two rules engines share one subscription and store in one database, while a truck publishes at a fixed rate. One of them is
# killed (SIGKILL) again and again, and started again; the last time it isn't, and the other one must process its share, too. Then
# every acknowledged message must be in the store, once, and both engines must have had a part; exit code 1 if not.
#   scripts/share-check.sh [MESSAGES [KILLS]]   40000 and 5 by default; STORE=postgres://… or influx+http://… stores at a server,
#                                               RATE is 4000 a second by default, TRUCKSENSOR_EXECUTABLE names another executable
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
. scripts/common.sh
messages=${1:-40000} kills=${2:-5}
find_executable
make_work_folder
cp -r TruckSensorFiles "$work"
cd "$work"

start_run --no-dashboard --no-aws
make_load_rule
store=${STORE:-data/sensorDB.sqlite}
# Timestream's view of the table; a server has columns of the measures at once.
table=load_wide
[[ $store == *://* ]] && table=load
start() { # NAME
  start_engine "$1" load --shared fleet --store "$store" --json
}
start first
first=$engine
start second
second=$engine
start_source --rate "${RATE:-4000}" --count "$messages"
done_kills=0 had_part=
while [ $done_kills -lt "$kills" ] && kill -0 "$source" 2>/dev/null; do
  sleep "$(shuf -n 1 -i 300-1500 | awk '{ print $1 / 1000 }')"
  # Not before it has had a part of the messages; SIGUSR1 has it say how many.
  for _ in $(seq 300); do
    kill -USR1 "$first"
    sleep 0.1
    grep -q "TopicMatch [1-9]" first.err && had_part=1 && break
    kill -0 "$source" 2>/dev/null || break
  done
  kill -KILL "$first"
  wait "$first" 2>/dev/null || true
  done_kills=$((done_kills + 1))
  [ $done_kills -lt "$kills" ] || break
  # Each second time the other engine has taken its share over long before it is back.
  sleep "$((done_kills % 2 * 3)).5"
  start first
  first=$engine
done
wait_for_source
# The share of the killed engine waits for half a second.
settled 4 $table --store "$store" >/dev/null
end "$second"
grep share second.err || true
acknowledged=$(field acknowledged <source.out)
share=$(field TopicMatch <second.out)
stored=$(query "SELECT count(*), count(DISTINCT number), min(number), max(number) FROM $table" --store "$store")
echo "$done_kills kills; acknowledged $acknowledged, stored $stored (rows, distinct, first, last); the engine that lived had $share"
[ "$acknowledged" = "$messages" ] && [ "$stored" = "$messages,$messages,1,$messages" ] && [ -n "$had_part" ] && [ "$share" -gt 0 ]
