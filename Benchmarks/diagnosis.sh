#!/usr/bin/env bash
# How good the diagnosis is, and how fast: recall over 200 generated trips of each scenario, 50 generated fleets of 60 trucks of each
# kind, 20 trucks that weaken and 20 that don't, and ten million rows.
#   Benchmarks/diagnosis.sh [TRIPS [SEEDS [TRUCKS [MILLIONS]]]]
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
scripts/build.sh
binary=$PWD/.build/release/trucksensor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
echo "== ${1:-200} trips of each scenario"
"$binary" diagnose --evaluate "${1:-200}" || failed=1
echo "== ${2:-50} fleets of 60 trucks of each kind"
"$binary" diagnose --evaluate-fleets "${2:-50}" || failed=1
echo "== ${3:-20} trucks over 20 trips"
"$binary" diagnose --evaluate-trends "${3:-20}" || failed=1
rows=${4:-10}000000
echo "== $rows rows"
"$binary" dataset generate --scenario defrost --duration 8760h --rows "$rows" -o "$work/long.csv"
for count in $((rows / 10)) "$rows"; do
  head -n $((count + 1)) "$work/long.csv" >"$work/part.csv"
  python3 - "$binary" "$work/part.csv" "$count" <<'MEASURE'
import os, resource, subprocess, sys, time
binary, path, count = sys.argv[1:]
begin = time.monotonic()
subprocess.run([binary, "diagnose", path, "--json"], check=True, stdout=subprocess.DEVNULL)
print(f"{int(count)} rows: {time.monotonic() - begin:.1f} s, at most "
      f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024} MiB")
MEASURE
done
exit $failed
