#!/usr/bin/env bash
# Installs trucksensor: the executable, the broker's plugin, rules and dataset, completions, manual pages and systemd units.
#   scripts/install.sh                   to /usr/local, with what is missing on the machine; as root
#   scripts/install.sh --prefix DIR      to DIR, such as ~/.local
#   scripts/install.sh --uninstall [--prefix DIR]
# DESTDIR is put before all paths, for packages. The units are installed only to /usr and /usr/local.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

usage() {
  sed -n '2,6s/^# \{0,1\}//p' scripts/install.sh >&2
  exit 64
}
prefix=/usr/local uninstalls=false
while [ $# -gt 0 ]; do
  case "$1" in
    --prefix)
      [ $# -ge 2 ] || usage
      prefix=$2
      shift
      ;;
    --prefix=*) prefix=${1#--prefix=} ;;
    --uninstall) uninstalls=true ;;
    *) usage ;;
  esac
  shift
done
case "$prefix" in
  /*) ;;
  "") usage ;;
  *) prefix=$PWD/$prefix ;;
esac
root=${DESTDIR:-}$prefix
units=
case "$prefix" in
  /usr) units=${DESTDIR:-}/usr/lib/systemd/system ;;
  /usr/local) units=${DESTDIR:-}/etc/systemd/system ;;
esac

if $uninstalls; then
  rm -rf "$root/bin/trucksensor" "$root/lib/trucksensor" "$root/share/trucksensor" "$root"/share/man/man1/trucksensor{,-*}.1 \
    "$root/share/bash-completion/completions/trucksensor" "$root/share/zsh/site-functions/_trucksensor" \
    "$root/share/fish/vendor_completions.d/trucksensor.fish"
  [ -z "$units" ] || rm -f "$units"/trucksensor-{broker,rules,dashboard}.service
  echo "Removed trucksensor from $prefix. /var/lib/trucksensor and the user trucksensor, if there are any, were kept."
  exit 0
fi

scripts/setup.sh
scripts/build.sh
build=.build/release
install -d "$root"/{bin,lib/trucksensor,share/trucksensor/{rules,policies,TruckSensorFiles},share/man/man1} \
  "$root"/share/{bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}
install --strip "$build/trucksensor" "$root/bin/trucksensor"
# The build links the plugin with Swift's library, although it is C alone and runs where there is no Swift.
clang=$(dirname "$(readlink -f "$(command -v swift)")")/clang
"$clang" -O2 -shared -fPIC -s -D_GNU_SOURCE -ISources/BrokerJournal/include -ISources/BrokerPlugin \
  -o "$root/lib/trucksensor/libBrokerPlugin.so" Sources/BrokerPlugin/*.c Sources/BrokerJournal/*.c -lcrypto -lmosquitto -lz
install -m 644 rules/*.json "$root/share/trucksensor/rules"
install -m 644 policies/*.json "$root/share/trucksensor/policies"
install -m 644 TruckSensorFiles/* "$root/share/trucksensor/TruckSensorFiles"
"$build/trucksensor" help --man "$root/share/man/man1" >/dev/null
"$build/trucksensor" completions bash >"$root/share/bash-completion/completions/trucksensor"
"$build/trucksensor" completions zsh >"$root/share/zsh/site-functions/_trucksensor"
"$build/trucksensor" completions fish >"$root/share/fish/vendor_completions.d/trucksensor.fish"
if [ -n "$units" ]; then
  install -d "$units"
  for unit in deploy/systemd/*.service; do
    sed "s|@PREFIX@|$prefix|" "$unit" >"$units/$(basename "$unit")"
  done
  if [ -z "${DESTDIR:-}" ] && ! getent passwd trucksensor >/dev/null; then
    useradd --system --home-dir /var/lib/trucksensor --shell /usr/sbin/nologin trucksensor
  fi
fi
[ -z "${DESTDIR:-}" ] || exit 0
echo "Installed trucksensor to $prefix."
case ":$PATH:" in
  *":$prefix/bin:"*) ;;
  *) echo "Put it on your PATH: export PATH=\"$prefix/bin:\$PATH\"" ;;
esac
[ -z "$units" ] || echo "Services: systemctl enable --now trucksensor-broker trucksensor-rules trucksensor-dashboard"
