#!/usr/bin/env bash
# Writes docs/reference/ again from the commands' descriptions in the executable, which is built first.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
if [ -z "${TRUCKSENSOR_EXECUTABLE:-}" ]; then scripts/build.sh; fi
rm -rf docs/reference
"${TRUCKSENSOR_EXECUTABLE:-.build/release/trucksensor}" help --markdown docs/reference
