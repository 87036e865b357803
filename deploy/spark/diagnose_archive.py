"""Diagnoses an archive of many trucks with Spark: one row a truck.

    spark-submit diagnose_archive.py ARCHIVE OUTPUT [--device-column device] [--time-column uptime]
                                     [--trucksensor FILE] [--option=--profile=ice-cream ...]

ARCHIVE holds CSV files with a header, in which any file may hold rows of any truck, in any order: a folder, a pattern or an
object store's address. OUTPUT becomes a folder of JSON lines, sorted by device. Each truck's rows go to one partition, are sorted by time, and are
given to 'trucksensor diagnose' as a file: the answer is that of one process over that truck's CSV file.
"""
import argparse
import csv
import itertools
import json
import os
import subprocess
import tempfile

from pyspark.sql import SparkSession
from pyspark.sql.functions import col


def diagnose(rows, columns, device_column, trucksensor, options):
    """The diagnosis of each truck in `rows`, which are sorted by device and time."""
    kept = [index for index, column in enumerate(columns) if column != device_column]
    device_index = columns.index(device_column)
    with tempfile.TemporaryDirectory() as folder:
        for device, readings in itertools.groupby(rows, key=lambda row: row[device_index]):
            # A device's name comes from outside: it never becomes part of a path.
            path = os.path.join(folder, "truck.csv")
            with open(path, "w", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(columns[index] for index in kept)
                writer.writerows([row[index] for index in kept] for row in readings)
            done = subprocess.run([trucksensor, "diagnose", path, "--json", *options], capture_output=True, text=True)
            if done.returncode != 0:
                yield {"device": device, "error": done.stderr.strip()}
                continue
            yield {**json.loads(done.stdout), "device": device}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive")
    parser.add_argument("output")
    parser.add_argument("--device-column", default="device")
    parser.add_argument("--time-column", default="uptime")
    parser.add_argument("--trucksensor", default="trucksensor", help="the executable on each worker")
    parser.add_argument("--option", action="append", default=[], help="an option for 'trucksensor diagnose' (repeatable)")
    arguments = parser.parse_args()
    options = [part for option in arguments.option for part in option.split("=", 1)]

    spark = SparkSession.builder.appName("trucksensor diagnose").getOrCreate()
    archive = spark.read.csv(arguments.archive, header=True)
    columns = archive.columns
    for needed in (arguments.device_column, arguments.time_column):
        if needed not in columns:
            raise SystemExit(f"{arguments.archive} has no column '{needed}': {', '.join(columns)}")
    # Times are numbers or ISO 8601: a number sorts by its value, and an ISO time has no value but sorts as text.
    time = col(arguments.time_column)
    sorted_rows = archive.repartition(col(arguments.device_column)).sortWithinPartitions(
        col(arguments.device_column), time.cast("double"), time
    )
    device_column, trucksensor = arguments.device_column, arguments.trucksensor
    trips = sorted_rows.rdd.mapPartitions(lambda rows: diagnose(rows, columns, device_column, trucksensor, options))
    lines = trips.map(lambda trip: (trip["device"], json.dumps(trip, ensure_ascii=False))).sortByKey().values()
    lines.saveAsTextFile(arguments.output)
    spark.stop()


if __name__ == "__main__":
    main()
