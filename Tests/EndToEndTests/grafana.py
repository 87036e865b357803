"""Checks a Grafana dashboard: its keys against Grafana's SDK, and each panel's query against a real store.

usage: grafana.py DASHBOARD STORE, the store being a SQLite file, or the address HOST:PORT of a server. Prints the values.
"""

import json
import re
import sqlite3
import subprocess
import sys
import urllib.parse
import urllib.request

import boto3
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

path, store = sys.argv[1:3]
kind = re.search(r"truck01-(\w+)\.json", path).group(1)
with open(path, encoding="utf-8") as file:
    document = json.load(file)

register_default_plugins()
again = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(document)))


def missing(one, other, place=""):
    """The keys that Grafana's types don't have."""
    if isinstance(one, dict):
        # The plugins' queries are unknown to the SDK, and kept by Grafana as they are.
        if place.endswith("]") and "/targets[" in place and kind in ("sqlite", "timestream"):
            return
        # An annotation's target is a query of its data source; the SDK knows only Grafana's own.
        if place.startswith("/annotations/") and place.endswith("/target"):
            return
        for key, value in one.items():
            if not isinstance(other, dict) or key not in other:
                if value not in ([], {}, None):
                    yield f"{place}/{key}"
            else:
                yield from missing(value, other[key], f"{place}/{key}")
    elif isinstance(one, list):
        for index, value in enumerate(one):
            yield from missing(value, other[index] if isinstance(other, list) and index < len(other) else None,
                               f"{place}[{index}]")


unknown = list(missing(document, again))
assert not unknown, unknown

FROM, TO = 1729692000000, 1729702800000
VALUES = {"$__from": str(FROM), "$__to": str(TO), "$__interval_ms": "60000", "$__interval": "1m", "$__range": "11000s",
          "$device": "truckSensor01"}


def substituted(text):
    if kind == "timestream":
        # As Grafana's plugin replaces its macros.
        text = text.replace("$__timeFilter", f"time BETWEEN from_milliseconds({FROM}) AND from_milliseconds({TO})")
        text = text.replace("$__interval", "60000ms")
    text = text.replace("$timeFilter", f"time >= {FROM}ms AND time <= {TO}ms")
    text = text.replace("$__timeFilter(time)", f"time BETWEEN to_timestamp({FROM / 1000}) AND to_timestamp({TO / 1000})")
    text = text.replace("$__timeGroupAlias(time, $__interval)", "date_trunc('minute', time) AS \"time\"")
    for name in sorted(VALUES, key=len, reverse=True):
        text = text.replace(name, VALUES[name])
    assert "$" not in text, text
    return text


def fetch(address):
    with urllib.request.urlopen(address, timeout=20) as answer:
        return json.load(answer)


def run(target):
    if kind == "sqlite":
        database = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
        return [list(row) for row in database.execute(substituted(target["queryText"]))]
    if kind == "timestream":
        client = boto3.client("timestream-query", endpoint_url=f"http://{store}", region_name="us-east-1",
                              aws_access_key_id="any", aws_secret_access_key="any")
        pages = client.get_paginator("query").paginate(QueryString=substituted(target["rawQuery"]))
        return [[datum.get("ScalarValue") for datum in row["Data"]] for page in pages for row in page["Rows"]]
    if kind == "postgres":
        host, port = store.split(":")
        text = subprocess.run(
            ["psql", "-h", host, "-p", port, "-U", "postgres", "-At", "-F", ",", "-c", substituted(target["rawSql"])],
            check=True, capture_output=True, text=True).stdout
        return [line.split(",") for line in text.splitlines()]
    if kind == "influxdb":
        query = urllib.parse.quote(substituted(target["query"]))
        answer = fetch(f"http://{store}/query?db=sensorDB&q={query}")["results"][0]
        return answer["series"][0]["values"]
    query = urllib.parse.quote(substituted(target["expr"]))
    if target["instant"]:
        result = fetch(f"http://{store}/api/v1/query?query={query}&time={TO / 1000}")["data"]["result"]
    else:
        result = fetch(f"http://{store}/api/v1/query_range?query={query}&start={FROM / 1000}&end={TO / 1000}&step=60")["data"]["result"]
    assert len(result) == 1, result
    return result[0].get("values") or [result[0]["value"]]


seen = {}
for annotation in document["annotations"]["list"]:
    # What the caller has stored: one alert, as the rule truckAlerts.json writes it.
    found = [[str(value) for value in row] for row in run(annotation["target"])]
    assert len(found) == 1 and any("raised: Voltage below" in value for value in found[0]), found
for panel in document["panels"]:
    rows = [row for target in panel["targets"] for row in run(target)]
    assert rows, panel["title"]
    if panel["type"] == "timeseries":
        assert len(rows) > 100, (panel["title"], len(rows))
        continue
    offset = {"influxdb": 1, "prometheus": 1}.get(kind, 0)
    values = [float(value) for row in rows for value in row[offset:]]
    seen[panel["title"]] = [round(value, 2) for value in values]
print(json.dumps(seen))
