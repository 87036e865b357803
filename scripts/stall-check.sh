#!/usr/bin/env bash
# Runs each kind of sender at full rate: QoS 0 and 1, TLS and plain TCP, 1, 2 and 100 trucks; and trucks paced above
# capacity with payloads of 100 KB over TLS. Prints how many runs of each
# kind stalled (had not ended within the time limit) or lost messages; exit code 1 if any did.
#   scripts/stall-check.sh [RUNS] [KIND...]      RUNS of each kind, 50 by default; a KIND is written as TLS/0/100
# TRUCKSENSOR_EXECUTABLE names another executable.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
. scripts/common.sh
runs=${1:-50}
kinds=" ${*:2} "
find_executable
length=1300ms # keep-alive looks at a connection once a second: each run must outlast that
limit=30 # seconds until a run counts as stalled
make_work_folder
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
cp -r TruckSensorFiles "$work"
cd "$work"

# A run whose own truck is silent is a broker with TLS for us.
start_run --no-dashboard
"$binary" provision fleet --prefix sender- --count 100 >/dev/null
wait_for run.err "enforces them now" "$run"

# A second mosquitto for plain TCP, on a port that nobody uses.
mosquitto=$(command -v mosquitto || echo /usr/sbin/mosquitto)
for plain in $(shuf -i 20000-29999 -n 20); do
  {
    echo "listener $plain 127.0.0.1"
    echo "allow_anonymous true"
    echo "max_queued_messages 0"
    echo "max_inflight_messages 0"
    echo "set_tcp_nodelay true"
    [ "$(id -u)" = 0 ] && echo "user root"
  } >plain.conf
  "$mosquitto" -c plain.conf 2>plain.err &
  process=$!
  sleep 0.5
  kill -0 "$process" 2>/dev/null && break
done

{
  echo temp,text
  for _ in 1 2 3; do printf -- '-18.5,%0100000d\n' 0; done
} >large.csv

status=0
printf '%-6s %-4s %7s %10s %6s %7s %5s\n' "" QoS trucks messages runs stalls lost

# Runs one kind of sender: its name, QoS, number of trucks and options of simulate. `ending` has timeout's options, and
# `expected` the exit code of a run that did all.
ending=(-k 5 "$limit") expected=0
check() {
  local kind=$1 qos=$2 trucks=$3 stalls=0 lost=0 messages=0 name=sender code
  shift 3
  case $kinds in
    "  " | *" $kind/$qos/$trucks "*) ;;
    *) return 0 ;;
  esac
  [ "$trucks" = 1 ] && name=sender-1
  for _ in $(seq "$runs"); do
    code=0
    timeout "${ending[@]}" "$binary" simulate --device "$name" --devices "$trucks" --qos "$qos" --loop \
      --drain-timeout 1h --quiet --json "$@" >sent.json 2>sent.err || code=$?
    case $code in
      "$expected")
        grep -q '"dropped":0,' sent.json || lost=$((lost + 1))
        messages=$((messages + $(sed 's/.*"acknowledged":\([0-9]*\).*/\1/' sent.json)))
        ;;
      124 | 130 | 137) stalls=$((stalls + 1)) ;;
      *)
        lost=$((lost + 1))
        cat sent.err >&2
        ;;
    esac
  done
  printf '%-6s %-4s %7s %10s %6s %7s %5s\n' "$kind" "$qos" "$trucks" "$((messages / runs))" "$runs" "$stalls" "$lost"
  [ "$stalls" = 0 ] && [ "$lost" = 0 ] || status=1
}

for transport in TLS plain; do
  for qos in 0 1; do
    for trucks in 1 2 100; do
      case $transport in
        TLS) where=() ;;
        plain) where=(--endpoint "127.0.0.1:$plain" --no-tls) ;;
      esac
      check "$transport" "$qos" "$trucks" --rate max --duration "$length" "${where[@]}"
    done
  done
done
# Paced above capacity without end, until Ctrl-C: a truck that makes all that is due before it sends doesn't even hear that.
ending=(--preserve-status -s INT -k "$limit" 1.3) expected=130
for qos in 0 1; do
  check paced "$qos" 1 --dataset large.csv --rate 20000
done
exit "$status"
