#!/usr/bin/env bash
# Runs every target of docs/benchmarks.md beside its peers, in alternation, and writes Benchmarks/RESULTS.md and a chart for each
# target. Installs the peers with apt-get and pip. Takes less than 40 minutes from a fresh clone; let nothing else run meanwhile.
#   Benchmarks/run.sh [--quick] [--only P1,P3] [--output FOLDER]
#     --quick   one round with few messages, to try the script; its figures mean nothing
#     --only    some of the targets
#     --output  where RESULTS.md and charts/ go: Benchmarks by default, .build/benchmarks with --quick
#   TRUCKSENSOR_EXECUTABLE names another executable
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
scripts/setup.sh --tests
packages=(mosquitto-clients nodejs jq sqlite3 influxdb victoria-metrics postgresql libmosquitto-dev libssl-dev)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -q '^installed' || missing+=("$package")
done
[ -e /usr/share/nodejs/mqtt/package.json ] || missing+=(node-mqtt)
if [ ${#missing[@]} -gt 0 ]; then
  echo "Installing ${missing[*]} with apt-get..." >&2
  # RUNLEVEL=1 keeps Debian's init scripts from starting the services.
  install() { DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null; }
  install || { apt-get update >/dev/null && install; }
fi
tools=$PWD/.build/benchmark-tools
if ! "$tools/bin/python" -c 'import AWSIoTPythonSDK, awsiot, duckdb, numpy, paho.mqtt' 2>/dev/null; then
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet AWSIoTPythonSDK awsiotsdk duckdb numpy paho-mqtt
fi
if [ -z "${TRUCKSENSOR_EXECUTABLE:-}" ]; then
  scripts/build.sh
  export TRUCKSENSOR_EXECUTABLE=$PWD/.build/release/trucksensor
fi
exec "$tools/bin/python" Benchmarks/run.py "$@"
