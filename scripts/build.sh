#!/usr/bin/env bash
# Builds the release executable .build/release/trucksensor if the sources changed; quiet if not. The Swift runtime is
# linked statically: one file that starts in milliseconds and needs no Swift where it runs.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=.build/release/trucksensor
if [ -x "$binary" ] && [ -z "$(find Package.swift Sources -newer "$binary" -print -quit)" ]; then exit 0; fi
echo "Building trucksensor (a minute or two, the first time)..." >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! swift build -c release --static-swift-stdlib --product trucksensor >"$log" 2>&1; then
  cat "$log" >&2
  echo "The build failed; see above. 'scripts/setup.sh --check' lists missing packages." >&2
  exit 1
fi
# Nothing that matters may have changed: then the linker left the old file, and its date would ask for a build again.
touch "$binary"
