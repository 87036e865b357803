"""Writes the inputs that fuzzing begins with, and its dictionary: seeds.py FOLDER (run in the repository's folder)."""

import base64
import glob
import json
import os
import re
import sys

folder = sys.argv[1]


def seed(target, texts):
    os.makedirs(f"{folder}/{target}", exist_ok=True)
    for number, text in enumerate(texts):
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        if len(data) <= 4096:
            with open(f"{folder}/{target}/seed-{number}", "wb") as file:
                file.write(data)


def contents(pattern):
    made = []
    for path in sorted(glob.glob(pattern)):
        with open(path, "rb") as file:
            made.append(file.read())
    return made


def payload(case):
    if "payload" in case:
        return json.dumps(case["payload"]).encode()
    if "payloadText" in case:
        return case["payloadText"].encode("utf-8", "surrogatepass")
    return base64.b64decode(case.get("payloadBase64", ""))


cases = [case for text in contents("Tests/RulesEngineTests/Cases/*.json") for case in json.loads(text)]
rule = contents("rules/truckAnalyze.json")[0]
policies = contents("policies/*.json")
alerts = contents("rules/alerts.json")
csv = contents("TruckSensorFiles/*.csv")[0][:600]

seed("json", [payload(case) for case in cases] + [rule] + policies + alerts + ["[1e999,-0.0,\"\\uD83D\\uDE00\",[[]],true,null]"])
seed("iot-sql", [case["sql"].replace("\n", " ").encode() + b"\n" + payload(case) for case in cases if "sql" in case])
seed("rule-case", [json.dumps([case]) for case in cases])
seed("rule-document", [rule] + [json.dumps({"sql": case["sql"], "awsIotSqlVersion": "2016-03-23", "actions": [
    {"republish": {"topic": "a/${topic(1)}", "roleArn": "arn:aws:iam::123456789012:role/r", "qos": 1}}]})
    for case in cases if "sql" in case][:200])
seed("policy", policies + [json.dumps({"Version": "2012-10-17", "Statement": [{
    "Sid": "a", "Effect": "Deny", "NotAction": ["iot:Pub*", "iot:?eceive"],
    "Resource": "arn:aws:iot:eu-west-1:123456789012:topic/${iot:Connection.Thing.ThingName}/*",
    "Condition": {"StringLike": {"iot:ClientId": "t*"}, "IpAddress": {"aws:SourceIp": "127.0.0.0/8"},
                  "NumericLessThan": {"iot:ClientId": "1e3"}, "DateGreaterThan": {"aws:CurrentTime": "2024-01-01T00:00:00Z"},
                  "ForAllValues:StringEqualsIgnoreCase": {"iot:Certificate.Subject.CommonName.List": ["a"]}}}]})])
seed("alerts", alerts)
seed("registry", [json.dumps({"version": 1, "things": []}), "{}"])
seed("csv", [csv, csv.replace(b"\n", b"\r\n"), "\ufeffuptime,\"te\"\"mp\",door\n1,-2.5,0\n2,\"a\nb\",1\n", "time,temp\n2024-10-23T17:14:03Z,1\n"])
numbers = re.findall(r"-?\d[\d.]*(?:[eE][-+]?\d+)?", json.dumps(cases))
seed("decimal", [f"{left}\n{right}" for left, right in zip(numbers[:300:2], numbers[1:300:2])]
     + ["1e6144\n-1e-6176", "9" * 34 + "\n0.5"])
patterns = sorted(set(re.findall(r"'([yMdHhmsSzZaEeGDwxCkK][^'\\]{1,40})'", json.dumps(cases))))
seed("time-pattern", [f"{pattern}\n18 December 2015 10:00 UTC\n1729703643979\nAmerica/Santiago" for pattern in patterns]
     + ["yyyy-MM-dd'T'HH:mm:ss.SSSZ\n2015-12-18T10:00:00.000+0100\n-62135596800000\n+05:30"])
seed("times", ["2024-10-23T17:14:03.123456789+02:00\nCET-1CEST,M3.5.0,M10.5.0/3\n1729703643\nEurope/Berlin",
               "20241023T171403Z\n<+0330>-3:30\n-9223372036854775808\n-18:00", "2024-10-23\nEST5EDT,0/0,J365/25\n0\nUTC+1"])
seed("topic", [f"{case['filter']}\n{case.get('topic', '')}" for case in cases if "filter" in case] + ["$aws/+/#\n$aws/a/b"])
documents = "".join(text.decode() for text in contents("docs/*.md") + contents("Tests/StoreTests/*.swift"))
queries = re.findall(r"(?:SELECT|SHOW|DESCRIBE|WITH) [^\n`\"]{5,300}", documents)
seed("timestream-sql", queries + ["SELECT bin(time, 15s), avg(measure_value::double) FROM truck01_sensors WHERE time > ago(2h) GROUP BY 1"])
seed("store-url", ["sensorDB.sqlite", "influx+https://user:pass%40word@host:8086?db=sensorDB&token=secret",
                   "postgres://bob:secret@127.0.0.1:5432/db?sslmode=require", "postgresql://[::1]:5432,h:1/db"])
seed("http", ["localhost:8080", "127.0.0.1", "[::1]:80", "[::1]evil.example", "LOCALHOST:65536"])


# Operations of AWS's services: the templates of the paths, and all members that any of them takes.
services = b"".join(contents("Sources/AWSAPI/*/*.swift")).decode()
members = sorted(set(re.findall(r'\.body\(\s*"(\w+)"', services)))
paths = re.findall(r'"((?:GET|POST|PUT|PATCH|DELETE) /[^"]+)"', services)
body = json.dumps({name: "a" for name in members})
seed("aws-api", [f"{re.sub(r'{[^}]*}', 'a', path)}\n{body}" for path in paths] + [
    'POST /things/a\n{"attributePayload":{"attributes":{"a":"b"},"merge":true}}',
    'POST /things/a/shadow?name=b\n{"state":{"desired":{"a":[1,{"b":null}]},"reported":{}},"version":1,"clientToken":"c"}',
    'POST /indices/search\n{"queryString":"thingName:a* AND NOT (attributes.b>1 OR connectivity.connected:true)"}',
    'WriteRecords\n{"DatabaseName":"sensorDB","TableName":"t","CommonAttributes":{"Dimensions":[{"Name":"device","Value":"a"}],'
    '"Time":"1729703643979","TimeUnit":"MILLISECONDS"},"Records":[{"MeasureName":"temp","MeasureValue":"-18.5","MeasureValueType":"DOUBLE"},'
    '{"MeasureName":"m","MeasureValueType":"MULTI","MeasureValues":[{"Name":"a","Value":"1","Type":"BIGINT"}]}]}',
    'CreateTable\n{"DatabaseName":"sensorDB","TableName":"t","RetentionProperties":{"MemoryStoreRetentionPeriodInHours":1,"MagneticStoreRetentionPeriodInDays":1}}',
    'CreateDatabase\n{"DatabaseName":"abc"}', 'ListTables\n{"DatabaseName":"sensorDB","MaxResults":5,"NextToken":"a"}',
    'Query\n{"QueryString":"SELECT 1","MaxRows":10}', 'PrepareQuery\n{"QueryString":"SELECT @p","ValidateOnly":true}'])
rule_value = json.loads(rule)
seed("rule-template", contents("Tests/RulesEngineTests/**/*.yaml") + [
    json.dumps({"Resources": {"R": {"Type": "AWS::IoT::TopicRule", "Properties": {"TopicRulePayload": {
        "Sql": {"Fn::Sub": "SELECT * FROM '${Prefix}/x'"}, "Actions": [{"Republish": {"Topic": {"Ref": "T"}, "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}}}]}}}}}),
    "Parameters:\n  T: {Type: String, Default: a/b}\nResources:\n  R:\n    Type: AWS::IoT::TopicRule\n    Properties:\n      TopicRulePayload:\n"
    "        Sql: !Sub \"SELECT * FROM '${T}'\"\n        AwsIotSqlVersion: '2016-03-23'\n        Actions:\n          - Republish: &a {Topic: !Ref T, RoleArn: !GetAtt R.Arn}\n"
    "          - *anchor\n        ErrorAction: {Sns: {TargetArn: !Join [':', [arn, aws]], RoleArn: x}}\n",
    "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Events:\n        E:\n          Type: IoTRule\n"
    "          Properties:\n            Sql: >-\n              SELECT *\n              FROM 'a/#'\n"])

words = set(re.findall(r"[A-Za-z_]{3,}(?=\()", documents + json.dumps(cases)))
words |= set(re.findall(r"\b[A-Z]{2,}\b", " ".join(queries) + " ".join(case.get("sql", "") for case in cases)))
words |= {"9223372036854775807", "-9223372036854775808", "1e300", "1e-300", "measure_value::double", "null", "true"}
words |= set(re.findall(r'\\?"([A-Za-z:]+)\\?"', (rule + b"".join(policies + alerts)).decode()))
with open(f"{folder}/words", "w", encoding="ascii") as file:
    for word in sorted(words):
        file.write(f'"{word}"\n')
