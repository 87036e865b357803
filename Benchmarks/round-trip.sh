#!/usr/bin/env bash
# TARGETS P4: publish → rule → truck/analyze over mTLS, beside a C program that only passes messages on, on the same
# broker. Prints each run, and the share of a core that broker and engine took at the highest rate.
#   Benchmarks/round-trip.sh [RUNS]
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
runs=${1:-5}
scripts/build.sh
binary=$PWD/.build/release/trucksensor
work=$(mktemp -d)
processes=()
finish() {
  for process in "${processes[@]}"; do kill -INT "$process" 2>/dev/null || true; done
  wait
  rm -rf "$work"
}
trap finish EXIT
cc -O2 -o "$work/pass_through" Benchmarks/peers/pass_through.c -lmosquitto
cp -r TruckSensorFiles "$work"
mkdir "$work/idle" "$work/rules"
cp rules/truckAnalyze.json "$work/rules"
cd "$work"

# A run with rules in another folder is a broker and certificates for us. Its own engine is not what is measured.
mv rules measured
"$binary" run truckSensor01 --interval 1h --quiet >run.out 2>run.err &
processes+=($!)
for _ in $(seq 200); do grep -q "mutual TLS" run.err && [ -s run.out ] && break; sleep 0.05; done
port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\), mutual.*/\1/p' run.err)
broker=$(pgrep -f "$work|mosquitto -c" | while read -r p; do [ "$(readlink "/proc/$p/exe")" != "${p#x}" ] && grep -aq mosquitto "/proc/$p/comm" && echo "$p"; done | head -1)

cpu() { awk '{ print ($14 + $15) * 10 }' "/proc/$1/stat"; } # milliseconds
trip() { # what is between
  local name=$1 engine=$2
  for _ in $(seq "$runs"); do
    printf '%-14s 1000/s: ' "$name"
    "$binary" bench round-trip --rate 1000 --count 10000
  done
  for _ in $(seq "$runs"); do
    local b e t
    b=$(cpu "$broker") e=$(cpu "$engine") t=$(date +%s%N)
    printf '%-14s max:    ' "$name"
    "$binary" bench round-trip --rate max --count 50000 | tr '\n' ' '
    t=$((($(date +%s%N) - t) / 1000000))
    awk -v b=$(($(cpu "$broker") - b)) -v e=$(($(cpu "$engine") - e)) -v t="$t" \
      'BEGIN { printf "(broker %d %%, %s %d %% of a core)\n", 100 * b / t, "between", 100 * e / t }'
  done
}

"$binary" rules run --rules measured --device mqttTestClient --client-id bench 2>engine.err &
engine=$!
for _ in $(seq 200); do grep -q "rules: ready" engine.err && break; sleep 0.05; done
trip trucksensor "$engine"
kill -INT "$engine"
wait "$engine" || true
./pass_through "$port" 2>pass.err &
engine=$!
processes+=("$engine")
for _ in $(seq 200); do grep -q ready pass.err && break; sleep 0.05; done
trip "C pass-through" "$engine"
