#!/usr/bin/env bash
# Drives a fleet and counts every message: TRUCKS trucks with their own certificates at 2 messages per second each for MINUTES,
# at QoS 1, to the local broker, whose rules store them. Counts what the trucks had acknowledged, what arrived at a subscriber
# and what is in the store, and prints memory while it runs. Exit code 1 if a message is missing anywhere.
#   scripts/fleet-soak.sh [TRUCKS [MINUTES [RATE]]]    500, 1 and 2 by default; TRUCKSENSOR_EXECUTABLE names another executable
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
trucks=${1:-500} minutes=${2:-1} rate=${3:-2}
binary=${TRUCKSENSOR_EXECUTABLE:-}
if [ -z "$binary" ]; then
  scripts/build.sh
  binary=$PWD/.build/release/trucksensor
fi
work=$(mktemp -d)
run= count=
stop() {
  for process in $count $run; do kill -TERM "$process" 2>/dev/null || true; done
  for process in $count $run; do wait "$process" 2>/dev/null || true; done
  run= count=
}
trap 'stop; rm -rf "$work"' EXIT
fail() {
  echo "fleet-soak.sh: $1" >&2
  [ -z "${2:-}" ] || tail -n 20 "$2" >&2
  exit 1
}
ulimit -n "$(ulimit -Hn)"
cp -r TruckSensorFiles policies rules "$work"
cd "$work"
touch run.out run.err count.err sim.err

"$binary" run truckSensor01 --interval 100d --quiet --no-aws --qos 1 >run.out 2>run.err &
run=$!
for _ in $(seq 600); do
  grep -q Publishing run.err && break
  kill -0 $run || fail "the run ended" run.err
  sleep 0.1
done
began=$(date +%s%N)
"$binary" provision fleet --count "$trucks" --prefix truck- --policy fleet-policy >/dev/null
echo "$trucks certificates in $((($(date +%s%N) - began) / 1000000)) ms"
for _ in $(seq 600); do grep -q "enforces them now" run.err && break; sleep 0.1; done

# The broker's queue for a subscriber that is slower for a moment is 4000 messages at QoS 1.
"$binary" record 'truck/+/freezer' -o arrived.csv --json >count.out 2>count.err &
count=$!
for _ in $(seq 100); do grep -q "^recording" count.err && break; sleep 0.1; done

"$binary" simulate --device truck --devices "$trucks" --topic 'truck/{device}/freezer' --rate "$rate" --qos 1 --loop \
  --duration "${minutes}m" --quiet --json >sim.out 2>sim.err &
simulation=$!
memory() { awk '/^RssAnon/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status" 2>/dev/null || echo -; }
broker=$(cat data/broker/pid)
printf '%8s %14s %12s %12s %12s\n' seconds "trucks MB" "run MB" "broker MB" "recorder MB"
start=$(date +%s)
while kill -0 $simulation 2>/dev/null; do
  printf '%8d %14s %12s %12s %12s\n' $(($(date +%s) - start)) "$(memory $simulation)" "$(memory $run)" "$(memory "$broker")" \
    "$(memory $count)"
  for _ in $(seq $((minutes > 3 ? 30 : 10))); do kill -0 $simulation 2>/dev/null && sleep 1; done
done
wait $simulation || fail "the fleet lost messages, or its broker" sim.err
field() { sed "s/.*\"$1\":\([0-9.e-]*\).*/\1/"; }
acknowledged=$(tail -n 1 sim.out | field acknowledged)
cut -c 1-420 sim.out

# What is in flight arrives and is stored.
stored=0
for _ in $(seq 120); do
  arrived=$(($(wc -l <arrived.csv) - 1))
  stored=$("$binary" store query "SELECT COUNT(*) AS n FROM truck01_sensors WHERE measure_name = 'temp' AND device <> 'truckSensor01'" --format csv | tail -n 1)
  [ "$arrived" -ge "$acknowledged" ] && [ "$stored" -ge "$acknowledged" ] && break
  sleep 0.5
done
kill -INT $count
wait $count || true
count=
cat count.out
echo "acknowledged $acknowledged, arrived at the subscriber $arrived, stored $stored"
tail -n 3 run.err
[ "$arrived" = "$acknowledged" ] || fail "$((acknowledged - arrived)) messages didn't arrive at the subscriber" count.err
[ "$stored" = "$acknowledged" ] || fail "$((acknowledged - stored)) messages are not in the store" run.err
