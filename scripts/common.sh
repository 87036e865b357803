# What the checks in scripts/ and the measurements in Benchmarks/ share. A script sources it in the repository's folder.

# Sets `binary`: the executable that TRUCKSENSOR_EXECUTABLE names, or the release executable, built if the sources changed.
find_executable() {
  binary=$PWD/.build/release/trucksensor
  if [ -n "${TRUCKSENSOR_EXECUTABLE:-}" ]; then
    binary=$(realpath -- "$TRUCKSENSOR_EXECUTABLE")
  else
    scripts/build.sh
  fi
}

# Sets `work`, a new folder. When the script ends, its background processes are ended, the newest first, and the folder is
# removed; with KEEP=1 it is kept, and its path is printed.
make_work_folder() {
  work=$(mktemp -d)
  trap clean_up EXIT
}

clean_up() {
  local process
  # TERM: a shell like this one has its children ignore INT.
  for process in $(jobs -p | tac); do kill -TERM "$process" 2>/dev/null || true; done
  wait
  if [ -n "${KEEP:-}" ]; then echo "$work"; else rm -rf "$work"; fi
}

end() { # PROCESS…
  kill -TERM "$@" 2>/dev/null || true
  wait "$@" 2>/dev/null || true
}

fail() { # MESSAGE [FILE], whose end is printed, too
  echo "${0##*/}: $1" >&2
  [ -z "${2:-}" ] || tail -n 20 "$2" >&2
  exit 1
}

# Waits at most a minute until a process has written a text to a file.
wait_for() { # FILE TEXT PROCESS
  for _ in $(seq 600); do
    if grep -qs "$2" "$1"; then return; fi
    kill -0 "$3" 2>/dev/null || fail "a process ended before it said '$2':" "$1"
    sleep 0.1
  done
  fail "a process didn't say '$2' within a minute:" "$1"
}

# Starts a run in this folder whose own truck is silent: a broker with certificates, and the rules in rules/. Sets `run` and
# `port`; the run writes run.out and run.err.
start_run() { # OPTION…
  "$binary" run truckSensor01 --interval 1h --quiet "$@" >run.out 2>run.err &
  run=$!
  wait_for run.err Publishing "$run"
  port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\), mutual.*/\1/p' run.err)
}

# Makes load/, a folder with a rule that stores the number of each message on load/in as a row of the table load. Not rules/: a
# run would run it, too.
make_load_rule() {
  mkdir load
  cat >load/load.json <<'RULE'
{"sql": "SELECT cast(n AS Int) AS number FROM 'load/in'", "awsIotSqlVersion": "2016-03-23",
 "actions": [{"timestream": {"databaseName": "sensorDB", "tableName": "load",
   "dimensions": [{"name": "device", "value": "x"}],
   "timestamp": {"value": "${cast(n AS Int)}", "unit": "MILLISECONDS"}}}]}
RULE
}

# Starts a rules engine with the rules of a folder. Sets `engine`; the engine writes IDENTIFIER.out and IDENTIFIER.err.
start_engine() { # IDENTIFIER FOLDER OPTION…
  "$binary" rules run --rules "$2" --device mqttTestClient --client-id "$1" "${@:3}" >>"$1.out" 2>"$1.err" &
  engine=$!
  wait_for "$1.err" "rules: ready" "$engine"
}

# Starts a truck that publishes on load/in at QoS 1 to the run. Sets `source`; its summary is in source.out.
start_source() { # OPTION…
  "$binary" simulate --device mqttTestClient --client-id source --topic load/in --qos 1 --loop --quiet --json \
    --endpoint "127.0.0.1:$port" --ca data/ca/root-CA.crt "$@" >source.out 2>source.err &
  source=$!
}

wait_for_source() {
  wait "$source" || fail "the truck lost messages, or its broker:" source.err
}

query() { # SQL OPTION…, prints the last row
  "$binary" store query "$1" --format csv "${@:2}" | tail -n 1
}

# Prints a table's number of rows once it hasn't changed for some seconds.
settled() { # SECONDS TABLE OPTION…
  local last=-1 quiet=0 now
  while [ "$quiet" -lt $((2 * $1)) ]; do
    now=$(query "SELECT count(*) FROM $2" "${@:3}")
    if [ "$now" = "$last" ]; then quiet=$((quiet + 1)); else quiet=0; fi
    last=$now
    sleep 0.5
  done
  echo "$last"
}

field() { # NAME, prints its number in the JSON of standard input
  sed "s/.*\"$1\":\([0-9.e-]*\).*/\1/"
}

# Prints the milliseconds of processor time that a process has taken; with "workers", all its threads but the first.
processor() { # PROCESS [workers]
  local stat stats=()
  for stat in "/proc/$1/task"/*/stat; do
    [ -n "${2:-}" ] && [ "$stat" = "/proc/$1/task/$1/stat" ] || stats+=("$stat")
  done
  # A thread may end meanwhile.
  cat "${stats[@]}" 2>/dev/null | awk '{ sub(/.*\) /, ""); total += ($12 + $13) * 10 } END { print total + 0 }'
}

# For awk: the median of a column, where value[name, i, column] has the figures of count[name] rounds.
# shellcheck disable=SC2016,SC2034
median='
  function median(name, column,   i, j, n, v, t) {
    n = count[name]
    for (i = 1; i <= n; i++) v[i] = value[name, i, column]
    for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (v[j] < v[i]) { t = v[i]; v[i] = v[j]; v[j] = t }
    return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
  }'
