#!/usr/bin/env bash
# The Spark job of deploy/spark gives the same diagnoses as 'trucksensor diagnose' in one process, for trucks whose rows lie
# mixed in several files. Exit code 1 if not; without Java or pyspark it says so and exits with 0.
#   scripts/spark-check.sh [TRUCKS]   24 by default; SPARK_PYTHON names a Python with pyspark, SPARK_MASTER another master than
#                                     local-cluster[2,1,1024] (two worker processes), TRUCKSENSOR_EXECUTABLE another executable
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
. scripts/common.sh
trucks=${1:-24} python=${SPARK_PYTHON:-python3} job=$PWD/deploy/spark/diagnose_archive.py
if ! command -v java >/dev/null; then echo "spark-check.sh is skipped: Java is missing (apt-get install default-jre-headless)"; exit 0; fi
if ! "$python" -c "import pyspark" 2>/dev/null; then
  echo "spark-check.sh is skipped: $python has no pyspark (pip install pyspark; SPARK_PYTHON names another Python)"
  exit 0
fi
find_executable
make_work_folder
cd "$work"
mkdir trips archive
scenarios=(healthy unit-off electrical-sag door-left-open)
for truck in $(seq "$trucks"); do
  scenario=${scenarios[$((truck % 4))]}
  "$binary" dataset generate --scenario "$scenario" --seed "$truck" --duration 2h -o "trips/truck$truck.csv"
done
"$python" - <<'MIX'
import csv, glob, os, random
rows = []
for path in sorted(glob.glob("trips/*.csv")):
    with open(path, newline="") as file:
        header, *readings = csv.reader(file)
    rows += [[os.path.basename(path)[:-4], *row] for row in readings]
random.Random(1).shuffle(rows)
for part in range(5):
    with open(f"archive/{part}.csv", "w", newline="") as file:
        csv.writer(file).writerows([["device", *header], *rows[part::5]])
MIX
begin=$(date +%s)
export PYSPARK_PYTHON PYSPARK_DRIVER_PYTHON SPARK_LOCAL_IP=127.0.0.1
PYSPARK_PYTHON=$(command -v "$python") PYSPARK_DRIVER_PYTHON=$PYSPARK_PYTHON
SPARK_HOME=$("$python" -c "import os, pyspark; print(os.path.dirname(pyspark.__file__))")
export SPARK_HOME
"$SPARK_HOME/bin/spark-submit" --master "${SPARK_MASTER:-local-cluster[2,1,1024]}" --conf spark.ui.enabled=false \
  --conf spark.sql.shuffle.partitions=4 "$job" archive out --trucksensor "$binary" >spark.log 2>&1 || { tail -30 spark.log >&2; exit 1; }
echo "Spark: $trucks trucks in $(($(date +%s) - begin)) s"
"$python" - "$binary" "$trucks" <<'COMPARE'
import glob, json, subprocess, sys
binary, trucks = sys.argv[1], int(sys.argv[2])
spark = {}
for path in sorted(glob.glob("out/part-*")):
    for line in open(path):
        trip = json.loads(line)
        assert trip["device"] not in spark, f"{trip['device']} comes twice"
        spark[trip["device"]] = trip
assert len(spark) == trucks, f"{len(spark)} of {trucks} trucks"
verdicts = {}
for device, trip in spark.items():
    one = json.loads(subprocess.run([binary, "diagnose", f"trips/{device}.csv", "--json"], check=True, capture_output=True, text=True).stdout)
    assert {**one, "device": device} == trip, f"{device} differs"
    verdicts[trip["verdict"]] = verdicts.get(trip["verdict"], 0) + 1
assert len(verdicts) > 1, "all verdicts are the same: the comparison proves little"
print(f"the same as one process for {trucks} trucks:", verdicts)
COMPARE
