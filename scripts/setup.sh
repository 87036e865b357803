#!/usr/bin/env bash
# Installs what trucksensor needs and is missing; says what it does, and nothing when there is nothing to do.
#   scripts/setup.sh           what building and running needs
#   scripts/setup.sh --tests   also what the tests need
#   scripts/setup.sh --check   installs nothing; prints what is missing, exit 1 if anything is
set -euo pipefail

packages=(
  libmosquitto-dev # the MQTT client library
  mosquitto        # the local broker
  libssl-dev       # X.509 and TLS
  pkg-config       # where SwiftPM asks for the libraries' flags
)
test_packages=(
  mosquitto-clients # an independent subscriber
  openssl           # makes certificates that ours are checked against
)

check=false
for argument in "$@"; do
  case "$argument" in
    --tests) packages+=("${test_packages[@]}") ;;
    --check) check=true ;;
    *)
      echo "usage: scripts/setup.sh [--tests] [--check]" >&2
      exit 64
      ;;
  esac
done

if ! command -v swift >/dev/null; then
  echo "trucksensor needs Swift 6.1 or newer: install it from https://www.swift.org/install/linux, then try again" >&2
  exit 69
fi
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "This is no Debian or Ubuntu. Install what these Debian packages hold, then build with scripts/build.sh:" >&2
  printf '  %s\n' "${packages[@]}" >&2
  exit 69
fi

missing=()
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null || true)
for package in "${packages[@]}"; do
  grep -qx "installed $package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if $check; then
  printf '%s\n' "${missing[@]}"
  exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "Missing: ${missing[*]}. Install them as root: apt-get install ${missing[*]}" >&2
    exit 69
  fi
  as_root=(sudo)
fi
echo "Installing ${missing[*]} with apt-get..." >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# RUNLEVEL=1 keeps Debian from starting a mosquitto service on port 1883 that nobody asked for.
run() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 "$@" >>"$log" 2>&1; }
if ! run apt-get install -y --no-install-recommends "${missing[@]}"; then
  if ! run apt-get update || ! run apt-get install -y --no-install-recommends "${missing[@]}"; then
    tail -n 20 "$log" >&2
    echo "apt-get could not install ${missing[*]}; is there a network?" >&2
    exit 69
  fi
fi
