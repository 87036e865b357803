#!/usr/bin/env bash
# Runs tests under the compiler's sanitizers and prints their reports; exit code 1 if there is one.
#   scripts/sanitize.sh address   the executable, the C shims and the broker's plugin, driven by end-to-end tests
#   scripts/sanitize.sh thread    the tests of what more than one thread uses
#   scripts/sanitize.sh           both
# Builds into .build-asan and .build-tsan; the end-to-end tests themselves are those of the usual build.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

case ${1:-both} in
  address | thread | both) kind=${1:-both} ;;
  *)
    echo "usage: scripts/sanitize.sh [address|thread]" >&2
    exit 64
    ;;
esac
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
status=0

# Prints what the sanitizer wrote; the tests' own result counts, too.
finish() {
  local name=$1 result=$2
  if compgen -G "$reports/$name.*" >/dev/null; then
    cat "$reports/$name".*
    echo "$name: $(find "$reports" -name "$name.*" | wc -l) processes with reports" >&2
    status=1
  elif [ "$result" != 0 ]; then
    echo "$name: no report, but the tests failed" >&2
    status=1
  else
    echo "$name: no report"
  fi
}

if [ "$kind" != thread ]; then
  folder=$PWD/.build-asan
  for product in BrokerPlugin trucksensor; do
    swift build --scratch-path "$folder" --sanitize address --product "$product"
  done
  # A mosquitto that has the sanitizer's runtime before it loads the plugin.
  runtime=$(find "$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")/lib/clang" -name "libclang_rt.asan-$(uname -m).so" | head -n 1)
  mosquitto=${TRUCKSENSOR_MOSQUITTO:-$(PATH=$PATH:/usr/sbin command -v mosquitto)}
  printf '#!/bin/sh\nLD_PRELOAD=%s exec %s "$@"\n' "$runtime" "$mosquitto" >"$folder/mosquitto"
  chmod +x "$folder/mosquitto"
  swift build --build-tests
  result=0
  # Leaks are the broker's and the Swift runtime's own.
  TRUCKSENSOR_EXECUTABLE=$folder/debug/trucksensor TRUCKSENSOR_MOSQUITTO=$folder/mosquitto \
    ASAN_OPTIONS=detect_leaks=0:log_path=$reports/address \
    swift test --skip-build --filter 'HostileInputTests|CredentialTests|EndToEndTests.StoreTests|TestClientTests' || result=$?
  finish address "$result"
fi

if [ "$kind" != address ]; then
  result=0
  TSAN_OPTIONS=log_path=$reports/thread swift test --scratch-path .build-tsan --sanitize thread \
    --filter 'FilesTests|IdentityTests.RegistryTests|MQTTTests|StoreTests.ServerAnswerTests|StoreTests.ArrivalTests|LocalCloudTests' \
    || result=$?
  finish thread "$result"
fi
exit "$status"
