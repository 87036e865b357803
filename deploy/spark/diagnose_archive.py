"""Diagnoses an archive of many trucks as a Spark job: one truck is one task's work, and one table comes out.

    spark-submit diagnose_archive.py ARCHIVE OUTPUT [--trucksensor PATH] [-- OPTIONS OF diagnose]

ARCHIVE is a folder of CSV files with a header; the column `device` names the truck, and `uptime` or `time` orders its readings. Files and
rows may have any order. Each truck's readings go to `trucksensor diagnose DEVICE.csv --json`, so the executable must be on
each node. OUTPUT becomes a folder of JSON lines, sorted by truck: device, verdict, headline, from, to, rows, and `diagnosis`, the whole
document as text. Only the readings of one truck need to fit in a task's memory.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile

from pyspark.sql import Row, SparkSession


def diagnose(device, columns, rows, binary, options):
    """The diagnosis of one truck's readings, which are in order."""
    with tempfile.TemporaryDirectory() as folder:
        # The file's name becomes the device's name in the diagnosis.
        path = f"{folder}/{device}.csv"
        with open(path, "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
        done = subprocess.run([binary, "diagnose", path, "--json", *options], capture_output=True, text=True)
    if done.returncode != 0:
        return Row(device=device, verdict=None, headline=done.stderr.strip()[:1000], **{"from": None, "to": None}, rows=len(rows),
                   diagnosis=None)
    text = done.stdout.strip()
    found = json.loads(text)
    return Row(device=device, verdict=found["verdict"], headline=found["headline"],
               **{"from": str(found["from"]), "to": str(found["to"])}, rows=found["rows"], diagnosis=text)


def run(spark, archive, output, binary, options):
    table = spark.read.option("header", True).csv(archive)
    if "device" not in table.columns:
        sys.exit(f"{archive} has no column 'device'")
    order = "uptime" if "uptime" in table.columns else "time"
    columns = [name for name in table.columns if name != "device"]
    place = columns.index(order)

    def key(values):
        # Numbers by value; ISO 8601 by its text.
        try:
            return (0, float(values[place]), "")
        except (TypeError, ValueError):
            return (1, 0.0, values[place] or "")

    # Spark has one row for an empty field and a missing one, None; both are empty in a CSV file.
    keyed = table.rdd.filter(lambda row: row["device"] and "/" not in row["device"]).map(
        lambda row: (row["device"], ["" if row[name] is None else row[name] for name in columns]))
    results = keyed.groupByKey().map(
        lambda item: diagnose(item[0], columns, sorted(item[1], key=key), binary, options))
    schema = "device string, verdict string, headline string, `from` string, `to` string, rows long, diagnosis string"
    spark.createDataFrame(results, schema).orderBy("device").write.mode("overwrite").json(output)


def main():
    arguments, options = sys.argv[1:], []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, options = arguments[:at], arguments[at + 1:]
    parser = argparse.ArgumentParser()
    parser.add_argument("archive")
    parser.add_argument("output")
    parser.add_argument("--trucksensor", default=os.environ.get("TRUCKSENSOR_EXECUTABLE", "trucksensor"))
    parsed = parser.parse_args(arguments)
    spark = SparkSession.builder.appName("trucksensor diagnose").getOrCreate()
    run(spark, parsed.archive, parsed.output, parsed.trucksensor, options)
    spark.stop()


if __name__ == "__main__":
    main()
