#!/usr/bin/env bash
# Coverage-guided fuzzing of what reads text from outside: libFuzzer with AddressSanitizer over Tests/Fuzz.
#   scripts/fuzz.sh MINUTES            each target gets its share of the minutes
#   scripts/fuzz.sh MINUTES TARGET...  these targets only
#   scripts/fuzz.sh --replay FILE...   runs the targets of .build/fuzz/findings/TARGET/FILE with these inputs
# Prints each finding with its stack and keeps its input in .build/fuzz/findings/TARGET; exit code 1 if there is one. What it
# learns is kept in .build/fuzz/corpus. Builds into .build-fuzz; run scripts/build.sh first, it checks the packages.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

targets=(json iot-sql time-pattern csv rule-document rule-case policy alerts decimal timestream-sql store-url times registry topic http rule-template aws-api)
usage() {
  echo "usage: scripts/fuzz.sh MINUTES [TARGET...] | --replay FILE..." >&2
  echo "targets: ${targets[*]}" >&2
  exit 64
}
minutes=${1:-}
[ $# -gt 0 ] && shift || usage
if [ "$minutes" != --replay ]; then
  [[ $minutes =~ ^[1-9][0-9]{0,4}$ ]] || usage
  for target in "$@"; do [[ " ${targets[*]} " == *" $target "* ]] || usage; done
  [ $# -eq 0 ] || targets=("$@")
fi

work=$PWD/.build/fuzz
mkdir -p "$work"
if ! TRUCKSENSOR_FUZZ=1 swift build --scratch-path .build-fuzz -c release --sanitize fuzzer --sanitize address \
  -Xswiftc -enable-testing --product Fuzz >"$work/build.log" 2>&1; then
  cat "$work/build.log" >&2
  exit 1
fi
# In memory: services write their files safely, which takes a disk milliseconds.
TMPDIR=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
# Swift's own allocations at the start aren't leaks.
export ASAN_OPTIONS=detect_leaks=0
# libFuzzer's own stack is enough, and comes at once.
export SWIFT_BACKTRACE=enable=no
limits=(-rss_limit_mb=2048 -timeout=10 -max_len=4096)

status=0
if [ "$minutes" = --replay ]; then
  for file in "$@"; do
    FUZZ_TARGET=$(basename "$(dirname "$file")") .build-fuzz/release/Fuzz "${limits[@]}" "$file" || status=1
  done
  exit "$status"
fi

python3 Tests/Fuzz/seeds.py "$work/seeds"
seconds=$((minutes * 60 / ${#targets[@]}))
for target in "${targets[@]}"; do
  mkdir -p "$work/corpus/$target" "$work/findings/$target"
  log=$work/$target.log
  end=$((SECONDS + (seconds > 5 ? seconds : 5)))
  found=0
  # A finding ends a run of libFuzzer: the next one goes on with the corpus until the time is over, or at 10 findings.
  while [ $SECONDS -lt $end ] && [ $found -lt 10 ]; do
    if FUZZ_TARGET=$target .build-fuzz/release/Fuzz "${limits[@]}" -max_total_time=$((end - SECONDS)) \
      -dict="$work/seeds/words" -artifact_prefix="$work/findings/$target/" -print_final_stats=1 -verbosity=1 \
      "$work/corpus/$target" "$work/seeds/$target" >"$log" 2>&1; then
      break
    fi
    found=$((found + 1))
    status=1
    echo "$target: a finding"
    grep -aE -A 40 'Fatal error|ERROR: |SUMMARY|Thread .* crashed' "$log" | head -n 60 || true
    grep -aE 'Test unit written|Base64' "$log" || true
  done
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  echo "$target: ${runs:-?} inputs in the last run, $(find "$work/corpus/$target" -type f | wc -l) kept, $found findings"
done
exit "$status"
