#!/usr/bin/env bash
# Installs the .deb into a fresh Debian 12 in a folder, and runs there what a new user would: a truck with its broker, rules and
# store, a query, a report, a manual page and completions. Then systemd is started in that Debian, in namespaces of its own, and the
# package's units must run, store and end cleanly. Needs root and Debian's archive.
#   scripts/package-check.sh
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
[ "$(id -u)" = 0 ] || { echo "scripts/package-check.sh needs root, for chroot" >&2; exit 77; }
command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq debootstrap; } >&2
deb=$(scripts/package-deb.sh | head -n 1)
root=$(mktemp -d)
cleanup() {
  umount "$root/proc" 2>/dev/null || true
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
umount "$root/proc"

# What the units do is written by a unit of its own, which then ends this Debian.
chroot "$root" apt-get install -y -qq --no-install-recommends systemd systemd-sysv >/dev/null 2>&1
cat >"$root/check.sh" <<'END'
as() { (cd /var/lib/trucksensor && setpriv --reuid trucksensor --regid trucksensor --clear-groups env HOME=. trucksensor "$@"); }
units="trucksensor-broker trucksensor-rules trucksensor-dashboard"
systemctl enable --now $units
until as doctor truckSensor01 >/dev/null 2>&1; do sleep 1; done
as store query "SELECT count(*) AS before FROM truck01_sensors"
as simulate truckSensor01 --count 10 --rate 10 --qos 1 --quiet
until systemctl is-active --quiet $units; do sleep 1; done
sleep 3
as store query "SELECT count(*) AS after FROM truck01_sensors"
systemctl stop $units
systemctl is-failed $units
journalctl --no-pager -u "trucksensor-*"
END
cat >"$root/etc/systemd/system/check.service" <<'END'
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'sh /check.sh >/check.log 2>&1; systemctl poweroff -f -f'
END
ln -s ../check.service "$root/etc/systemd/system/sysinit.target.wants/"
# systemd as process 1 needs a control group hierarchy of its own. The units use this machine's ports.
timeout -k 5 120 unshare --fork --kill-child --pid --mount --ipc --uts --cgroup sh -euc '
  mount --make-rprivate /
  mount --bind "$1" "$1"
  mount -t proc proc "$1/proc"
  mount --rbind /sys "$1/sys"
  mount -t tmpfs tmpfs "$1/sys/fs/cgroup"
  mkdir "$1/sys/fs/cgroup/systemd"
  mount -t cgroup -o none,name=systemd cgroup "$1/sys/fs/cgroup/systemd"
  mount -t tmpfs tmpfs "$1/run"
  mount --rbind /dev "$1/dev"
  exec chroot "$1" env container=namespaces /lib/systemd/systemd --system --log-target=null' _ "$root" >/dev/null 2>&1 || true
cat "$root/check.log"
readings() { sed -n "/^$1$/{n;p}" "$root/check.log"; }
[ "$(grep -c "^inactive$" "$root/check.log")" = 3 ] && [ $((10#0$(readings after) - 10#0$(readings before))) = 30 ] \
  || { echo "The units don't work under systemd; see above." >&2; exit 1; }
echo "The package works in a fresh Debian 12, and its units under systemd."
