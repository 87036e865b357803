#!/usr/bin/env bash
# Asks the query service and DuckDB the same generated statements, and prints those with different answers; exit code 1 if
# there are any.
#   scripts/sql-differential.sh [COUNT] [SEED]     1000 statements by default, and a seed that is printed
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
count=${1:-1000} seed=${2:-$RANDOM}
scripts/test-tools.sh
scripts/build.sh
python=$PWD/.build/aws-tools/bin/python script=$PWD/Tests/EndToEndTests/differential.py binary=$PWD/.build/release/trucksensor
work=$(mktemp -d)
server=
finish() {
  [ -z "$server" ] || kill -INT "$server" 2>/dev/null || true
  wait
  rm -rf "$work"
}
trap finish EXIT
cd "$work"
"$python" "$script" readings "$seed" >readings.csv
"$binary" store import readings.csv
"$binary" aws --aws-port 0 2>address &
server=$!
for _ in $(seq 100); do grep -q AWS_ENDPOINT_URL address && break; sleep 0.1; done
echo "seed $seed"
"$python" "$script" "$(sed -n 's/.*AWS_ENDPOINT_URL=//p' address)" readings.csv "$count" "$seed" >result.json
"$python" -m json.tool --no-ensure-ascii result.json
grep -q '"count": 0}' result.json
