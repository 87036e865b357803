"""What boto3 and AWS's device SDK do with iot, iot-data and sts: checks of its own, and prints one JSON object.

    iot.py ADDRESS operations|invalid|devices|writers|walkthrough|signatures [PORT]

Runs in the folder of the local cloud. Every answer is held against botocore's service model.
"""

import base64
import datetime
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid

import boto3
import botocore.auth
import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.serialize import create_serializer

from awsmodel import problems

address, what = sys.argv[1:3]
REGION = "eu-central-1"
os.environ.update(
    AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="secret", AWS_DEFAULT_REGION=REGION,
    AWS_EC2_METADATA_DISABLED="true")
config = Config(retries={"max_attempts": 1}, parameter_validation=False)
iot = boto3.client("iot", endpoint_url=address, config=config)
data = boto3.client("iot-data", endpoint_url=address, config=config)
sts = boto3.client("sts", endpoint_url=address, config=config)
result = {"contradictions": [], "failures": [], "checks": 0}
called = set()
SESSION = botocore.session.get_session()
MODELS = {name: SESSION.get_service_model(name) for name in ["iot", "iot-data"]}


def compare(http_response, model, **_):
    if http_response.status_code != 200:
        return
    called.add(model.name)
    shape = model.output_shape
    if shape is None or "payload" in shape.serialization:
        return
    result["contradictions"] += [f"{model.name}{p}" for p in problems(shape, json.loads(http_response.content))]


for client in [iot, data]:
    client.meta.events.register("after-call", compare)


def check(condition, text):
    result["checks"] += 1
    if not condition:
        result["failures"].append(str(text))


def error(call, **arguments):
    try:
        call(**arguments)
    except ClientError as raised:
        return raised.response["Error"]["Code"]
    return "none"


def expect(code, call, **arguments):
    found = error(call, **arguments)
    check(found == code, f"{call.__name__} {arguments}: {found}, not {code}")


# MARK: Raw requests


def send(method, path, body=b"", headers=None, service="iot"):
    """A signed request that no client checks; its status and error."""
    request = AWSRequest(method=method, url=address + path, data=body, headers=dict(headers or {}))
    SigV4Auth(Credentials("AKIDEXAMPLE", "secret"), service, REGION).add_auth(request)
    fields = {name: value.encode().decode("latin-1") for name, value in request.headers.items()}
    prepared = urllib.request.Request(address + path, data=body or None, headers=fields, method=method)
    try:
        with urllib.request.urlopen(prepared, timeout=20) as answer:
            return answer.status, "none"
    except urllib.error.HTTPError as raised:
        raised.read()
        return raised.code, raised.headers.get("x-amzn-ErrorType", "")


def serialized(model, operation, params):
    request = create_serializer("rest-json", include_validation=False).serialize_to_request(params, operation)
    path = request["url_path"]
    query = request.get("query_string") or {}
    if query:
        from urllib.parse import urlencode

        path += "?" + urlencode(query)
    body = request.get("body") or b""
    return request["method"], path, body if isinstance(body, bytes) else body.encode(), request.get("headers", {})


def offered(service):
    """The names of the operations that the server has, by asking for each of the model's with nothing but a path."""
    names = []
    for name in MODELS[service].operation_names:
        http = MODELS[service].operation_model(name).http
        path = http["requestUri"].split("?")[0]
        while "{" in path:
            path = path[: path.index("{")] + "nothing" + path[path.index("}") + 1:]
        # A body that isn't JSON stops what would change something.
        status, code = send(http["method"], path, b"{", service=service.replace("-", ""))
        check(status < 500, f"{name}: {status}")
        if code != "UnknownOperationException":
            names.append(name)
        else:
            check(status == 400, f"{name}: {status}")
    return names


# MARK: Every operation

POLICY = json.dumps({
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": f"arn:aws:iot:{REGION}:123456789012:client/*"},
        {"Effect": "Deny", "Action": "iot:Publish", "Resource": f"arn:aws:iot:{REGION}:123456789012:topic/secret"},
        {"Effect": "Allow", "Action": "iot:Publish", "Resource": f"arn:aws:iot:{REGION}:123456789012:topic/*"},
    ],
})
OTHER = POLICY.replace("topic/secret", "topic/other")


def operations():
    folder = os.getcwd()
    check(sts.get_caller_identity()["Account"] == "123456789012", "account")
    check(iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"].startswith("localhost"), "endpoint")
    expect("InvalidRequestException", iot.describe_endpoint, endpointType="iot:Jobs")

    # Types and things
    properties = {"thingTypeDescription": "a truck", "searchableAttributes": ["deviceID"]}
    first = iot.create_thing_type(thingTypeName="truck", thingTypeProperties=properties, tags=[{"Key": "a", "Value": "b"}])
    check(iot.create_thing_type(thingTypeName="truck", thingTypeProperties=properties)["thingTypeId"]
          == first["thingTypeId"], "the same type again")
    expect("ResourceAlreadyExistsException", iot.create_thing_type, thingTypeName="truck")
    check(iot.describe_thing_type(thingTypeName="truck")["thingTypeProperties"] == properties, "properties")
    check([t["thingTypeName"] for t in iot.list_thing_types()["thingTypes"]] == ["truck"], "types")
    iot.update_thing_type(thingTypeName="truck", thingTypeProperties={"searchableAttributes": ["deviceID", "plate"]})
    check(iot.describe_thing_type(thingTypeName="truck")["thingTypeProperties"]["searchableAttributes"]
          == ["deviceID", "plate"], "searchable")
    iot.create_billing_group(billingGroupName="north", billingGroupProperties={"billingGroupDescription": "n"})
    iot.create_thing(thingName="t1", thingTypeName="truck", attributePayload={"attributes": {"deviceID": "T1"}},
                     billingGroupName="north")
    expect("ResourceAlreadyExistsException", iot.create_thing, thingName="t1")
    expect("ResourceNotFoundException", iot.create_thing, thingName="t2", thingTypeName="nothing")
    iot.create_thing(thingName="t2")
    iot.update_thing(thingName="t2", attributePayload={"attributes": {"load": "7.5"}}, expectedVersion=1)
    expect("VersionConflictException", iot.update_thing, thingName="t2", expectedVersion=1)
    expect("VersionConflictException", iot.delete_thing, thingName="t2", expectedVersion=1)
    thing = iot.describe_thing(thingName="t2")
    check((thing["version"], thing["attributes"]) == (2, {"load": "7.5"}), thing)
    check(iot.describe_thing(thingName="t1")["billingGroupName"] == "north", "billing group")
    check([t["thingName"] for t in iot.list_things(attributeName="deviceID", attributeValue="T",
                                                  usePrefixAttributeValue=True)["things"]] == ["t1"], "prefix")
    expect("InvalidRequestException", iot.list_things, nextToken="nothing of ours")

    # Groups
    iot.create_thing_group(thingGroupName="fleet", tags=[{"Key": "owner", "Value": "x"}])
    group = iot.create_thing_group(thingGroupName="south", parentGroupName="fleet")
    iot.update_thing_group(thingGroupName="south", thingGroupProperties={"thingGroupDescription": "s"}, expectedVersion=1)
    check(iot.describe_thing_group(thingGroupName="south")["thingGroupMetadata"]["parentGroupName"] == "fleet", "parent")
    iot.add_thing_to_thing_group(thingGroupArn=group["thingGroupArn"], thingName="t1")
    check(iot.list_things_in_thing_group(thingGroupName="fleet", recursive=True)["things"] == ["t1"], "recursive")
    check(iot.list_things_in_thing_group(thingGroupName="fleet")["things"] == [], "not recursive")
    check(len(iot.list_thing_groups()["thingGroups"]) == 2, "groups")
    check([g["groupName"] for g in iot.list_thing_groups_for_thing(thingName="t1")["thingGroups"]] == ["south"], "of t1")
    iot.update_thing_groups_for_thing(thingName="t2", thingGroupsToAdd=["south", "fleet"], thingGroupsToRemove=["fleet"])
    iot.remove_thing_from_thing_group(thingGroupName="south", thingName="t2")
    iot.describe_billing_group(billingGroupName="north")
    iot.update_billing_group(billingGroupName="north", billingGroupProperties={}, expectedVersion=1)
    iot.add_thing_to_billing_group(billingGroupName="north", thingName="t2")
    check(iot.list_things_in_billing_group(billingGroupName="north")["things"] == ["t1", "t2"], "billed")
    for name in ["t1", "t2"]:
        iot.remove_thing_from_billing_group(billingGroupName="north", thingName=name)
    check(len(iot.list_billing_groups()["billingGroups"]) == 1, "billing groups")
    iot.delete_billing_group(billingGroupName="north")

    # Certificates
    keys = iot.create_keys_and_certificate(setAsActive=True)
    arn, identifier = keys["certificateArn"], keys["certificateId"]
    check(keys["keyPair"]["PrivateKey"].startswith("-----BEGIN RSA PRIVATE KEY-----"), "private key")
    described = iot.describe_certificate(certificateId=identifier)["certificateDescription"]
    check(described["status"] == "ACTIVE" and described["certificatePem"] == keys["certificatePem"], described)
    check(described["validity"]["notBefore"] < described["validity"]["notAfter"], "validity")
    subprocess.run(
        ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
         "-keyout", "request.key", "-out", "request.csr"], check=True, capture_output=True)
    with open("request.csr") as file:
        signed = iot.create_certificate_from_csr(certificateSigningRequest=file.read())
    check(iot.describe_certificate(certificateId=signed["certificateId"])["certificateDescription"]["status"]
          == "INACTIVE", "the default is inactive")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
         "/CN=foreign", "-keyout", "foreign.key", "-out", "foreign.pem"], check=True, capture_output=True)
    with open("foreign.pem") as file:
        foreign = file.read()
    expect("CertificateValidationException", iot.register_certificate, certificatePem=foreign)
    stranger = iot.register_certificate_without_ca(certificatePem=foreign, status="ACTIVE")
    expect("ResourceAlreadyExistsException", iot.register_certificate_without_ca, certificatePem=foreign)
    expect("InvalidRequestException", iot.register_certificate_without_ca, certificatePem="nothing")
    expect("InvalidRequestException", iot.create_certificate_from_csr, certificateSigningRequest="nothing")
    check(len(iot.list_certificates(pageSize=2)["certificates"]) == 2, "a page of certificates")
    check("nextMarker" in iot.list_certificates(pageSize=2), "marker")
    pages = [c["certificateId"] for page in iot.get_paginator("list_certificates").paginate(
        PaginationConfig={"PageSize": 2}) for c in page["certificates"]]
    # The run's truck has one, too.
    check(len(pages) == 4 and {identifier, signed["certificateId"], stranger["certificateId"]} < set(pages), pages)
    iot.update_certificate(certificateId=signed["certificateId"], newStatus="REVOKED")
    expect("InvalidRequestException", iot.update_certificate, certificateId=identifier, newStatus="PENDING_TRANSFER")
    expect("CertificateStateException", iot.delete_certificate, certificateId=stranger["certificateId"])
    iot.delete_certificate(certificateId=signed["certificateId"])
    with open("request.crt", "w") as file:
        file.write(signed["certificatePem"])
    iot.register_certificate(certificatePem=signed["certificatePem"], status="INACTIVE")

    # Policies
    created = iot.create_policy(policyName="p", policyDocument=POLICY)
    check(created["policyVersionId"] == "1" and created["policyDocument"] == POLICY, "policy")
    expect("ResourceAlreadyExistsException", iot.create_policy, policyName="p", policyDocument=POLICY)
    for document in ["{}", "[]", "doc", POLICY.replace("Allow", "Maybe")]:
        expect("MalformedPolicyException", iot.create_policy, policyName="q", policyDocument=document)
    for number in range(2, 6):
        version = iot.create_policy_version(policyName="p", policyDocument=OTHER, setAsDefault=number == 3)
        check(version["policyVersionId"] == str(number), version)
    expect("VersionsLimitExceededException", iot.create_policy_version, policyName="p", policyDocument=OTHER)
    check("p" in [p["policyName"] for p in iot.list_policies()["policies"]], "policies")
    check(iot.get_policy(policyName="p")["policyDocument"] == OTHER, "the default version is in force")
    check(iot.get_policy_version(policyName="p", policyVersionId="1")["policyDocument"] == POLICY, "the first one is kept")
    iot.set_default_policy_version(policyName="p", policyVersionId="1")
    with open("policies/p.json") as file:
        check(file.read() == POLICY, "the file has the default version")
    check([v["versionId"] for v in iot.list_policy_versions(policyName="p")["policyVersions"]
           if v["isDefaultVersion"]] == ["1"], "versions")
    expect("DeleteConflictException", iot.delete_policy_version, policyName="p", policyVersionId="1")
    iot.attach_policy(policyName="p", target=arn)
    iot.attach_policy(policyName="p", target=arn)
    iot.create_policy(policyName="group-policy", policyDocument=OTHER)
    iot.attach_policy(policyName="group-policy", target=group["thingGroupArn"])
    check([p["policyName"] for p in iot.list_attached_policies(target=arn)["policies"]] == ["p"], "attached")
    check(iot.list_targets_for_policy(policyName="p")["targets"] == [arn], "targets")
    iot.attach_principal_policy(policyName="group-policy", principal=arn)
    check(len(iot.list_principal_policies(principal=arn)["policies"]) == 2, "principal's policies")
    check(iot.list_policy_principals(policyName="group-policy")["principals"] == [arn], "policy's principals")
    iot.detach_principal_policy(policyName="group-policy", principal=arn)
    expect("ResourceNotFoundException", iot.attach_policy, policyName="p", target=arn[:-64] + "0" * 64)
    expect("ResourceNotFoundException", iot.attach_policy, policyName="nothing", target=arn)
    iot.attach_thing_principal(thingName="t1", principal=arn)
    check(iot.list_thing_principals(thingName="t1")["principals"] == [arn], "principals")
    check(iot.list_principal_things(principal=arn)["things"] == ["t1"], "things")
    check(iot.list_thing_principals_v2(thingName="t1")["thingPrincipalObjects"][0]["principal"] == arn, "v2")
    check(iot.list_principal_things_v2(principal=arn)["principalThingObjects"][0]["thingName"] == "t1", "v2")
    expect("InvalidRequestException", iot.delete_thing, thingName="t1")
    expect("DeleteConflictException", iot.delete_policy, policyName="p")
    effective = iot.get_effective_policies(principal=arn, thingName="t1")["effectivePolicies"]
    check([p["policyName"] for p in effective] == ["p", "group-policy"], effective)

    # Authorization
    def decisions(**arguments):
        infos = [{"actionType": "PUBLISH", "resources": [f"arn:aws:iot:{REGION}:123456789012:topic/{topic}"]}
                 for topic in ["a", "secret"]]
        infos.append({"actionType": "SUBSCRIBE", "resources": [f"arn:aws:iot:{REGION}:123456789012:topicfilter/a"]})
        answer = iot.test_authorization(principal=arn, authInfos=infos, **arguments)["authResults"]
        return [a["authDecision"] for a in answer]

    check(decisions(clientId="x") == ["ALLOWED", "EXPLICIT_DENY", "IMPLICIT_DENY"], decisions(clientId="x"))
    check(decisions(policyNamesToSkip=["p"]) == ["IMPLICIT_DENY"] * 3, "skipped")
    check(decisions(policyNamesToSkip=["p"], policyNamesToAdd=["group-policy"])
          == ["ALLOWED", "ALLOWED", "IMPLICIT_DENY"], "added")
    check(decisions(clientId="t1", policyNamesToSkip=["p"])[0] == "ALLOWED", "by the group of the thing")

    # Tags
    tagged = group["thingGroupArn"]
    iot.tag_resource(resourceArn=tagged, tags=[{"Key": "a", "Value": "1"}, {"Key": "b"}])
    iot.untag_resource(resourceArn=tagged, tagKeys=["a"])
    check(iot.list_tags_for_resource(resourceArn=tagged)["tags"] == [{"Key": "b", "Value": ""}], "tags")
    check(iot.list_tags_for_resource(resourceArn=first["thingTypeArn"])["tags"] == [{"Key": "a", "Value": "b"}], "tags")
    expect("ResourceNotFoundException", iot.list_tags_for_resource, resourceArn=tagged + "x")

    # Rules
    rule = {"sql": "SELECT *, topic(2) AS t FROM 'truck/+' WHERE temp > 1", "awsIotSqlVersion": "2016-03-23",
            "actions": [{"republish": {"roleArn": "arn:aws:iam::123456789012:role/r", "topic": "copies", "qos": 1}},
                        {"s3": {"roleArn": "arn:aws:iam::123456789012:role/r", "bucketName": "b", "key": "${topic()}"}}],
            "errorAction": {"republish": {"roleArn": "arn:aws:iam::123456789012:role/r", "topic": "errors"}}}
    iot.create_topic_rule(ruleName="copy", topicRulePayload=rule, tags="a=b%20c&d=")
    expect("ResourceAlreadyExistsException", iot.create_topic_rule, ruleName="copy", topicRulePayload=rule)
    expect("SqlParseException", iot.create_topic_rule, ruleName="bad", topicRulePayload={**rule, "sql": "SELEC 1"})
    expect("InvalidRequestException", iot.create_topic_rule, ruleName="bad",
           topicRulePayload={**rule, "actions": [{}]})
    got = iot.get_topic_rule(ruleName="copy")
    check({k: got["rule"].get(k) for k in rule} == rule, got["rule"])
    tags = iot.list_tags_for_resource(resourceArn=got["ruleArn"])["tags"]
    check(tags == [{"Key": "a", "Value": "b c"}, {"Key": "d", "Value": ""}], tags)
    iot.disable_topic_rule(ruleName="copy")
    check(iot.list_topic_rules(ruleDisabled=True)["rules"][0]["topicPattern"] == "truck/+", "disabled")
    iot.enable_topic_rule(ruleName="copy")
    check([r["ruleName"] for r in iot.list_topic_rules(topic="truck/x")["rules"]] == ["copy"], "by topic")
    check(iot.list_topic_rules(topic="other")["rules"] == [], "by another topic")
    iot.replace_topic_rule(ruleName="copy", topicRulePayload={**rule, "description": "new"})
    check(iot.get_topic_rule(ruleName="copy")["rule"]["description"] == "new", "replaced")
    iot.delete_topic_rule(ruleName="copy")
    check(not os.path.exists("rules/copy.json"), "the file is gone")

    # Search
    def found(query, **arguments):
        return [t["thingName"] for t in iot.search_index(queryString=query, **arguments)["things"]]

    for query, names in [
        ("thingName:t*", ["t1", "t2"]), ("thingName:t?", ["t1", "t2"]), ("attributes.load>7", ["t2"]),
        ("attributes.load<=7", []), ("attributes.deviceID:T1", ["t1"]), ("thingTypeName:truck", ["t1"]),
        ("NOT thingTypeName:truck", ["t2"]), ("thingGroupNames:south OR attributes.load:7.5", ["t1", "t2"]),
        ("thingName:t1 attributes.load:7.5", []), ("-thingName:t1", ["t2"]), ('thingName:"t1"', ["t1"]),
    ]:
        check([n for n in found(query) if n != "truckSensor01"] == names, f"{query}: {found(query)}")
    expect("InvalidQueryException", iot.search_index, queryString="(thingName:t1")
    expect("InvalidQueryException", iot.search_index, queryString="(" * 10_000)
    check(iot.search_index(indexName="AWS_ThingGroups", queryString="thingGroupName:s*")["thingGroups"][0]
          ["parentGroupNames"] == ["fleet"], "groups")
    check(iot.list_indices()["indexNames"] == ["AWS_Things", "AWS_ThingGroups"], "indices")
    check(iot.describe_index(indexName="AWS_Things")["indexStatus"] == "ACTIVE", "index")
    iot.get_indexing_configuration()
    iot.update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "OFF"})
    expect("IndexNotReadyException", iot.search_index, queryString="thingName:t1")
    iot.update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "REGISTRY"})

    # Data
    properties = [{"load": "fish"}, {"load": "ice"}]
    data.publish(topic="notes/ä b", qos=1, retain=True, payload=b"\x00\xff", userProperties=properties,
                 contentType="application/x", responseTopic="r", messageExpiry=3600,
                 payloadFormatIndicator="UNSPECIFIED_BYTES", correlationData=base64.b64encode(b"c").decode())
    data.publish(topic="notes/b", qos=1, retain=True, payload=b"1")
    kept = data.get_retained_message(topic="notes/ä b")
    check((kept["payload"], kept["qos"]) == (b"\x00\xff", 1), kept)
    check(json.loads(kept["userProperties"]) == properties, kept)
    topics = [m["topic"] for page in data.get_paginator("list_retained_messages").paginate(
        PaginationConfig={"PageSize": 1}) for m in page["retainedTopics"]]
    check(topics == ["notes/b", "notes/ä b"], topics)
    data.publish(topic="notes/b", qos=1, retain=True, payload=b"")
    expect("ResourceNotFoundException", data.get_retained_message, topic="notes/b")
    for topic in ["a/#", "a/+/b"]:
        expect("InvalidRequestException", data.publish, topic=topic, payload=b"x")
    expect("InvalidRequestException", data.publish, topic="a", payload=b"x", userProperties={"load": 1})
    expect("RequestEntityTooLargeException", data.publish, topic="a", payload=b"x" * 131_073)
    data.publish(topic="a", qos=1, payload=b"x" * 131_072)

    # Shadows
    answer = json.loads(data.update_thing_shadow(thingName="t1", payload=json.dumps(
        {"state": {"desired": {"temp": -18, "fan": {"on": True}}, "reported": {"temp": -17}}, "clientToken": "c"}))
        ["payload"].read())
    check((answer["version"], answer["clientToken"]) == (1, "c"), answer)
    shadow = json.loads(data.get_thing_shadow(thingName="t1")["payload"].read())
    check(shadow["state"]["delta"] == {"temp": -18, "fan": {"on": True}}, shadow)
    check("timestamp" in shadow["metadata"]["desired"]["fan"]["on"], shadow)
    expect("ConflictException", data.update_thing_shadow, thingName="t1", payload='{"state":{},"version":7}')
    for payload in ["", "{", "[]", "{}", '{"state":1}', '{"state":{"other":{}}}', '{"state":{"desired":1}}']:
        expect("InvalidRequestException", data.update_thing_shadow, thingName="t1", payload=payload)
    data.update_thing_shadow(thingName="t1", shadowName="door", payload='{"state":{"reported":{"open":true}}}')
    check(data.list_named_shadows_for_thing(thingName="t1")["results"] == ["door"], "named shadows")
    data.delete_thing_shadow(thingName="t1")
    expect("ResourceNotFoundException", data.get_thing_shadow, thingName="t1")

    # Clean-up
    iot.detach_thing_principal(thingName="t1", principal=arn)
    iot.detach_policy(policyName="p", target=arn)
    for version in range(2, 6):
        iot.delete_policy_version(policyName="p", policyVersionId=str(version))
    iot.delete_policy(policyName="p")
    for name in ["t1", "t2", "nothing"]:
        iot.delete_thing(thingName=name)
    expect("InvalidRequestException", iot.delete_thing_type, thingTypeName="truck")
    iot.deprecate_thing_type(thingTypeName="truck")
    iot.delete_thing_type(thingTypeName="truck")
    expect("InvalidRequestException", iot.delete_thing_group, thingGroupName="fleet")
    for name in ["south", "fleet"]:
        iot.delete_thing_group(thingGroupName=name)
    check(os.path.samefile(folder, os.getcwd()), "folder")

    present = {service: offered(service) for service in MODELS}
    result["offered"] = sum(len(names) for names in present.values())
    result["untested"] = sorted(name for names in present.values() for name in names if name not in called)


# MARK: Bad input

ARN = f"arn:aws:iot:{REGION}:123456789012:cert/{'0' * 64}"
# What the model can't say.
VALID = {
    "policyDocument": POLICY, "target": ARN, "principal": ARN, "resourceArn": ARN, "sql": "SELECT * FROM 'a'",
    "certificateId": "0" * 64, "policyVersionId": "1",
}


def valid(shape, name=""):
    """A value that the shape allows: only what is required."""
    if name in VALID:
        return VALID[name]
    kind = shape.type_name
    if kind == "structure":
        return {n: valid(shape.members[n], n) for n in shape.required_members}
    if kind == "list":
        return [valid(shape.member)] * max(1, shape.metadata.get("min", 0))
    if kind == "map":
        return {}
    if kind == "string":
        return shape.enum[0] if shape.enum else "a" * max(1, shape.metadata.get("min", 1))
    return {"boolean": True, "blob": b"x"}.get(kind, max(1, shape.metadata.get("min", 1)))


def violations(shape, name=""):
    """Values that the shape forbids, with the reason."""
    kind = shape.type_name
    limits = shape.metadata
    if kind == "string":
        if limits.get("min", 0) > 1:
            yield "a" * (limits["min"] - 1), "too short"
        if "max" in limits and limits["max"] < 100_000:
            yield "a" * (limits["max"] + 1), "too long"
        if shape.enum:
            yield "NOTHING", "no word of the enumeration"
        pattern = limits.get("pattern", "")
        if pattern and "\\s\\S" not in pattern and "Graph" not in pattern:
            yield "€" * max(1, limits.get("min", 1)), "another pattern"
        if "Graph" in pattern:
            yield "a\tb", "another pattern"
    elif kind in ("integer", "long"):
        if "min" in limits:
            yield limits["min"] - 1, "too small"
        if "max" in limits:
            yield limits["max"] + 1, "too large"
    elif kind == "list":
        if limits.get("min", 0) > 0:
            yield [], "too few"
        if "max" in limits:
            yield [valid(shape.member)] * (limits["max"] + 1), "too many"
        for value, reason in violations(shape.member):
            yield [value], reason
    elif kind == "map":
        for value, reason in violations(shape.value):
            yield {"a": value}, reason
        for key, reason in violations(shape.key):
            yield {key: valid(shape.value)}, f"key {reason}"
    elif kind == "structure":
        for member in shape.required_members:
            yield {n: valid(shape.members[n], n) for n in shape.required_members if n != member}, f"without {member}"
        for member, inner in shape.members.items():
            for value, reason in violations(inner, member):
                yield {**valid(shape), member: value}, f"{member} {reason}"


WRONG = {"string": [1, True, [], {}], "integer": ["x", 1.5, True, []], "long": ["x", 1.5, True, []],
         "boolean": ["x", 1, []], "list": [1, "x", {}], "map": [1, "x", []], "structure": [1, "x", []]}
# The members of a rule's actions are those of 24 services; what isn't run here isn't checked.
UNCHECKED = {"Action"}


def wrong(shape):
    """Values of other JSON types, at every depth."""
    if shape.name in UNCHECKED:
        return
    for value in WRONG.get(shape.type_name, []):
        yield value
    if shape.type_name == "list":
        for value in wrong(shape.member):
            yield [value]
    elif shape.type_name == "map":
        for value in wrong(shape.value):
            yield {"a": value}
    elif shape.type_name == "structure":
        for name, member in shape.members.items():
            for value in wrong(member):
                yield {**valid(shape), name: value}


def invalid():
    count = 0
    for service in MODELS:
        for name in offered(service):
            model = MODELS[service].operation_model(name)
            shape = model.input_shape
            if shape is None:
                continue
            good = valid(shape)
            cases = []
            for member, inner in shape.members.items():
                location = inner.serialization.get("location", "body")
                if inner.type_name == "blob":
                    continue
                required = member in shape.required_members
                if required and location != "uri":
                    cases.append(({k: v for k, v in good.items() if k != member}, f"without {member}"))
                if inner.name not in UNCHECKED and member != "topicRulePayload":
                    cases += [({**good, member: v}, f"{member} {reason}") for v, reason in violations(inner, member)]
                if location == "body":
                    cases += [({**good, member: v}, f"{member} = {json.dumps(v)[:60]}") for v in wrong(inner)]
                elif inner.type_name in ("integer", "long", "boolean"):
                    cases.append(({**good, member: "x"}, f"{member} of another type"))
            for params, reason in cases:
                # botocore would make the right type of a wrong one: the body is written here.
                inside = {k: v for k, v in params.items() if "location" not in shape.members[k].serialization
                          and shape.members[k].type_name != "blob"}
                outside = {k: v for k, v in params.items() if k not in inside}
                method, path, body, headers = serialized(
                    MODELS[service], model, outside | {k: v for k, v in good.items() if k in inside})
                if inside:
                    payload = shape.serialization.get("payload")
                    body = json.dumps(inside[payload] if payload else inside).encode()
                status, code = send(method, path, body, headers, service.replace("-", ""))
                count += 1
                check(status == 400 and code in ("InvalidRequestException", "SqlParseException"),
                      f"{name}: {reason}: {status} {code}")
            if model.input_shape and any(
                    m.serialization.get("location") is None and m.type_name != "blob" for m in shape.members.values()):
                method, path, _, headers = serialized(MODELS[service], model, good)
                for body in [b"{", b"[]", b"1", b"\xff", b'{"a":1,"a":1}', b"[" * 100_000, b"nul"]:
                    status, code = send(method, path, body, headers, service.replace("-", ""))
                    count += 1
                    check(status == 400 and code == "InvalidRequestException", f"{name} with {body[:10]}: {status} {code}")
    result["cases"] = count
    check([t["thingName"] for t in iot.list_things()["things"]] == ["truckSensor01"], "nothing was made")


# MARK: Devices


class Device:
    """awsiotsdk with a certificate and key as texts."""

    def __init__(self, port, name, certificate, key):
        from awsiot import mqtt_connection_builder

        self.connection = mqtt_connection_builder.mtls_from_bytes(
            endpoint="localhost", port=port, client_id=name, clean_session=True, ca_filepath="data/ca/root-CA.crt",
            cert_bytes=certificate.encode(), pri_key_bytes=key.encode())

    def connects(self):
        try:
            self.connection.connect().result(10)
            return True
        except Exception:
            return False

    def publishes(self, topic, payload):
        from awscrt import mqtt

        try:
            future, _ = self.connection.publish(topic, payload, mqtt.QoS.AT_LEAST_ONCE)
            future.result(3)
            return True
        except Exception:
            return False

    def disconnect(self):
        try:
            self.connection.disconnect().result(10)
        except Exception:
            pass


def within_a_second(condition):
    deadline = time.monotonic() + 1
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def devices():
    port = int(sys.argv[3])
    keys = iot.create_keys_and_certificate(setAsActive=True)
    arn, pem, key = keys["certificateArn"], keys["certificatePem"], keys["keyPair"]["PrivateKey"]
    iot.create_thing(thingName="sdk1")
    iot.create_policy(policyName="devices", policyDocument=POLICY)

    def connects(name="sdk1"):
        device = Device(port, name, pem, key)
        success = device.connects()
        device.disconnect()
        return success

    check(not connects(), "without a policy")
    iot.attach_policy(policyName="devices", target=arn)
    iot.attach_thing_principal(thingName="sdk1", principal=arn)
    check(within_a_second(connects), "with a policy")
    iot.update_certificate(certificateId=keys["certificateId"], newStatus="INACTIVE")
    time.sleep(1)
    check(not connects(), "inactive")
    iot.update_certificate(certificateId=keys["certificateId"], newStatus="ACTIVE")
    iot.detach_policy(policyName="devices", target=arn)
    time.sleep(1)
    check(not connects(), "detached")
    # By its thing's group
    group = iot.create_thing_group(thingGroupName="all")["thingGroupArn"]
    iot.attach_policy(policyName="devices", target=group)
    iot.add_thing_to_thing_group(thingName="sdk1", thingGroupName="all")
    check(within_a_second(connects), "by the group")
    device = Device(port, "sdk1", pem, key)
    check(device.connects() and device.publishes("truck/a", b"1"), "publishes")
    device.disconnect()
    device = Device(port, "sdk1", pem, key)
    check(device.connects() and not device.publishes("secret", b"1"), "publishes what the policy denies")
    device.disconnect()
    # The device's own key
    subprocess.run(
        ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
         "-keyout", "own.key", "-out", "own.csr"], check=True, capture_output=True)
    with open("own.csr") as request, open("own.key") as own:
        signed = iot.create_certificate_from_csr(certificateSigningRequest=request.read(), setAsActive=True)
        pem, key = signed["certificatePem"], own.read()
    iot.attach_policy(policyName="devices", target=signed["certificateArn"])
    check(within_a_second(lambda: connects("anybody")), "with its own key, and as another client")
    # A rule runs at once, over what is published by HTTP, too, under the caller's name.
    iot.create_topic_rule(ruleName="echo", topicRulePayload={
        "sql": "SELECT clientid() AS client, get_user_properties('load') AS load, * FROM 'in/+'",
        "awsIotSqlVersion": "2016-03-23",
        "actions": [{"republish": {"roleArn": "arn:aws:iam::123456789012:role/r", "topic": "out", "qos": 1}}]})
    from awscrt import mqtt

    iot.create_policy(policyName="reader", policyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}))
    iot.attach_policy(policyName="reader", target=signed["certificateArn"])
    received = []
    reader = Device(port, "reader", pem, key)
    check(within_a_second(lambda: connects("reader")), "reader")
    check(reader.connects(), "reader")

    def subscribes():
        future, _ = reader.connection.subscribe(
            "out", mqtt.QoS.AT_LEAST_ONCE, lambda topic, payload, **_: received.append(json.loads(payload)))
        try:
            return future.result(5)["qos"] is not None
        except Exception:
            return False

    check(within_a_second(subscribes), "subscribes")
    deadline = time.monotonic() + 5
    while not received and time.monotonic() < deadline:
        data.publish(topic="in/x", qos=1, payload=b'{"temp": 1}', userProperties=[{"load": "fish"}])
        time.sleep(0.2)
    check(received and received[0] == {"client": "AKIDEXAMPLE", "load": ["fish"], "temp": 1}, received[:1])
    reader.disconnect()


def walkthrough():
    """The way of docs/aws-clients.md, by boto3 and AWS's device SDK."""
    port = int(sys.argv[3])
    repository = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with open(f"{repository}/policies/truckSensor-policy.json") as policy, \
            open(f"{repository}/rules/truckAnalyze.json") as rule:
        policy, rule = policy.read(), json.load(rule)
    iot.create_thing_type(thingTypeName="sensor_DoorAndTemp",
                          thingTypeProperties={"searchableAttributes": ["deviceID"]})
    iot.create_thing(thingName="truckSensor02", thingTypeName="sensor_DoorAndTemp",
                     attributePayload={"attributes": {"deviceID": "T002"}})
    keys = iot.create_keys_and_certificate(setAsActive=True)
    iot.create_policy(policyName="truck02", policyDocument=policy)
    iot.attach_policy(policyName="truck02", target=keys["certificateArn"])
    iot.attach_thing_principal(thingName="truckSensor02", principal=keys["certificateArn"])
    iot.create_topic_rule(ruleName="truckAnalyze", topicRulePayload=rule)
    check(iot.get_topic_rule(ruleName="truckAnalyze")["rule"]["actions"] == rule["actions"], "actions")
    time.sleep(2)
    device = Device(port, "truckSensor02", keys["certificatePem"], keys["keyPair"]["PrivateKey"])
    check(device.connects(), "connects")
    reading = {"temp": "-18.50", "volts": "12.1", "door": "0", "timestamp": int(time.time())}
    check(device.publishes("truck/freezer", json.dumps(reading).encode()), "publishes")
    device.disconnect()
    query = boto3.client("timestream-query", endpoint_url=address, config=config)
    statement = ("SELECT measure_value::double FROM sensorDB.truck01_sensors WHERE measure_name = 'temp' "
                 "AND device = 'truckSensor02'")

    def stored():
        try:
            return [row["Data"][0].get("ScalarValue") for row in query.query(QueryString=statement)["Rows"]]
        except ClientError:
            return []

    deadline = time.monotonic() + 5
    while not stored() and time.monotonic() < deadline:
        time.sleep(0.1)
    check(stored() == ["-18.5"], stored())


def signatures():
    """With data/aws-credentials, whose key is AKIDEXAMPLE and whose secret is 'secret'."""
    check(error(iot.create_thing, thingName="a:b_c-d", attributePayload={"attributes": {"k": "v"}}) == "none", "right")
    check(error(iot.list_things, attributeName="a/b:c,d@e#f", maxResults=3) == "none", "a query with many characters")
    arn = iot.create_thing_group(thingGroupName="g:1")["thingGroupArn"]
    check(error(iot.list_attached_policies, target=arn) == "none", "a path with an ARN")
    check(error(iot.list_tags_for_resource, resourceArn=arn) == "none", "a query with an ARN")
    check(error(data.publish, topic="a/b c/ü%", payload=b"x") == "InternalFailureException", "no broker, but signed")
    wrong = boto3.client("iot", endpoint_url=address, config=config, aws_secret_access_key="other",
                         aws_access_key_id="AKIDEXAMPLE")
    expect("InvalidSignatureException", wrong.list_things)
    stranger = boto3.client("iot", endpoint_url=address, config=config, aws_secret_access_key="secret",
                            aws_access_key_id="other")
    expect("UnrecognizedClientException", stranger.list_things)
    late = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - datetime.timedelta(minutes=6)
    check(send("GET", "/things") == (200, "none"), "signed now")
    botocore.auth.get_current_datetime = lambda *_, **__: late
    check(send("GET", "/things") == (403, "InvalidSignatureException"), "signed six minutes ago")


def writers():
    """Eight clients at once: nothing is lost, and of those that expect the same version one wins."""
    clients = [boto3.client("iot", endpoint_url=address, config=config) for _ in range(8)]
    iot.create_thing(thingName="contended")
    outcomes, lock = [], threading.Lock()

    def work(number):
        for index in range(10):
            clients[number].create_thing(thingName=f"w{number}-{index}")
        outcome = error(clients[number].update_thing, thingName="contended", expectedVersion=1,
                        attributePayload={"attributes": {"winner": str(number)}})
        created = error(clients[number].create_policy, policyName="contended", policyDocument=POLICY)
        with lock:
            outcomes.append((outcome, created))

    threads = [threading.Thread(target=work, args=[n]) for n in range(8)]
    for thread in threads:
        thread.start()
    for index in range(5):
        subprocess.run([os.environ["TRUCKSENSOR"], "provision", "thing", "create", f"cli{index}"], check=True,
                       capture_output=True)
    for thread in threads:
        thread.join()
    names = [t["thingName"] for page in iot.get_paginator("list_things").paginate() for t in page["things"]]
    check(len(names) == len(set(names)) == 87, len(names))
    check(sorted(o for o, _ in outcomes) == ["VersionConflictException"] * 7 + ["none"], outcomes)
    check(sorted(c for _, c in outcomes) == ["ResourceAlreadyExistsException"] * 7 + ["none"], outcomes)


{"operations": operations, "invalid": invalid, "devices": devices, "writers": writers, "walkthrough": walkthrough,
 "signatures": signatures}[what]()
result["failures"] = result["failures"][:int(os.environ.get("SHOWN", 40))]
print(json.dumps(result))
