"""What boto3 and awswrangler do with timestream-write: checks of its own, and prints one JSON object.

Arguments: the server's address, and what to do: boto3, invalid, wrangler or speed. Every answer is held against botocore's
service model.
"""

import datetime
import json
import os
import sys
import time
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from awsmodel import problems

address, what = sys.argv[1:3]
os.environ.update(
    AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="secret", AWS_DEFAULT_REGION="eu-central-1",
    AWS_EC2_METADATA_DISABLED="true")
config = Config(retries={"max_attempts": 1}, parameter_validation=what != "invalid")
body = None
write = boto3.client("timestream-write", endpoint_url=address, config=config)
query = boto3.client("timestream-query", endpoint_url=address, config=config)
result = {"contradictions": [], "failures": [], "checks": 0}


def compare(http_response, model, **_):
    if http_response.status_code == 200 and model.output_shape is not None:
        result["contradictions"] += problems(model.output_shape, json.loads(http_response.content))


write.meta.events.register("after-call", compare)


def check(condition, text):
    result["checks"] += 1
    if not condition:
        result["failures"].append(str(text))


def error(call, **arguments):
    try:
        call(**arguments)
    except ClientError as raised:
        return raised.response["Error"]["Code"], raised.response["Error"]["Message"], raised.response
    return "none", "", {}


def rows(statement):
    answer = query.query(QueryString=statement)
    return [[cell.get("ScalarValue") for cell in row["Data"]] for row in answer["Rows"]]


def now():
    return str(int(time.time() * 1000))


def record(name="temp", value="-18.5", kind="DOUBLE", **more):
    return {"MeasureName": name, "MeasureValue": value, "MeasureValueType": kind, "Time": now(), **more}


device = [{"Name": "device", "Value": "truckSensor01"}]

if what == "boto3":
    made = write.create_database(DatabaseName="fleet", Tags=[{"Key": "team", "Value": "cold"}])["Database"]
    check(made["Arn"] == "arn:aws:timestream:eu-central-1:123456789012:database/fleet", made)
    check(made["TableCount"] == 0 and made["CreationTime"].year >= 2024, made)
    check(error(write.create_database, DatabaseName="fleet")[0] == "ConflictException", "made twice")
    for name in [f"table{n:02}" for n in range(25)]:
        table = write.create_table(DatabaseName="fleet", TableName=name)["Table"]
    check(table["RetentionProperties"] == {
        "MemoryStoreRetentionPeriodInHours": 6, "MagneticStoreRetentionPeriodInDays": 73000}, table)
    check(table["TableStatus"] == "ACTIVE" and table["Schema"]["CompositePartitionKey"][0]["Type"] == "MEASURE", table)
    check(error(write.create_table, DatabaseName="fleet", TableName="table01")[0] == "ConflictException", "twice")
    pages, token = [], {}
    while True:
        page = write.list_tables(DatabaseName="fleet", MaxResults=10, **token)
        pages.append([entry["TableName"] for entry in page["Tables"]])
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    check([len(page) for page in pages] == [10, 10, 5] and len(set(sum(pages, []))) == 25, pages)
    check(write.describe_database(DatabaseName="fleet")["Database"]["TableCount"] == 25, "count")
    check("fleet" in [entry["DatabaseName"] for entry in write.list_databases()["Databases"]], "list")
    check(error(write.describe_table, DatabaseName="fleet", TableName="none")[:2] == (
        "ResourceNotFoundException", "The table none does not exist."), "missing table")
    check(error(write.describe_database, DatabaseName="none")[:2] == (
        "ResourceNotFoundException", "The database none does not exist."), "missing database")
    check(error(write.describe_database, DatabaseName="../fleet")[0] == "ResourceNotFoundException", "a path")

    updated = write.update_table(
        DatabaseName="fleet", TableName="table01",
        RetentionProperties={"MemoryStoreRetentionPeriodInHours": 1, "MagneticStoreRetentionPeriodInDays": 2},
        MagneticStoreWriteProperties={"EnableMagneticStoreWrites": True, "MagneticStoreRejectedDataLocation": {
            "S3Configuration": {"BucketName": "rejected"}}})["Table"]
    check(updated["RetentionProperties"]["MagneticStoreRetentionPeriodInDays"] == 2, updated)
    check(updated == write.describe_table(DatabaseName="fleet", TableName="table01")["Table"], "update isn't kept")

    arn = table["Arn"]
    write.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    write.untag_resource(ResourceARN=arn, TagKeys=["b", "none"])
    check(write.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "1"}], "tags")
    check(write.list_tags_for_resource(ResourceARN=made["Arn"])["Tags"] == [{"Key": "team", "Value": "cold"}], "tags")
    check(error(write.list_tags_for_resource, ResourceARN="arn:aws:s3:::x")[0] == "ValidationException", "an ARN")

    # Single measures and MULTI records, with what they have in common.
    target = {"DatabaseName": "fleet", "TableName": "table01"}
    answer = write.write_records(**target, CommonAttributes={"Dimensions": device}, Records=[
        record(), record("door", "1", "BIGINT"), record("open", "true", "BOOLEAN"), record("note", "ok", "VARCHAR"),
        {"MeasureName": "metrics", "MeasureValueType": "MULTI", "Time": now(), "MeasureValues": [
            {"Name": "temp", "Value": "-17.25", "Type": "DOUBLE"}, {"Name": "door", "Value": "0", "Type": "BIGINT"},
            {"Name": "seen", "Value": "1729703643979", "Type": "TIMESTAMP"},
            {"Name": "note", "Value": "multi", "Type": "VARCHAR"}, {"Name": "ok", "Value": "false", "Type": "BOOLEAN"}]},
        record("old", Time=str(int(time.time()) - 7200), TimeUnit="SECONDS")])
    check(answer["RecordsIngested"] == {"Total": 6, "MemoryStore": 5, "MagneticStore": 1}, answer["RecordsIngested"])
    check(rows('SELECT measure_name, measure_value::double, temp, seen FROM fleet.table01 WHERE measure_name IN '
               "('temp', 'metrics') ORDER BY 1") == [
        ["metrics", None, "-17.25", "2024-10-23 17:14:03.979000000"], ["temp", "-18.5", None, None]], "what is read back")
    check([row[:2] for row in rows("SHOW MEASURES FROM fleet.table01")] == [
        ["temp", "double"], ["door", "bigint"], ["open", "boolean"], ["note", "varchar"], ["old", "double"],
        ["metrics", "multi"]], rows("SHOW MEASURES FROM fleet.table01"))

    # Versions, and the others of a request with rejected records.
    moment = now()
    one = dict(Dimensions=device, Time=moment)
    write.write_records(**target, Records=[record("v", "1", **one)])
    write.write_records(**target, Records=[record("v", "1", **one)])
    code, text, response = error(write.write_records, **target, Records=[
        record("v", "2", **one), record("w", "5", **one), record("x", "1", Dimensions=device, Time="1", TimeUnit="SECONDS")])
    check(code == "RejectedRecordsException" and response["ResponseMetadata"]["HTTPStatusCode"] == 419, (code, text))
    check(text == "One or more records have been rejected. See RejectedRecords for details.", text)
    rejected = response["RejectedRecords"]
    check([entry["RecordIndex"] for entry in rejected] == [0, 2] and "ExistingVersion" not in rejected[0], rejected)
    check(rejected[0]["Reason"].startswith("A record already exists with the same time, dimensions"), rejected)
    check(rejected[1]["Reason"].startswith("The record timestamp is outside the time range ["), rejected)
    check(rows("SELECT measure_value::double FROM fleet.table01 WHERE measure_name = 'w'") == [["5.0"]], "the others")
    write.write_records(**target, Records=[record("v", "2", Version=200, **one)])
    rejected = error(write.write_records, **target, Records=[record("v", "3", Version=2, **one)])[2]["RejectedRecords"]
    check(rejected[0]["ExistingVersion"] == 200 and rejected[0]["Reason"] == (
        "The record version 2 is lower than the existing version 200. A higher version is required to update the measure "
        "value."), rejected)
    check(rows("SELECT measure_value::double FROM fleet.table01 WHERE measure_name = 'v'") == [["2.0"]], "version")

    for broken, text in [
        (record(Time="1.5"), "Records[0]: Time '1.5' is not an integer number of milliseconds"),
        (record(value="cold"), "Records[0]: the value 'cold' is not a valid DOUBLE"),
        (record(value="2.5", kind="BIGINT"), "Records[0]: the value '2.5' is not a valid BIGINT"),
        (record(kind="TIMESTAMP", value="1"), "Records[0]: only MULTI records have values of type TIMESTAMP"),
        (record(kind="MULTI"), "Records[0]: a record of type MULTI needs MeasureValues"),
        ({"MeasureName": "x", "MeasureValue": "1"}, "Records[0]: Time is missing"),
        ({"MeasureName": "x", "Time": now()}, "Records[0]: MeasureValue is missing"),
        ({"MeasureValue": "1", "Time": now()}, "Records[0]: MeasureName is missing"),
    ]:
        got = error(write.write_records, **target, Records=[broken])
        check(got[:2] == ("ValidationException", text), got[:2])
    got = error(write.write_records, **target, CommonAttributes={"Dimensions": device}, Records=[record(Dimensions=device)])
    check(got[1] == "Records[0]: the dimension device is in CommonAttributes, too", got[1])
    check(error(write.write_records, DatabaseName="fleet", TableName="none", Records=[record()])[0]
          == "ResourceNotFoundException", "no such table")
    check(error(write.create_batch_load_task, TargetDatabaseName="fleet", TargetTableName="table01",
                DataSourceConfiguration={"DataSourceS3Configuration": {"BucketName": "bucket"}, "DataFormat": "CSV"},
                ReportConfiguration={})[0] == "UnknownOperationException", "batch load")

    check(error(write.delete_database, DatabaseName="fleet")[0] == "ValidationException", "has tables")
    for name in sum(pages, []):
        write.delete_table(DatabaseName="fleet", TableName=name)
    check(write.list_tables(DatabaseName="fleet")["Tables"] == [], "all are deleted")
    write.delete_database(DatabaseName="fleet")
    check(error(write.describe_database, DatabaseName="fleet")[0] == "ResourceNotFoundException", "deleted")
    # A table that is made again is empty.
    write.create_database(DatabaseName="fleet")
    write.create_table(**target)
    check(rows("SELECT count(*) FROM fleet.table01") == [["0"]], "an old table's readings")
elif what == "invalid":
    # Each member of each operation, missing, of a wrong type and beyond its limits, from the model itself.
    write.create_database(DatabaseName="fleet")
    write.create_table(DatabaseName="fleet", TableName="table")

    def valid(shape, name=""):
        if name == "DatabaseName":
            return "fleet"
        if name == "TableName":
            return "table"
        if shape.type_name == "structure":
            return {member: valid(shape.members[member], member) for member in shape.required_members}
        if shape.type_name == "list":
            return [valid(shape.member)]
        if shape.type_name == "string":
            return shape.enum[0] if getattr(shape, "enum", None) else "abc"
        return True if shape.type_name == "boolean" else 1

    def wrong(shape):
        if shape.type_name == "string":
            yield 5
            if getattr(shape, "enum", None):
                yield "NONE"
            if "max" in shape.metadata:
                yield "a" * (shape.metadata["max"] + 1)
            if shape.metadata.get("min", 0) > 0:
                yield ""
            if "pattern" in shape.metadata:
                yield "a/b?"
        elif shape.type_name in ("integer", "long"):
            yield "5"
            yield 1.5
            yield 10 ** 30
            if "min" in shape.metadata:
                yield shape.metadata["min"] - 1
                yield shape.metadata["max"] + 1
        elif shape.type_name == "boolean":
            yield "true"
        elif shape.type_name == "list":
            yield {}
            if "max" in shape.metadata:
                yield [valid(shape.member)] * (shape.metadata["max"] + 1)
            yield from ([value] for value in wrong(shape.member))
        elif shape.type_name == "structure":
            yield []
            for name in shape.required_members:
                yield {key: value for key, value in valid(shape).items() if key != name}
            for name, member in shape.members.items():
                yield from ({**valid(shape), name: value} for value in wrong(member))

    # What botocore itself would refuse or can't write goes out as it is.
    write.meta.events.register("before-call", lambda params, **_: params.update(body=body))
    offered = [name for name in write.meta.service_model.operation_names if "Batch" not in name and name != "DescribeEndpoints"]
    for name in offered:
        shape = write.meta.service_model.operation_model(name).input_shape
        method = "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)[1:]
        for arguments in wrong(shape):
            if not isinstance(arguments, dict):
                continue
            body = json.dumps(arguments).encode()
            code, text, _ = error(getattr(write, method), **valid(shape))
            check(code in ("ValidationException", "SerializationException", "ResourceNotFoundException"),
                  f"{name} {str(arguments)[:200]}: {code} {text}")
elif what == "wrangler":
    import awswrangler as wr
    import pandas as pd

    wr.config.timestream_write_endpoint_url = address
    wr.config.timestream_query_endpoint_url = address

    def made():
        name = "wr_" + uuid.uuid4().hex[:8]
        wr.timestream.create_database(name)
        wr.timestream.create_table(name, name, memory_retention_hours=1, magnetic_retention_days=1, tags={"foo": "boo"})
        return name

    def moments(count=3):
        return [datetime.datetime.now() + datetime.timedelta(milliseconds=n) for n in range(count)]

    # Single measures, dimensions of numbers, pages, types.
    name = made()
    frame = pd.DataFrame({"time": moments(), "dim0": ["foo", "boo", "bar"], "dim1": [1, 2, 3], "measure": [1.0, 1.1, 1.2]})
    check(wr.timestream.write(frame, name, name, time_col="time", measure_col="measure", dimensions_cols=["dim0", "dim1"]) == [],
          "single measures")
    for pages in (None, {}, {"MaxItems": 3, "PageSize": 2}):
        got = wr.timestream.query(
            f"""SELECT 1 as col_int, try_cast(now() as time) as col_time, TRUE as col_bool, current_date as col_date,
            'foo' as col_str, measure_value::double, measure_name, time FROM "{name}"."{name}" ORDER BY time DESC LIMIT 10""",
            pagination_config=pages)
        check(got.shape == (3, 8), (pages, got.shape))
    shapes = [part.shape for part in wr.timestream.query(
        f'SELECT * FROM "{name}"."{name}" ORDER BY time ASC', chunked=True, pagination_config={"MaxItems": 5, "PageSize": 2})]
    check(shapes == [(2, 5), (1, 5)], shapes)
    check(wr.timestream.query(f'SELECT * FROM "{name}"."{name}" WHERE dim0 = \'none\'').empty, "an empty result")
    check(wr.timestream.query(f'SELECT * FROM "{name}"."{name}" DESC LIMIT 10').shape == (3, 5), "an alias DESC")
    # Versions.
    for values, version, refused in [([1.0, 1.1, 1.2], 1, 0), ([1.0, 1.1, 1.9], 1, 1), ([1.0, 1.1, 1.9], 2, 0)]:
        frame["measure"] = values
        got = wr.timestream.write(frame, name, name, time_col="time", measure_col="measure",
                                  dimensions_cols=["dim0", "dim1"], version=version)
        check(len(got) == refused, got)
    # MULTI, with missing values and every type.
    name = made()
    frame = pd.DataFrame({
        "time": moments(), "dim0": ["foo", "boo", "bar"], "m1": [1.0, 1.1, None], "m2": [1, 2, 3], "m3": [True, False, True],
        "m4": ["a", "b", "c"], "m5": moments()})
    got = wr.timestream.write(frame, name, name, time_col="time", measure_col=["m1", "m2", "m3", "m4", "m5"],
                              dimensions_cols=["dim0"], measure_name="cpu")
    check(got == [], got)
    got = wr.timestream.query(f'SELECT * FROM "{name}"."{name}" ORDER BY dim0')
    check(got.shape == (3, 8) and list(got["m2"]) == [3, 2, 1] and list(got["m4"]) == ["c", "b", "a"], got.to_string())
    # The times are those of the local clock, read as UTC.
    check(abs((got["m5"].iloc[0].replace(tzinfo=None) - frame["m5"].iloc[2]).total_seconds()) < 0.001, got["m5"].iloc[0])
    # Everything that can be common to all records, single and MULTI; shapes as in awswrangler's own suite.
    two = [{"Name": "cpu_util", "Value": "12.0", "Type": "DOUBLE"}, {"Name": "mem_util", "Value": "45.6", "Type": "DOUBLE"}]
    region = {"Name": "region", "Value": "us-east-1"}
    host = {"Name": "host", "Value": "linux"}
    value = {"MeasureValue": "13.1", "MeasureValueType": "DOUBLE"}
    for kind in ("SCALAR", "MULTI"):
        for common, columns in [
            ({}, (4, 6)), ({"MeasureName": "cpu_util"}, (4, 6)), (value, (4, 5)),
            ({"MeasureValues": two, "MeasureValueType": "MULTI"}, (5, 6)),
            ({"Time": str(round(time.time())), "TimeUnit": "SECONDS"}, (4, 5)),
            ({"Time": str(round(time.time()) * 1000), **value}, (4, 5)),
            ({"Dimensions": [region]}, (4, 5)), ({"Dimensions": [region, host]}, (5, 6)),
            ({"Dimensions": [region], **value}, (4, 4)),
            ({"Dimensions": [region, host], "MeasureValues": two, "MeasureValueType": "MULTI"}, (6, 6)),
        ]:
            name = made()
            frame = pd.DataFrame({"dummy": ["a"] * 3})
            arguments = {"df": frame, "database": name, "table": name, "common_attributes": common, "measure_name": "cpu"}
            if "Time" not in common:
                frame["time"] = [datetime.datetime.now() + datetime.timedelta(seconds=60 * n) for n in range(3)]
                arguments["time_col"] = "time"
            if "MeasureValue" not in common and "MeasureValues" not in common:
                frame["cpu_utilization"] = [13.1] * 3
                arguments["measure_col"] = ["cpu_utilization"]
                if kind == "MULTI":
                    frame["mem_utilization"] = [45.2] * 3
                    arguments["measure_col"] = ["cpu_utilization", "mem_utilization"]
            if "Dimensions" not in common:
                frame["region"] = ["us-east-1", "us-east-2", "us-west-2"]
                arguments["dimensions_cols"] = ["region"]
                if kind == "MULTI":
                    frame["host"] = ["AL2", "Ubuntu", "Debian"]
                    arguments["dimensions_cols"] = ["region", "host"]
            got = wr.timestream.write(**arguments)
            check(got == [], (kind, common, got))
            shape = wr.timestream.query(f'SELECT * FROM "{name}"."{name}"').shape
            check(shape == (3, columns[kind == "MULTI"]), (kind, common, shape))
    # Time units.
    for unit in ("SECONDS", "MILLISECONDS", "MICROSECONDS"):
        name = made()
        frame = pd.DataFrame({"time": moments(1), "d": ["x"], "m": [1.5]})
        got = wr.timestream.write(frame, name, name, time_col="time", measure_col="m", dimensions_cols=["d"], time_unit=unit)
        read = wr.timestream.query(f'SELECT time FROM "{name}"."{name}"')["time"].iloc[0].replace(tzinfo=None)
        check(got == [] and abs((read - frame["time"].iloc[0]).total_seconds()) <= 1, (unit, got, read))
    check(name in wr.timestream.list_databases() and name in wr.timestream.list_tables(database=name), "lists")
    wr.timestream.delete_table(name, name)
    wr.timestream.delete_database(name)
    check(name not in wr.timestream.list_databases(), "deleted")
elif what == "speed":
    from botocore.awsrequest import AWSResponse

    write.create_database(DatabaseName="fleet")
    write.create_table(DatabaseName="fleet", TableName="table")
    count = int(sys.argv[3])
    start = int(time.time() * 1000) - 3_600_000

    def request(number):
        return {"DatabaseName": "fleet", "TableName": "table", "CommonAttributes": {"Dimensions": device, "MeasureName": "temp"},
                "Records": [{"MeasureValue": "-18.25", "MeasureValueType": "DOUBLE", "Time": str(start + number * 100 + n)}
                            for n in range(100)]}

    begin = time.time()
    for number in range(count):
        write.write_records(**request(number))
    result["seconds"] = time.time() - begin
    # The same calls without a server: what boto3 itself needs.
    answer = b'{"RecordsIngested":{"Total":100,"MemoryStore":100,"MagneticStore":0}}'

    class Raw:
        def stream(self, *_, **__):
            yield answer

    def instead(request, **_):
        return AWSResponse(request.url, 200, {"content-type": "application/x-amz-json-1.0"}, Raw())

    write.meta.events.register_first("before-send.timestream-write.WriteRecords", instead)
    begin = time.time()
    for number in range(count):
        write.write_records(**request(number))
    result["boto3"] = time.time() - begin
    check(rows("SELECT count(*) FROM fleet.\"table\"") == [[str(count * 100)]], "stored")
print(json.dumps(result))
