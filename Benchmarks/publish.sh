#!/usr/bin/env bash
# TARGETS P1 and P2: one truck publishes as fast as it can over mTLS, in turns with a C program on libmosquitto, to the same broker with
# one subscriber. Every message must arrive. Prints messages per second, medians of all rounds, and their ratio.
#   Benchmarks/publish.sh [ROUNDS [MESSAGES [QOS]]]    5, 50000 and 1 by default; TRUCKSENSOR_EXECUTABLE names another executable
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
rounds=${1:-5} messages=${2:-50000} qos=${3:-1}
binary=${TRUCKSENSOR_EXECUTABLE:-}
if [ -z "$binary" ]; then
  scripts/build.sh
  binary=$PWD/.build/release/trucksensor
fi
work=$(mktemp -d)
run= subscriber=
stop() {
  for process in $subscriber $run; do kill -TERM "$process" 2>/dev/null || true; done
  for process in $subscriber $run; do wait "$process" 2>/dev/null || true; done
}
trap 'stop; rm -rf "$work"' EXIT
fail() {
  echo "publish.sh: $1" >&2
  [ -z "${2:-}" ] || cat "$2" >&2
  exit 1
}
cc -O2 -o "$work/publish" Benchmarks/peers/publish_loop.c -lmosquitto
cp -r TruckSensorFiles "$work"
cd "$work"
touch run.out run.err
# A run without rules is a broker and certificates.
"$binary" run truckSensor01 --interval 100d --quiet --no-dashboard --no-aws >run.out 2>run.err &
run=$!
for _ in $(seq 300); do
  grep -q Publishing run.err && break
  kill -0 $run || fail "the run ended" run.err
  sleep 0.1
done
port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\), mutual.*/\1/p' run.err)
"$binary" provision thing sender >/dev/null
for _ in $(seq 100); do grep -q "enforces them now" run.err && break; sleep 0.1; done

measure() { # COMMAND, prints messages per second
  # It ends when all have arrived.
  timeout 120 mosquitto_sub -h 127.0.0.1 -p "$port" --cafile data/ca/root-CA.crt --cert certs/mqttTestClient.cert.pem \
    --key certs/mqttTestClient.private.key -V 5 -i mqttTestClient-sub -t truck/freezer -q "$qos" -C "$messages" -d >sub.out 2>&1 &
  subscriber=$!
  for _ in $(seq 100); do grep -q "received SUBACK\|Subscribed" sub.out && break; sleep 0.05; done
  "$@" || fail "'$*' failed"
  wait $subscriber || fail "not all messages of '$*' arrived"
  subscriber=
}
ours() {
  "$binary" simulate --device sender --rate max --count "$messages" --loop --qos "$qos" --quiet --json 2>ours.err |
    sed 's/.*"reachedRate":\([0-9.]*\).*/\1/'
}
peer() { ./publish "$port" "$messages" "$qos" truck/freezer; }
for _ in $(seq "$rounds"); do
  measure peer >>peer.rates
  measure ours >>ours.rates
done
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
awk -v ours="$(median ours.rates)" -v peer="$(median peer.rates)" -v qos="$qos" -v n="$messages" -v r="$rounds" 'BEGIN {
  printf "QoS %d, %d messages, medians of %d rounds: trucksensor %.0f/s, C on libmosquitto %.0f/s, ratio %.2f\n", qos, n, r, ours, peer, ours / peer
}'
