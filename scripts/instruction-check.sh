#!/usr/bin/env bash
# Counts the instructions of hot paths with valgrind and compares them with Benchmarks/instructions.json: a change of more than the
# file's tolerance fails, in either direction, so that a gain is written down, too. Counts don't depend on what else the
# machine does, but on compiler and libraries: --update writes the present ones.
#   scripts/instruction-check.sh [--update]    TRUCKSENSOR_EXECUTABLE names another release executable
# Each path runs with few and with many rows; the difference is the cost of a row, without the program's start.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
. scripts/common.sh
if ! command -v valgrind >/dev/null; then
  echo "instruction-check.sh is skipped: valgrind is missing (apt-get install valgrind)"
  exit 0
fi
find_executable
make_work_folder
# valgrind 3.19 can't read the debug information of Swift 6.
strip -g -o "$work/trucksensor" "$binary"
cp -r rules "$work"
count() { # COMMAND…, with the input in file "in"; prints the number of instructions
  local number
  (cd "$work" && valgrind --tool=callgrind --callgrind-out-file=/dev/null ./trucksensor "$@" <in >out 2>err) || { cat "$work/err" >&2; return 1; }
  number=$(sed -n 's/.*Collected : //p' "$work/err")
  [ -n "$number" ] || { cat "$work/err" >&2; return 1; }
  echo "$number"
}
messages() {
  awk -v lines="$1" 'BEGIN { for (n = 1; n <= lines; n++)
    printf "{\"uptime\":\"%d\",\"volts\":\"%.2f\",\"temp\":\"%.2f\",\"door\":\"%d\",\"i\":\"1\",\"n\":\"%d\",\"timestamp\":%.6f}\n", \
      n, 11.9 + n % 40 / 100, -21 + n % 4200 / 100, n % 2, n, 1729703643.979735 + n / 2 }'
}
: >"$work/figures"
measure() { # NAME FEW MANY PREPARE COMMAND…, in which @ stands for the number of rows
  local name=$1 few=$2 many=$3 prepare=$4 rows less more
  shift 4
  rows=$few && $prepare "$rows" >"$work/in" && less=$(count "${@//@/$rows}")
  rows=$many && $prepare "$rows" >"$work/in" && more=$(count "${@//@/$rows}")
  echo "$name $(((more - less) / (many - few)))" >>"$work/figures"
}
trip() { "$binary" dataset generate --seed 1 --rows "$1"; }
measure "rule evaluated (truckAnalyze), a message" 1000 6000 messages rules eval --rule truckAnalyze
measure "row imported into the store, with its alerts" 1000 5000 trip store import in --device truck --start 2024-10-23T17:14:03Z --store @.sqlite
measure "diagnosis, a row" 1000 3000 trip diagnose in --json
measure "dataset generated, a row" 1000 3000 true dataset generate --seed 1 --rows @
python3 - "$work/figures" "${1:-}" <<'COMPARE'
import json, sys
path, option = "Benchmarks/instructions.json", sys.argv[2]
measured = {name: int(number) for name, number in (line.rsplit(" ", 1) for line in open(sys.argv[1]))}
if option == "--update":
    with open(path, "w") as file:
        json.dump({"tolerancePercent": 5, "instructions": measured}, file, indent=2)
        file.write("\n")
known = json.load(open(path))
failed = measured.keys() != known["instructions"].keys()
for name, number in measured.items():
    before = known["instructions"].get(name)
    change = 100 * (number - before) / before if before else float("inf")
    failed |= abs(change) > known["tolerancePercent"]
    print(f"{name:45} {number:8} instructions, {change:+.1f} %")
if failed:
    print(f"Costs have changed by more than {known['tolerancePercent']} %. If that is meant: scripts/instruction-check.sh --update", file=sys.stderr)
sys.exit(failed)
COMPARE
