#!/usr/bin/env bash
# Makes .build/packages/trucksensor_VERSION_ARCHITECTURE.deb, whose dependencies are the libraries that the program needs, and
# trucksensor-VERSION-ARCHITECTURE.tar.gz, the same files for other systems. Prints their names.
#   scripts/package-deb.sh
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
command -v dpkg-shlibdeps >/dev/null || { apt-get update -qq && apt-get install -y -qq dpkg-dev; } >&2
scripts/setup.sh
scripts/build.sh
version=$(.build/release/trucksensor --version | sed 's/.* //')
architecture=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packages=.build/packages
mkdir -p "$packages"
DESTDIR=$work/root scripts/install.sh --prefix /usr

# dpkg-shlibdeps reads a source package's control file. What is loaded at first use, or runs beside us, it can't see.
mkdir -p "$work/debian"
printf 'Source: trucksensor\n\nPackage: trucksensor\nArchitecture: any\n' >"$work/debian/control"
libraries=$(cd "$work" && dpkg-shlibdeps -O --ignore-missing-info -e root/usr/bin/trucksensor \
  -e root/usr/lib/trucksensor/libBrokerPlugin.so 2>/dev/null | sed 's/^shlibs:Depends=//')
install -d "$work/root/DEBIAN" "$work/root/usr/share/doc/trucksensor"
install -m 644 LICENSE "$work/root/usr/share/doc/trucksensor/copyright"
gzip -9 -n "$work"/root/usr/share/man/man1/*.1
cat >"$work/root/DEBIAN/control" <<END
Package: trucksensor
Version: $version
Architecture: $architecture
Maintainer: The trucksensor authors <trucksensor@localhost>
Installed-Size: $(du -sk "$work/root/usr" | cut -f1)
Depends: $libraries, mosquitto, libcairo2, fonts-dejavu-core, libjs-dygraphs, libjs-leaflet, tzdata, adduser
Recommends: libcurl4, libpq5
Section: net
Priority: optional
Description: truck sensor simulator, MQTT publisher and local stand-in for its cloud
 Replays a freezer truck's readings over MQTT with X.509 certificates to a local
 broker or AWS IoT Core, runs AWS IoT rules over them, stores them in a
 time-series store with Timestream's SQL, and shows a dashboard with alerts,
 reports, and why a load spoiled.
END
cat >"$work/root/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
if [ "$1" = configure ] && ! getent passwd trucksensor >/dev/null; then
  adduser --system --group --home /var/lib/trucksensor --quiet trucksensor
fi
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
END
cat >"$work/root/DEBIAN/prerm" <<'END'
#!/bin/sh
set -e
if [ -d /run/systemd/system ] && [ "$1" = remove ]; then
  systemctl disable --now trucksensor-dashboard trucksensor-rules trucksensor-broker || true
fi
END
chmod 755 "$work/root/DEBIAN/postinst" "$work/root/DEBIAN/prerm"
deb=$packages/trucksensor_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$work/root" "$deb" >/dev/null
archive=$packages/trucksensor-$version-linux-$(uname -m)
tar -C "$work/root/usr" --owner=0 --group=0 --transform "s|^\.|trucksensor-$version|" -czf "$archive.tar.gz" .
echo "$deb"
echo "$archive.tar.gz"
