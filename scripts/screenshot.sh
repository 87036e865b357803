#!/usr/bin/env bash
# Makes docs/images/dashboard.png, the README's picture: replays the dataset's trip in a fresh folder, then photographs the
# dashboard in a browser.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
repository=$PWD

scripts/test-tools.sh
command -v pngquant >/dev/null || { apt-get update -qq && apt-get install -y -qq pngquant; } >&2
if [ -z "${TRUCKSENSOR_EXECUTABLE:-}" ]; then scripts/build.sh; fi
trucksensor=${TRUCKSENSOR_EXECUTABLE:-$repository/.build/release/trucksensor}
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cp -r rules policies "$folder"
ln -s "$repository/TruckSensorFiles" "$folder"
cd "$folder"
"$trucksensor" run truckSensor01 --speed 3600 --timestamps 2024-10-23T14:00:00Z --loop 1 --quiet >run.log 2>&1
"$trucksensor" dashboard 2>dashboard.log &
server=$!
for _ in $(seq 100); do
  address=$(sed -n 's/^Dashboard: //p' dashboard.log)
  [ -z "$address" ] || break
  sleep 0.1
done
mkdir -p "$repository/docs/images"
"$repository/.build/aws-tools/bin/python" "$repository/scripts/screenshot.py" "$address" page.png
# 256 colours are enough, and keep the repository small.
pngquant --quality 70-95 --force --output "$repository/docs/images/dashboard.png" 256 page.png
