#!/usr/bin/env bash
# Runs moto's own tests of iot, iotdata and timestreamwrite against the local cloud, in moto's server mode, and says which of them pass.
#
#   scripts/moto.sh            the tests in .build/moto
#   scripts/moto.sh --fetch    gets them from PyPI first
#   scripts/moto.sh NAME…      only these, by pytest's -k
#
# Exit code 0 if those fail that scripts/moto-exceptions.txt lists, with the reason, and no others.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
root=$PWD
tools=$root/.build/aws-tools/bin
executable=${TRUCKSENSOR_EXECUTABLE:-$root/.build/release/trucksensor}

if [ "${1:-}" = --fetch ]; then
  shift
  mkdir -p .build/moto
  "$tools/pip" download -q --disable-pip-version-check --no-deps --no-binary :all: -d .build/moto 'moto>=5.2,<6'
  for archive in .build/moto/moto-*.tar.gz; do tar -xzf "$archive" -C .build/moto; done
fi
suite=$(ls -d .build/moto/moto-*/ 2>/dev/null | tail -n 1)
if [ -z "$suite" ] || [ ! -x "$tools/pytest" ]; then
  echo "moto's tests or pytest are missing; run scripts/test-tools.sh and scripts/moto.sh --fetch" >&2
  exit 2
fi

# Tests of what isn't offered here: CloudFormation, jobs, CA certificates, domain configurations, role aliases, moto's own server.
files=(tests/test_iotdata/test_iotdata.py tests/test_timestreamwrite)
for name in iot iot_billing_groups iot_certificates iot_deprecate_thing_type iot_indexing_configuration iot_policies iot_search \
  iot_thing_groups iot_thing_types iot_things iot_topic_rules; do
  files+=("tests/test_iot/test_$name.py")
done

# A run for its broker, and the API in another folder, whose registry each test may begin with empty.
folder=$(mktemp -d)
run=
api=
end() {
  for process in $api $run; do
    kill -INT "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
  rm -rf "$folder"
}
trap end EXIT
mkdir -p "$folder/run" "$folder/api/data"
for name in broker ca; do ln -s "$folder/run/data/$name" "$folder/api/data/$name"; done
ln -s "$folder/run/certs" "$folder/api/certs"
ln -s "$root/TruckSensorFiles" "$folder/run/TruckSensorFiles"
cd "$folder/run"
"$executable" run moto --no-aws --no-dashboard --interval 1h >out 2>err &
run=$!
cd "$folder/api"
"$executable" aws --aws-port 0 >out 2>err &
api=$!
for _ in $(seq 200); do
  address=$(sed -n 's/.*AWS_ENDPOINT_URL=//p' err)
  [ -n "$address" ] && grep -q 'Publishing messages' ../run/err && break
  kill -0 "$run" && kill -0 "$api" || { cat ../run/err err >&2; exit 1; }
  sleep 0.1
done

cd "$root/$suite"
env TRUCKSENSOR_FOLDER="$folder/api" TEST_SERVER_MODE=true TEST_SERVER_MODE_ENDPOINT="${address/127.0.0.1/localhost}" \
  MOTO_CALL_RESET_API=false PYTHONPATH="$root/Tests/EndToEndTests" PYTHONDONTWRITEBYTECODE=1 AWS_ACCESS_KEY_ID=test \
  AWS_SECRET_ACCESS_KEY=test AWS_EC2_METADATA_DISABLED=true TRUCKSENSOR_HAS_WRITE=1 \
  "$tools/python" -m pytest --color=no -p moto_reset -p no:cacheprovider -q -rA --tb=no "${files[@]}" ${1:+-k "$*"} >"$folder/report" 2>&1 || true
cd "$root"

# 'FAILED tests/…::name - reason' becomes the test's name.
names() { sed -nE "s/^($1) +([^ ]+::.*)/\2/p" "$folder/report" | sed -E 's/ - .*//; s#^tests/##' | LC_ALL=C sort -u; }
names 'FAILED|ERROR' >"$folder/failed"
names 'PASSED' >"$folder/passed"
sed -nE 's/^(test_[^#]*[^# ]) +#.*/\1/p' scripts/moto-exceptions.txt | LC_ALL=C sort -u >"$folder/known"
echo "$(wc -l <"$folder/passed") of moto's tests pass, $(wc -l <"$folder/failed") fail:"
status=0
while read -r name; do
  reason=$(grep -F "$name " scripts/moto-exceptions.txt | sed 's/.*# *//' | head -n 1 || true)
  echo "  $name: ${reason:-NOT KNOWN}"
  [ -n "$reason" ] || status=1
done <"$folder/failed"
while read -r name; do
  grep -qxF "$name" "$folder/known" && { echo "  $name passes: remove it from scripts/moto-exceptions.txt"; status=1; }
done <"$folder/passed"
[ -s "$folder/passed" ] || { tail -n 20 "$folder/report" >&2; status=1; }
exit $status
