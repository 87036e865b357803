#!/usr/bin/env bash
# The whole journey with one command: sets up, builds if the sources changed, and runs the truck.
#   ./start.sh                  asks for the device's name
#   ./start.sh NAME [options]   asks nothing; options are those of 'trucksensor run'
# Files in options are taken from the repository's folder, where certs/ and data/ are.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
  echo "usage: ./start.sh NAME [options]      ('./start.sh --help' lists the options)"
}

name=${1-}
case "$name" in
  -h | --help)
    usage
    scripts/setup.sh
    scripts/build.sh
    exec .build/release/trucksensor run --help
    ;;
  -*)
    echo "the device's name comes first, then the options" >&2
    usage >&2
    exit 64
    ;;
  "")
    if [ ! -t 0 ]; then
      usage >&2
      exit 64
    fi
    read -r -p "Enter the device name > " name || true
    if [ -z "$name" ]; then
      usage >&2
      exit 64
    fi
    ;;
  *) shift ;;
esac

scripts/setup.sh
scripts/build.sh
exec .build/release/trucksensor run "$name" "$@"
