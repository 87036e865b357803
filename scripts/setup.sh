#!/usr/bin/env bash
# Installs missing packages that trucksensor needs, and reports it; prints nothing if nothing is missing.
#   scripts/setup.sh           for building and running
#   scripts/setup.sh --tests   for the tests, too
#   scripts/setup.sh --check   installs nothing; prints missing packages, and exits with 1 if there are any
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

packages=(
  libmosquitto-dev # the MQTT client library
  mosquitto        # the local broker
  mosquitto-dev    # the header of its plugins
  libssl-dev       # X.509 and TLS
  libmicrohttpd-dev # the HTTP server
  libpcre2-dev     # the rules' regular expressions
  libyaml-dev      # templates with rules
  libsqlite3-dev   # the store
  libcurl4-openssl-dev # a store at a server: InfluxDB, VictoriaMetrics
  libpq-dev        # a store at a server: PostgreSQL
  libjs-dygraphs   # the dashboard's charts
  libjs-leaflet    # and its map
  libcairo2-dev    # the report's drawing
  fonts-dejavu-core # and its letters
  zlib1g-dev       # compression of data for servers
  libedit-dev      # the query editor's lines
  tzdata           # the rules' time zones
  pkg-config       # tells SwiftPM the libraries' flags
)
test_packages=(
  mosquitto-clients # an independent subscriber
  openssl           # makes certificates to compare with
  socat             # connections that the tests interrupt
  curl              # a client of our HTTP server
  python3-venv      # scripts/test-tools.sh
  influxdb          # servers that the store writes to
  victoria-metrics
  postgresql
  nats-server       # another broker
  chromium          # opens the dashboard
  codespell         # scripts/check-words.sh
  groff-base        # formats the manual pages
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

# Asking Swift for its version takes longer than everything else: do it once for each toolchain.
check_swift() {
  local advice="install it from https://www.swift.org/install/linux, then try again" swift version stamp
  if ! swift=$(command -v swift); then
    echo "trucksensor needs Swift 6.1 or newer: $advice" >&2
    exit 69
  fi
  stamp=.build/swift-is-new-enough
  if [ -e "$stamp" ] && [ ! "$swift" -nt "$stamp" ] && [ "$(<"$stamp")" = "$swift" ]; then return; fi
  version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
  if [ "$(printf '%s\n' 6.1 "${version:-0}" | sort -V | head -n 1)" != 6.1 ]; then
    echo "trucksensor needs Swift 6.1 or newer, and $swift is ${version:-of an unknown version}: $advice" >&2
    exit 69
  fi
  $check && return
  mkdir -p .build
  printf '%s\n' "$swift" >"$stamp"
}
check_swift

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  # An existing build has found what it needs.
  if ! $check && [ -x .build/release/trucksensor ] && command -v mosquitto >/dev/null; then exit 0; fi
  echo "This system is neither Debian nor Ubuntu. Install the contents of these Debian packages, then build with scripts/build.sh:" >&2
  printf '  %s\n' "${packages[@]}" >&2
  exit 69
fi

missing=()
installed=$(dpkg-query -W -f '|${db:Status-Status} ${Package}|' "${packages[@]}" 2>/dev/null || true)
for package in "${packages[@]}"; do
  [[ $installed == *"|installed $package|"* ]] || missing+=("$package")
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
# RUNLEVEL=1 keeps Debian's init scripts from starting a mosquitto on port 1883 that nobody asked for.
run() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 "$@" >>"$log" 2>&1 </dev/null; }
install() { run apt-get install -y --no-install-recommends "${missing[@]}"; }
# The package lists are updated only if installing fails with the present ones.
if ! install && ! { run apt-get update && install; }; then
  tail -n 20 "$log" >&2
  echo "apt-get could not install ${missing[*]}; see above. Without a network, install them by hand." >&2
  exit 69
fi
# systemd ignores the run level: turn the service off. It wasn't there before, so nothing else needs it.
if [[ " ${missing[*]} " == *" mosquitto "* ]] && [ -d /run/systemd/system ]; then
  if run systemctl disable --now mosquitto.service; then
    echo "Turned off the mosquitto service that the package starts; trucksensor starts its own broker." >&2
  else
    echo "The mosquitto package started a service on port 1883; 'systemctl disable --now mosquitto' stops it." >&2
  fi
fi
