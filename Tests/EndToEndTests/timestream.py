"""What boto3 gets from the query service, for the caller to compare: prints one JSON object.

Arguments: the server's address, and what to do. Every answer is held against botocore's service model.
"""

import json
import os
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from awsmodel import problems

address, what = sys.argv[1:3]
keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": os.environ.get("SECRET", "secret")}
config = Config(retries={"max_attempts": 1})


contradictions = []


def compare(http_response, model, **_):
    if http_response.status_code == 200:
        contradictions.extend(problems(model.output_shape, json.loads(http_response.content)))


def client(**arguments):
    made = boto3.client("timestream-query", region_name="eu-central-1", config=config, **keys, **arguments)
    made.meta.events.register("after-call", compare)
    return made


def failure(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return [error.response["Error"]["Code"], error.response["Error"]["Message"]]
    return ["none", ""]


result = {}
if what == "discovery":
    # Without an argument boto3 asks DescribeEndpoints, and goes where the answer says.
    os.environ["AWS_ENDPOINT_URL"] = address
    query = client()
    result["rows"] = query.query(QueryString="SELECT 1")["Rows"]
    result["endpoints"] = query.describe_endpoints()["Endpoints"]
elif what == "signature":
    result["right"] = failure(client(endpoint_url=address).query, QueryString="SELECT 1")
    other = boto3.client(
        "timestream-query", region_name="eu-central-1", config=config, endpoint_url=address,
        aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="wrong")
    result["wrong"] = failure(other.query, QueryString="SELECT 1")
    stranger = boto3.client(
        "timestream-query", region_name="eu-central-1", config=config, endpoint_url=address,
        aws_access_key_id="AKIDSTRANGER", aws_secret_access_key="secret")
    result["stranger"] = failure(stranger.query, QueryString="SELECT 1")
else:
    query = client(endpoint_url=address)
    result["answers"] = []
    for statement in json.load(sys.stdin):
        try:
            answer = query.query(QueryString=statement)
            result["answers"].append({"columns": answer["ColumnInfo"], "rows": answer["Rows"]})
        except ClientError as error:
            result["answers"].append(
                {"error": error.response["Error"]["Code"], "message": error.response["Error"]["Message"]})
    # Pages: all of them in order, each row once.
    numbers = "SELECT n FROM UNNEST(sequence(1, 2500)) AS t(n)"
    pages = list(query.get_paginator("query").paginate(QueryString=numbers, PaginationConfig={"PageSize": 1000}))
    result["pages"] = [len(page["Rows"]) for page in pages]
    values = [int(row["Data"][0]["ScalarValue"]) for page in pages for row in page["Rows"]]
    result["inOrder"] = values == list(range(1, 2501))
    first = query.query(QueryString=numbers, MaxRows=1000)
    token = first["NextToken"]
    result["sameToken"] = [
        query.query(QueryString=numbers, NextToken=token)["Rows"] == pages[1]["Rows"] for _ in range(5)]
    result["sixthUse"] = failure(query.query, QueryString=numbers, NextToken=token)
    result["otherStatement"] = failure(query.query, QueryString="SELECT 1", NextToken=pages[0]["NextToken"])
    # A long statement answers with its identifier before it has rows, and can be cancelled.
    long = ("SELECT max(a.n * b.n * c.n) FROM UNNEST(sequence(1, 9000)) AS a(n), "
            "UNNEST(sequence(1, 9000)) AS b(n), UNNEST(sequence(1, 9000)) AS c(n)")
    begun = time.monotonic()
    running = query.query(QueryString=long)
    result["longRows"] = running["Rows"]
    # Others don't wait meanwhile.
    result["beside"] = query.query(QueryString="SELECT 2")["Rows"]
    result["cancelled"] = "CancellationMessage" in query.cancel_query(QueryId=running["QueryId"])
    result["afterwards"] = failure(query.query, QueryString=long, NextToken=running["NextToken"])
    result["unknownQuery"] = failure(query.cancel_query, QueryId="NOSUCHQUERY")
    prepared = query.prepare_query(QueryString="SELECT time, device, measure_value::double FROM truck01_sensors")
    result["prepared"] = [[column["Name"], column["Type"]["ScalarType"]] for column in prepared["Columns"]]
    result["notOffered"] = failure(query.list_scheduled_queries)
result["contradictions"] = contradictions
print(json.dumps(result))
