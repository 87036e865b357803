#!/usr/bin/env bash
# Drives a fleet and counts every message: TRUCKS trucks with their own certificates send RATE messages per second each, at QoS 1,
# to a local broker whose rules store them. Counts what the trucks had acknowledged, what arrived at a subscriber and what is in
# the store, and prints memory while it runs. Exit code 1 if a message is missing and nobody reported it.
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
before=$(date +%s%N)
"$binary" provision fleet --count "$trucks" --prefix truck- --policy fleet-policy >/dev/null
wait_for run.err "enforces them now" "$run"
echo "$trucks certificates in $((($(date +%s%N) - before) / 1000000)) ms"

"$binary" record 'truck/+/freezer' -o arrived.csv --json >record.out 2>record.err &
recorder=$!
wait_for record.err "^recording" $recorder

"$binary" simulate --device truck --devices "$trucks" --topic 'truck/{device}/freezer' --rate "$rate" --qos 1 --loop \
  --duration "${seconds}s" --quiet --json >fleet.out 2>fleet.err &
fleet=$!
# Own memory in MB, without pages of files.
memory() { awk '/^RssAnon/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status" 2>/dev/null || echo -; }
connections() { find "/proc/$broker/fd" -lname 'socket:*' 2>/dev/null | wc -l; }
others=$(connections)
row() {
  printf '%8d %10d %10s %14s %10s %10s\n' "$1" $(($(connections) - others)) "$(memory $fleet)" "$(memory "$run")" \
    "$(memory "$broker")" "$(memory $recorder)"
  # Milliseconds of processor time since the first row.
  used=("$(processor $fleet)" "$(processor "$run")" "$(processor "$broker")" "$(processor $recorder)" $(($1 * 1000)))
  [ ${#began[@]} -gt 0 ] || began=("${used[@]}")
}
printf '%8s %10s %10s %14s %10s %10s\n' seconds connected "trucks MB" "run, rules MB" "broker MB" "recorder MB"
start=$SECONDS next=0 began=()
while kill -0 $fleet 2>/dev/null; do
  if [ $((SECONDS - start)) -ge $next ]; then
    row $((SECONDS - start))
    next=$((next + (seconds > 60 ? seconds / 20 : 3)))
  fi
  sleep 0.5
done
status=0
wait $fleet || status=$?
[ -s fleet.out ] || fail "the fleet ended without a summary:" fleet.err
acknowledged=$(field acknowledged <fleet.out)
python3 - "${used[@]}" "${began[@]}" <<'SUMMARY'
import json, sys
fleet = json.load(open("fleet.out"))
late, used, began = fleet["lateness"], *([float(text) for text in part] for part in (sys.argv[1:6], sys.argv[6:]))
print(f"asked {fleet['askedRate']:.0f}/s, reached {fleet['reachedRate']:.0f}/s for {fleet['duration']:.0f} s; handed over late: p50 "
      f"{1000 * late['p50']:.1f} ms, p99 {1000 * late['p99']:.1f} ms, max {1000 * late['max']:.0f} ms; acknowledged: p99 "
      f"{1000 * fleet['acknowledgement']['p99']:.1f} ms; {fleet['reconnects']} reconnects, {fleet['sent'] - fleet['acknowledged']} lost")
shares = [(now - then) / max(1, used[4] - began[4]) for now, then in zip(used, began)]
print("cores: " + ", ".join(f"{name} {share:.2f}" for name, share in zip(("trucks", "run", "broker", "recorder"), shares)))
SUMMARY
[ $status = 0 ] || fail "the fleet lost messages, or its broker:" fleet.err

# What is in flight arrives; the store takes from the broker's journal what it hasn't had yet.
sql="SELECT COUNT(*) FROM truck01_sensors WHERE measure_name = 'temp' AND device <> 'truckSensor01'"
before=$(date +%s%N) last=-1 since=$SECONDS
while :; do
  stored=$(query "$sql")
  [ "$stored" != "$last" ] && since=$SECONDS
  [ "$stored" -ge "$acknowledged" ] || [ $((SECONDS - since)) -ge 30 ] && break
  last=$stored
  sleep 1
done
waited=$((($(date +%s%N) - before) / 1000000000))
kill -INT $recorder
wait $recorder || true
arrived=$(($(wc -l <arrived.csv) - 1))
echo "acknowledged $acknowledged, arrived at the subscriber $arrived, stored $stored (all $waited s after the last)"
grep -h "keep up" run.err || true
[ "$stored" = "$acknowledged" ] || fail "$((acknowledged - stored)) messages are not in the store:" run.err
# The broker keeps 4 000 messages for a subscriber that is slower for a moment, and the run reports what it discards.
[ "$arrived" = "$acknowledged" ] || grep -q "record-.*keep up" run.err \
  || fail "$((acknowledged - arrived)) messages didn't arrive at the subscriber, and nobody said so:" run.err
