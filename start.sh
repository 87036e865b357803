#!/usr/bin/env bash
# Everything with one command: installs what is missing, builds if the sources changed, and runs the truck.
#   ./start.sh                  asks for the device's name
#   ./start.sh NAME [options]   asks nothing; options are those of 'trucksensor run'
# Relative paths in options start at the repository's folder, where certs/ and data/ are.
set -euo pipefail
cd -- "$(dirname -- "$0")"

usage() {
  cat <<'END'
usage: ./start.sh NAME [options]

Installs and builds what is missing, then runs the truck NAME with its own broker.
If NAME is missing, it asks for one on a terminal. The options are those of 'trucksensor run'
('./start.sh --help' lists them); relative paths start at the folder of start.sh.
END
}

wrong() {
  [ -z "$1" ] || echo "start.sh: $1" >&2
  usage >&2
  exit 64
}

case "${1-}" in
  -h | --help)
    usage
    echo
    scripts/setup.sh
    scripts/build.sh
    exec .build/release/trucksensor run --help
    ;;
  -*) wrong "give the device's name first, then the options; '$1' isn't a name" ;;
  "")
    [ $# -eq 0 ] || shift
    [ -t 0 ] || wrong "a device name is missing"
    read -r -p "Enter the device name > " name || name=
    case "$name" in
      "") wrong "a device name is missing" ;;
      -*) wrong "'$name' isn't a device name" ;;
    esac
    ;;
  *)
    name=$1
    shift
    ;;
esac

scripts/setup.sh
scripts/build.sh
exec .build/release/trucksensor run "$name" "$@"
