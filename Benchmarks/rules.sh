#!/usr/bin/env bash
# truckAnalyze over a million messages, beside DuckDB, SQLite, Node, jq and C, each on one core, and with
# --jobs 2. Prints the median of several runs and its ratio to ours. What isn't installed is left out and reported. Then 1 to
# 1000 rules, with a filter of their own and with one common filter.
#   Benchmarks/rules.sh [RUNS [LINES]]
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
runs=${1:-5} lines=${2:-1000000} parts=${PARTS:-P3 P11}
binary=${TRUCKSENSOR_EXECUTABLE:-}
if [ -z "$binary" ]; then
  scripts/build.sh
  binary=$PWD/.build/release/trucksensor
fi
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
ours() { pin "$binary" rules eval --rule truckAnalyze <"$work/in" >"$work/out"; }
ours_alone() { "$binary" rules eval --rule truckAnalyze <"$work/in" >"$work/out"; }
two_jobs() { "$binary" rules eval --rule truckAnalyze --jobs 2 <"$work/in" >"$work/out"; }
c() { pin "$work/truck_analyze" <"$work/in" >"$work/out"; }
node_() { pin node Benchmarks/peers/truck_analyze.js <"$work/in" >"$work/out"; }
jq_() { pin jq -c -f Benchmarks/peers/truck_analyze.jq <"$work/in" >"$work/out"; }
sqlite() { (cat "$work/in") | pin sqlite3 -init Benchmarks/peers/truck_analyze.sql :memory: .quit >"$work/out"; }
duckdb() { pin "$python" Benchmarks/peers/truck_analyze.duckdb.py "$work/in" "$work/out"; }

# The tools take turns, so that a machine that gets slower gets slower for all.
tools=(ours c)
missing=()
if "$python" -c "import duckdb" 2>/dev/null; then tools+=(duckdb); else missing+=("DuckDB (BENCH_PYTHON names a Python that has it)"); fi
if command -v sqlite3 >/dev/null; then tools+=(sqlite); else missing+=(sqlite3); fi
if command -v node >/dev/null; then tools+=(node_); else missing+=(node); fi
if command -v jq >/dev/null; then tools+=(jq_); else missing+=(jq); fi
cores=$(nproc)
if [ "$cores" -gt 1 ]; then tools+=(ours_alone two_jobs); fi
for _ in $(seq "$runs"); do
  for tool in "${tools[@]}"; do
    begin=$(date +%s%N)
    "$tool"
    end=$(date +%s%N)
    echo $((end - begin)) >>"$work/$tool.times"
    wc -l <"$work/out" >"$work/$tool.results"
    echo "$tool $((end - begin)) $(<"$work/$tool.results")" >>"${FIGURES:-/dev/null}"
    if [ "$tool" = ours ]; then mv "$work/out" "$work/ours"; fi
    # The results are the same, whoever makes them and on however many cores.
    case $tool in ours_alone | two_jobs) cmp "$work/out" "$work/ours" ;; esac
  done
done
median() { sort -n "$work/$1.times" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] / 1e9 }'; }
report() { # name, tool
  [ -f "$work/$2.times" ] || return 0
  awk -v name="$1" -v s="$(median "$2")" -v r="$(median ours)" -v n="$lines" \
    -v same="$([ "$(cat "$work/$2.results")" = "$(cat "$work/ours.results")" ] && echo "as many" || echo different)" \
    'BEGIN { printf "%-28s %8.3f s %10d/s   ours is %.2f times as fast   (%s results)\n", name, s, n / s, s / r, same }'
}
echo "P3: $lines messages through truckAnalyze, medians of $runs"
report "trucksensor rules eval" ours
report "C, for this rule only" c
report "DuckDB, 1 thread" duckdb
report "SQLite" sqlite
report "Node" node_
report "jq" jq_
if [ "$cores" -gt 1 ]; then
  awk -v one="$(median ours_alone)" -v two="$(median two_jobs)" \
    'BEGIN { printf "rules eval --jobs 2: %.3f s, %.2f times as fast as --jobs 1 (%.3f s)\n", two, one / two, one }'
fi
for tool in "${missing[@]}"; do echo "no $tool"; done

[[ $parts == *P11* ]] || exit 0
echo "P11: what a message costs with many rules"
for filters in each one; do
  for rules in 1 10 100 1000; do
    for _ in $(seq "$runs"); do
      pin "$binary" bench rules --filters "$filters" --rules "$rules" --count "$([ "$filters" = each ] && echo 200000 || echo $((200000 / rules + 1000)))"
    done | sort -t: -k2 -n | sed -n "$(((runs + 1) / 2))p"
  done
done
