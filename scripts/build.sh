#!/usr/bin/env bash
# Builds the release executable .build/release/trucksensor if the sources changed; prints nothing if not. The Swift runtime is
# linked statically: one file that starts in milliseconds and needs no Swift where it runs.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

binary=.build/release/trucksensor
# A folder's own date changes when files are added or removed.
if [ -x "$binary" ] && [ -z "$(find Package.swift Sources -newer "$binary" -print -quit)" ]; then exit 0; fi
echo "Building trucksensor (once; a minute or two)..." >&2
log=$(mktemp)
begun=$(mktemp)
trap 'rm -f "$log" "$begun"' EXIT
build() { swift build -c release --static-swift-stdlib --product "$1" >>"$log" 2>&1; }
if ! { build BrokerPlugin && build trucksensor; }; then
  cat "$log" >&2
  echo "The build failed; see above. 'scripts/setup.sh --check' lists missing packages." >&2
  exit 1
fi
# The binary gets the time at which the build began: the linker doesn't touch an unchanged file, which would cause a
# build each time, and a source saved during the build must cause another one.
touch -r "$begun" "$binary"
