#!/usr/bin/env bash
# Drives a fleet and counts every message: TRUCKS trucks with their own certificates send RATE messages per second each, at QoS 1,
# to a local broker whose rules store them. Counts what the trucks had acknowledged, what arrived at a subscriber and what is in
# the store, and prints memory while it runs. Exit code 1 if a message is missing anywhere.
#   scripts/fleet-soak.sh [TRUCKS [SECONDS [RATE]]]    500, 60 and 2 by default; TRUCKSENSOR_EXECUTABLE names another executable
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
. scripts/common.sh
trucks=${1:-500} seconds=${2:-60} rate=${3:-2}
find_executable
make_work_folder
ulimit -n "$(ulimit -Hn)"
cp -r TruckSensorFiles policies rules "$work"
cd "$work"

start_run --no-aws --qos 1
broker=$(cat data/broker/pid)
began=$(date +%s%N)
"$binary" provision fleet --count "$trucks" --prefix truck- --policy fleet-policy >/dev/null
wait_for run.err "enforces them now" "$run"
echo "$trucks certificates in $((($(date +%s%N) - began) / 1000000)) ms"

"$binary" record 'truck/+/freezer' -o arrived.csv --json >record.out 2>record.err &
recorder=$!
wait_for record.err "^recording" $recorder

"$binary" simulate --device truck --devices "$trucks" --topic 'truck/{device}/freezer' --rate "$rate" --qos 1 --loop \
  --duration "${seconds}s" --quiet --json >fleet.out 2>fleet.err &
fleet=$!
# Own memory in MB, without pages of files.
memory() { awk '/^RssAnon/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status" 2>/dev/null || echo -; }
row() { printf '%8d %14s %18s %12s %12s\n' "$1" "$(memory $fleet)" "$(memory "$run")" "$(memory "$broker")" "$(memory $recorder)"; }
printf '%8s %14s %18s %12s %12s\n' seconds "trucks MB" "run with rules MB" "broker MB" "recorder MB"
start=$SECONDS next=0
while kill -0 $fleet 2>/dev/null; do
  if [ $((SECONDS - start)) -ge $next ]; then
    row $((SECONDS - start))
    next=$((next + (seconds > 60 ? seconds / 20 : 3)))
  fi
  sleep 0.5
done
wait $fleet || fail "the fleet lost messages, or its broker:" fleet.err
acknowledged=$(field acknowledged <fleet.out)
cat fleet.out

# What is in flight arrives and is stored.
sql="SELECT COUNT(*) FROM truck01_sensors WHERE measure_name = 'temp' AND device <> 'truckSensor01'"
for _ in $(seq 120); do
  arrived=$(($(wc -l <arrived.csv) - 1))
  stored=$(query "$sql")
  [ "$arrived" -ge "$acknowledged" ] && [ "$stored" -ge "$acknowledged" ] && break
  sleep 0.5
done
kill -INT $recorder
wait $recorder || true
echo "acknowledged $acknowledged, arrived at the subscriber $arrived, stored $stored"
tail -n 3 run.err
[ "$arrived" = "$acknowledged" ] || fail "$((acknowledged - arrived)) messages didn't arrive at the subscriber:" record.err
[ "$stored" = "$acknowledged" ] || fail "$((acknowledged - stored)) messages are not in the store:" run.err
