#!/usr/bin/env bash
# Sets up, builds without warnings, lints, and runs all tests. Arguments go to 'swift test': scripts/test.sh --filter Topic
# No process that a test started may remain, and the tests' temporary folder is removed.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

scripts/setup.sh --tests
scripts/check-traps.sh
scripts/check-words.sh
scripts/test-tools.sh
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
swift build --build-tests -Xswiftc -warnings-as-errors
swift format lint --strict -r Sources Tests Package.swift
# The end-to-end tests drive the executable that users run.
scripts/build.sh

# Processes that the tests start inherit this mark.
run=TRUCKSENSOR_TEST_RUN=$$.$RANDOM
temporary=$(mktemp -d)
# It contains PostgreSQL's files, which belong to another user.
chmod 711 "$temporary"

# The numbers of the processes with the mark.
marked() { grep -slzxF "$run" /proc/[0-9]*/environ | tr -dc '0-9\n' || true; }
# Names and kills processes that the tests left; fails if there are any.
end_leftovers() {
  local process left=0
  for _ in $(seq 50); do # A process that is about to end may take a moment.
    [ -n "$(marked)" ] || break
    sleep 0.1
  done
  for process in $(marked); do
    echo "A test left process $process: $(tr '\0' ' ' 2>/dev/null <"/proc/$process/cmdline")" >&2
    kill -KILL "$process" 2>/dev/null || true
    left=1
  done
  rm -rf "$temporary"
  return "$left"
}
trap 'end_leftovers || true' EXIT

# The same flags as above, so that nothing is built twice.
status=0
env "$run" TMPDIR="$temporary" swift test -Xswiftc -warnings-as-errors "$@" || status=$?
trap - EXIT
end_leftovers || status=1
exit "$status"
