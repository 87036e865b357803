#!/usr/bin/env bash
# TARGETS P3: truckAnalyze over a million messages, beside DuckDB, SQLite, Node, jq and C, each on one core. Prints the
# median of several runs and its ratio to ours. What isn't installed is left out, and said.
#   Benchmarks/rules.sh [RUNS [LINES]]
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
runs=${1:-5} lines=${2:-1000000}
scripts/build.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${BENCH_PYTHON:-python3}

awk -v lines="$lines" 'BEGIN {
  for (n = 1; n <= lines; n++)
    printf "{\"uptime\":\"%d\",\"volts\":\"%.2f\",\"temp\":\"%.2f\",\"door\":\"%d\",\"i\":\"1\",\"n\":\"%d\",\"timestamp\":%.6f}\n", \
      n, 11.9 + n % 40 / 100, -21 + n % 4200 / 100, n % 2, n, 1729703643.979735 + n / 2
}' >"$work/in"
cc -O2 -o "$work/truck_analyze" Benchmarks/peers/truck_analyze.c
: >"$work/empty.db"

# On one core, if there is a tool to say so.
pin() { if command -v taskset >/dev/null; then taskset -c 0 "$@"; else "$@"; fi; }
ours() { pin .build/release/trucksensor rules eval --rule truckAnalyze <"$work/in" >"$work/out"; }
c() { pin "$work/truck_analyze" <"$work/in" >"$work/out"; }
node_() { pin node Benchmarks/peers/truck_analyze.js <"$work/in" >"$work/out"; }
jq_() { pin jq -c -f Benchmarks/peers/truck_analyze.jq <"$work/in" >"$work/out"; }
sqlite() { (cat "$work/in") | pin sqlite3 -init Benchmarks/peers/truck_analyze.sql :memory: .quit >"$work/out"; }
duckdb() { pin "$python" Benchmarks/peers/truck_analyze.duckdb.py "$work/in" "$work/out"; }

median() { # command → seconds
  for _ in $(seq "$runs"); do
    local begin end
    begin=$(date +%s%N)
    "$1"
    end=$(date +%s%N)
    echo $((end - begin))
  done | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] / 1e9 }'
}

reference=$(median ours)
# The same results, whoever makes them.
cp "$work/out" "$work/ours"
report() { # name, command
  local seconds
  seconds=$(median "$2")
  local same=different
  [ "$(wc -l <"$work/out")" = "$(wc -l <"$work/ours")" ] && same="as many"
  awk -v name="$1" -v s="$seconds" -v r="$reference" -v n="$lines" -v same="$same" \
    'BEGIN { printf "%-28s %8.3f s %10d/s   ours is %.2f times as fast   (%s results)\n", name, s, n / s, s / r, same }'
}
awk -v s="$reference" -v n="$lines" 'BEGIN { printf "%-28s %8.3f s %10d/s\n", "trucksensor rules eval", s, n / s }'
report "C, for this rule only" c
if "$python" -c 'import duckdb' 2>/dev/null; then report "DuckDB, 1 thread" duckdb; else echo "no DuckDB (BENCH_PYTHON names a Python that has it)"; fi
if command -v sqlite3 >/dev/null; then report "SQLite" sqlite; else echo "no sqlite3"; fi
if command -v node >/dev/null; then report "Node" node_; else echo "no node"; fi
if command -v jq >/dev/null; then report "jq" jq_; else echo "no jq"; fi
