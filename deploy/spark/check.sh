#!/usr/bin/env bash
# Checks that the Spark job says the same as one process: generates trucks, mixes their readings, diagnoses them on a
# local master with two threads, and compares each diagnosis. Skipped with a message if PySpark or Java is missing.
#   deploy/spark/check.sh [TRUCKS]    12 by default; SPARK_PYTHON names a Python that has PySpark, TRUCKSENSOR_EXECUTABLE another executable
set -euo pipefail
cd -- "$(dirname -- "$0")/../.."
trucks=${1:-12} python=${SPARK_PYTHON:-python3}
if ! "$python" -c 'import pyspark' 2>/dev/null || ! command -v java >/dev/null; then
  echo "skipped: the Spark job needs Java 17 and PySpark (pip install pyspark; SPARK_PYTHON names its Python)"
  exit 0
fi
binary=${TRUCKSENSOR_EXECUTABLE:-}
if [ -z "$binary" ]; then
  scripts/build.sh
  binary=$PWD/.build/release/trucksensor
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/single" "$work/archive"
scenarios=(healthy electrical-sag unit-off door-left-open hot-day loaded-warm defrost sensor-stuck)
for truck in $(seq "$trucks"); do
  "$binary" dataset generate --varied --scenario "${scenarios[$((truck % ${#scenarios[@]}))]}" --seed "$truck" -o "$work/single/truck$truck.csv"
done
# Three files with rows of all trucks, in no order.
for part in 1 2 3; do head -n 1 "$work/single/truck1.csv" | sed 's/^/device,/' >"$work/archive/part$part.csv"; done
for truck in $(seq "$trucks"); do tail -n +2 "$work/single/truck$truck.csv" | sed "s/^/truck$truck,/"; done | shuf |
  awk -v folder="$work/archive" '{ print >> (folder "/part" NR % 3 + 1 ".csv") }'
spark=$("$python" -c 'import os, pyspark; print(os.path.dirname(pyspark.__file__))')
SPARK_HOME=$spark PYSPARK_PYTHON=$python PYSPARK_DRIVER_PYTHON=$python SPARK_LOCAL_IP=127.0.0.1 "$spark/bin/spark-submit" \
  --master "${SPARK_MASTER:-local[2]}" --conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1 \
  deploy/spark/diagnose_archive.py "$work/archive" "$work/table" --trucksensor "$binary" 2>"$work/log" || { tail -n 30 "$work/log" >&2; exit 1; }
"$binary" diagnose "$work"/single/*.csv --json >"$work/expected.json"
"$python" - "$work" "$trucks" <<'COMPARE'
import glob, json, sys
work, trucks = sys.argv[1], int(sys.argv[2])
found = {}
for path in sorted(glob.glob(f"{work}/table/*.json")):
    for line in open(path):
        row = json.loads(line)
        found[row["device"]] = json.loads(row["diagnosis"])
expected = {trip["device"]: trip for trip in json.load(open(f"{work}/expected.json"))["trips"]}
assert len(expected) == trucks, f"{len(expected)} expected"
different = [name for name in expected if found.get(name) != expected[name]]
print(f"{len(found)} trucks diagnosed by the Spark job, {len(found) - len(different)} as by one process")
for name in different:
    print(name, "Spark:", json.dumps(found.get(name))[:300], "one process:", json.dumps(expected[name])[:300])
sys.exit(1 if different or len(found) != trucks else 0)
COMPARE
