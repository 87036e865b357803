#!/usr/bin/env bash
# Sets up, builds without warnings, lints, and runs all tests. Arguments go to 'swift test': scripts/test.sh --filter Topic
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

scripts/setup.sh --tests
scripts/check-traps.sh
scripts/test-tools.sh
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
swift build --build-tests -Xswiftc -warnings-as-errors
swift format lint --strict -r Sources Tests Package.swift
# The end-to-end tests drive the executable that users run.
scripts/build.sh
# The same flags as above: nothing is built twice.
swift test -Xswiftc -warnings-as-errors "$@"
