#!/usr/bin/env bash
# Installs the .deb into a fresh Debian 12 in a folder, and runs there what a new user would: a truck with its broker, rules and
# store, a query, a report, a manual page and completions. Needs root and Debian's archive.
#   scripts/package-check.sh
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
[ "$(id -u)" = 0 ] || { echo "scripts/package-check.sh needs root, for chroot" >&2; exit 77; }
command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq debootstrap; } >&2
deb=$(scripts/package-deb.sh | head -n 1)
root=$(mktemp -d)
cleanup() {
  umount "$root/proc" "$root/dev/pts" 2>/dev/null || true
  rm -rf --one-file-system "$root"
}
trap cleanup EXIT
# The package sources of this machine, which may be a mirror.
mirror=$(sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p; s/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list \
  /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 || true)
debootstrap --variant=minbase bookworm "$root" "${mirror:-http://deb.debian.org/debian}" >/dev/null
chmod 755 "$root"
mount -t proc proc "$root/proc"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# Debian's archive may only be reached as on this machine.
cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
cp "$deb" "$root/trucksensor.deb"
chroot "$root" sh -euc '
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends /trucksensor.deb man-db bash-completion >/dev/null
  cd /var/lib/trucksensor
  as() { setpriv --reuid trucksensor --regid trucksensor --clear-groups env HOME=/var/lib/trucksensor "$@"; }
  mosquitto -h >/dev/null || true
  as trucksensor --version
  as trucksensor run truckSensor01 --count 20 --quiet
  as trucksensor store query "SELECT count(*) AS readings FROM truck01_sensors"
  as trucksensor report --device truckSensor01 -o trip.pdf
  test -s trip.pdf
  man -w trucksensor trucksensor-run
  bash -ic "source /usr/share/bash-completion/bash_completion; _completion_loader trucksensor; complete -p trucksensor" 2>/dev/null
  ls /usr/lib/systemd/system/trucksensor-*.service
  stat -c "%s bytes %n" /usr/bin/trucksensor
'
echo "The package works in a fresh Debian 12."
