#!/usr/bin/env python3
"""Writes the dashboards of this folder, the same panels for each kind of store, and the alert rules, whose thresholds are those
of rules/alerts.json. A test holds the files to it."""

import json
import pathlib

DEVICE = "device = '$device'"
SQLITE_WINDOW = "time >= $__from * 1000000 AND time < $__to * 1000000"


def sqlite(text, kind="table"):
    return {"queryText": text, "rawQueryText": text, "queryType": kind, "timeColumns": ["time"]}


def postgres(text, kind="table"):
    return {"rawSql": text, "rawQuery": True, "editorMode": "code", "format": kind}


def influx(text, kind="time_series"):
    return {"query": text, "rawQuery": True, "resultFormat": kind}


def prometheus(*expressions, instant=True):
    return [{"expr": text, "legendFormat": name, "instant": instant, "range": not instant, "editorMode": "code"}
            for name, text in expressions]


def timestream(text, kind=0):
    """Formats of Grafana's plugin: 0 is a table, 1 a time series. What it sends is Timestream's SQL, for AWS, too."""
    return {"rawQuery": text, "format": kind, "waitForResult": True}


TIMESTREAM = '"sensorDB"."truck01_sensors"'


def measured(name, kind="double"):
    return f"CASE WHEN measure_name = '{name}' THEN measure_value::{kind} END"


def over(function):
    return prometheus(*((name, f'{function}(truck01_sensors_{field}{{device="$device"}}[$__range])')
                        for name, field in (("Temperature", "temp"), ("Voltage", "volts"))))


def aggregate(function):
    both = f'{function}(temp) AS "Temperature", {function}(volts) AS "Voltage"'
    name = {"avg": "mean"}.get(function, function)
    return {
        "sqlite": sqlite(f"SELECT {both} FROM truck01_sensors_wide WHERE {SQLITE_WINDOW} AND {DEVICE}"),
        "postgres": postgres(f"SELECT {both} FROM truck01_sensors WHERE $__timeFilter(time) AND {DEVICE}"),
        "influxdb": influx(f'SELECT {name}("temp") AS "Temperature", {name}("volts") AS "Voltage" FROM "truck01_sensors" '
                           "WHERE \"device\" = '$device' AND $timeFilter"),
        "prometheus": over(f"{function}_over_time"),
        "timestream": timestream(
            f'SELECT {function}({measured("temp")}) AS "Temperature", {function}({measured("volts")}) AS "Voltage" '
            f"FROM {TIMESTREAM} WHERE $__timeFilter AND {DEVICE}"),
    }


SERIES = {
    "sqlite": sqlite(
        "SELECT time / ($__interval_ms * 1000000) * $__interval_ms / 1000 AS time, avg(temp) AS \"Temperature\", "
        "avg(volts) AS \"Voltage\", max(door) AS \"Door\" FROM truck01_sensors_wide "
        f"WHERE {SQLITE_WINDOW} AND {DEVICE} GROUP BY 1 ORDER BY 1", "time series"),
    "postgres": postgres(
        "SELECT $__timeGroupAlias(time, $__interval), avg(temp) AS \"Temperature\", avg(volts) AS \"Voltage\", "
        f"max(door) AS \"Door\" FROM truck01_sensors WHERE $__timeFilter(time) AND {DEVICE} GROUP BY 1 ORDER BY 1",
        "time_series"),
    "influxdb": influx(
        'SELECT mean("temp") AS "Temperature", mean("volts") AS "Voltage", max("door") AS "Door" FROM "truck01_sensors" '
        "WHERE \"device\" = '$device' AND $timeFilter GROUP BY time($__interval) fill(none)"),
    "prometheus": prometheus(
        ("Temperature", 'truck01_sensors_temp{device="$device"}'), ("Voltage", 'truck01_sensors_volts{device="$device"}'),
        ("Door", 'truck01_sensors_door{device="$device"}'), instant=False),
    "timestream": timestream(
        f'SELECT bin(time, $__interval) AS time, avg({measured("temp")}) AS "Temperature", '
        f'avg({measured("volts")}) AS "Voltage", max({measured("door", "bigint")}) AS "Door" '
        f"FROM {TIMESTREAM} WHERE $__timeFilter AND {DEVICE} GROUP BY bin(time, $__interval) ORDER BY 1", 1),
}
CURRENT = {
    "sqlite": sqlite("SELECT temp AS \"Temperature\", volts AS \"Voltage\" FROM truck01_sensors_wide "
                     f"WHERE {SQLITE_WINDOW} AND {DEVICE} ORDER BY time DESC LIMIT 1"),
    "postgres": postgres("SELECT temp AS \"Temperature\", volts AS \"Voltage\" FROM truck01_sensors "
                         f"WHERE $__timeFilter(time) AND {DEVICE} ORDER BY time DESC LIMIT 1"),
    "influxdb": influx('SELECT last("temp") AS "Temperature", last("volts") AS "Voltage" FROM "truck01_sensors" '
                       "WHERE \"device\" = '$device' AND $timeFilter"),
    "prometheus": over("last_over_time"),
    "timestream": timestream(
        "SELECT max_by(measure_value::double, CASE WHEN measure_name = 'temp' THEN time END) AS \"Temperature\", "
        "max_by(measure_value::double, CASE WHEN measure_name = 'volts' THEN time END) AS \"Voltage\" "
        f"FROM {TIMESTREAM} WHERE $__timeFilter AND {DEVICE}"),
}
DOOR = {
    "sqlite": sqlite("SELECT count(*) AS \"Door openings\" FROM (SELECT door, lag(door) OVER (ORDER BY time) AS before "
                     f"FROM truck01_sensors_wide WHERE {SQLITE_WINDOW} AND {DEVICE}) WHERE door = 1 AND before = 0"),
    "postgres": postgres("SELECT count(*) AS \"Door openings\" FROM (SELECT door, lag(door) OVER (ORDER BY time) AS before "
                         f"FROM truck01_sensors WHERE $__timeFilter(time) AND {DEVICE}) AS steps "
                         "WHERE door = 1 AND before = 0"),
    "influxdb": influx('SELECT count("step") AS "Door openings" FROM (SELECT difference("door") AS "step" FROM '
                       "\"truck01_sensors\" WHERE \"device\" = '$device' AND $timeFilter) WHERE \"step\" > 0"),
    "prometheus": prometheus(
        ("Door openings", 'increases_over_time(truck01_sensors_door{device="$device"}[$__range])')),
    "timestream": timestream(
        'SELECT count(*) AS "Door openings" FROM (SELECT measure_value::bigint AS door, '
        "lag(measure_value::bigint) OVER (ORDER BY time) AS before "
        f"FROM {TIMESTREAM} WHERE $__timeFilter AND measure_name = 'door' AND {DEVICE}) WHERE door = 1 AND before = 0"),
}
DEVICES = {
    "sqlite": "SELECT DISTINCT device FROM (SELECT d1 AS device FROM ts_series)",
    "postgres": "SELECT DISTINCT device FROM truck01_sensors",
    "influxdb": 'SHOW TAG VALUES FROM "truck01_sensors" WITH KEY = "device"',
    "prometheus": "label_values(truck01_sensors_temp, device)",
    "timestream": f"SELECT DISTINCT device FROM {TIMESTREAM}",
}
# Alerts and verdicts, which the rule truckAlerts.json stores; VictoriaMetrics keeps no texts.
ALERT_NOTES = {
    "sqlite": sqlite("SELECT time / 1000000000 AS time, text, rule || ', ' || change AS tags FROM truck01_alerts_wide "
                     f"WHERE {SQLITE_WINDOW} AND {DEVICE} ORDER BY time"),
    "postgres": postgres("SELECT time, text, rule || ', ' || change AS tags FROM truck01_alerts "
                         f"WHERE $__timeFilter(time) AND {DEVICE} ORDER BY time"),
    "influxdb": {**influx('SELECT "text", "rule" FROM "truck01_alerts" WHERE "device" = \'$device\' AND $timeFilter', "table"),
                 "fromAnnotations": True, "textColumn": "text", "tagsColumn": "rule"},
}
TYPES = {"sqlite": "frser-sqlite-datasource", "postgres": "grafana-postgresql-datasource", "influxdb": "influxdb",
         "prometheus": "prometheus", "timestream": "grafana-timestream-datasource"}
COLOURS = {"Temperature": "green", "Voltage": "yellow", "Door": "blue", "Door openings": "blue"}
UNITS = {"Temperature": "celsius", "Voltage": "volt"}


def overrides(series):
    rules = []
    for name, colour in COLOURS.items():
        properties = [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}]
        if name in UNITS:
            properties.append({"id": "unit", "value": UNITS[name]})
        if series and name == "Voltage":
            properties.append({"id": "custom.axisPlacement", "value": "right"})
        if series and name == "Door":
            properties += [{"id": "custom.lineInterpolation", "value": "stepAfter"}, {"id": "custom.axisPlacement", "value": "hidden"},
                           {"id": "min", "value": 0}, {"id": "max", "value": 5}]
        rules.append({"matcher": {"id": "byName", "options": name}, "properties": properties})
    return rules


def panel(number, title, kind, queries, store, x, y, width, height):
    source = {"type": TYPES[store], "uid": f"trucksensor-{store}"}
    targets = queries[store] if isinstance(queries[store], list) else [queries[store]]
    made = {
        "id": number, "title": title, "type": kind, "datasource": source,
        "gridPos": {"x": x, "y": y, "w": width, "h": height},
        "targets": [{"refId": chr(65 + index), "datasource": source, **target} for index, target in enumerate(targets)],
        "fieldConfig": {"defaults": {"decimals": 0 if queries is DOOR else 2}, "overrides": overrides(kind == "timeseries")},
    }
    if kind == "stat":
        made["options"] = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                           "colorMode": "value", "graphMode": "none", "textMode": "value_and_name"}
    else:
        made["options"] = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                           "tooltip": {"mode": "multi"}}
    return made


def annotations(store):
    """Off until they are switched on: without the rule there is no such table."""
    if store not in ALERT_NOTES:
        return []
    source = {"type": TYPES[store], "uid": f"trucksensor-{store}"}
    return [{"name": "Alerts and verdicts", "datasource": source, "enable": False, "iconColor": "red",
             "target": {"refId": "Anno", "datasource": source, **ALERT_NOTES[store]}}]


def dashboard(store):
    source = {"type": TYPES[store], "uid": f"trucksensor-{store}"}
    stats = [("Average", aggregate("avg")), ("Maximum", aggregate("max")), ("Minimum", aggregate("min")),
             ("Current", CURRENT), ("Door openings", DOOR)]
    widths = [5, 5, 5, 5, 4]
    panels = [panel(1, "Temperature, voltage and door", "timeseries", SERIES, store, 0, 0, 24, 12)]
    for index, (title, queries) in enumerate(stats):
        panels.append(panel(index + 2, title, "stat", queries, store, sum(widths[:index]), 12, widths[index], 6))
    return {
        "uid": f"truck01-{store}", "title": "Truck01 sensors analytics", "tags": ["trucksensor", store],
        "timezone": "browser", "schemaVersion": 41, "refresh": "5s", "time": {"from": "now-15m", "to": "now"},
        "templating": {"list": [{
            "name": "device", "label": "Device", "type": "query", "datasource": source, "query": DEVICES[store],
            "refresh": 2, "sort": 1,
        }]},
        "annotations": {"list": annotations(store)},
        "panels": panels,
    }


ALERTS = """\
# Grafana's own alerts over the SQLite store, instead of 'rules/alerts.json', from which make-dashboards.py made them. They know
# neither sums nor arming: a truck that cools down from warm raises the first.
apiVersion: 1
groups:
  - orgId: 1
    name: trucksensor
    folder: Trucks
    interval: 10s
    rules:
"""
ALERT = """\
      - uid: trucksensor-{name}
        title: {title}
        condition: B
        for: {duration}
        noDataState: NoData
        execErrState: Error
        labels: {{rule: {name}}}
        data:
          - refId: A
            relativeTimeRange: {{from: 600, to: 0}}
            datasourceUid: trucksensor-sqlite
            model:
              refId: A
              queryType: table
              queryText: {query}
              rawQueryText: {query}
          - refId: B
            datasourceUid: __expr__
            model:
              refId: B
              type: threshold
              expression: A
              conditions:
                - evaluator: {{type: {evaluator}, params: [{threshold}]}}
"""


def duration(seconds):
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


def alert(rule):
    name, title, measure = rule["name"], rule["title"], rule.get("measure")
    if rule["condition"] == "noData":
        return ALERT.format(
            name=name, title=title, duration="10s", evaluator="gt", threshold=rule["delay"],
            query="SELECT unixepoch() - max(time) / 1000000000 AS value FROM truck01_sensors_wide")
    is_above = rule["condition"] == "above"
    # A door is open or closed; the condition must hold for the whole minute.
    is_door = measure == "door"
    function = "max" if is_above and not is_door else "min"
    return ALERT.format(
        name=name, title=title, duration=duration(rule["delay"]), evaluator="gt" if is_above else "lt",
        threshold=rule["threshold"] - 0.5 if is_door else rule["threshold"],
        query=f"SELECT {function}({measure}) AS value FROM truck01_sensors_wide WHERE time > (unixepoch() - 60) * 1000000000")


if __name__ == "__main__":
    folder = pathlib.Path(__file__).resolve().parent
    for store in TYPES:
        text = json.dumps(dashboard(store), indent=2, ensure_ascii=False)
        (folder / "dashboards" / f"truck01-{store}.json").write_text(text + "\n")
    rules = json.loads((folder.parent.parent / "rules" / "alerts.json").read_text())["alerts"]
    # Sums over a trip, and limits of profiles, are beyond a threshold.
    rules = [rule for rule in rules if rule.get("type") != "cumulative" and "profile" not in rule]
    (folder / "provisioning/alerting/trucksensor.yaml").write_text(ALERTS + "".join(alert(rule) for rule in rules))
