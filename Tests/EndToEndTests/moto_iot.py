"""Makes what deploy/aws/template.yaml describes by AWS's API calls, against moto's server (an emulation of AWS, not AWS).

Arguments: the server's address, the repository. Prints one line for each thing that was read back.
"""

import json
import sys

import boto3

address, repository = sys.argv[1:]
iot = boto3.client(
    "iot", endpoint_url=address, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
)
with open(f"{repository}/policies/truckSensor-policy.json") as file:
    policy = file.read()
with open(f"{repository}/rules/truckAnalyze.json") as file:
    rule = json.load(file)

iot.create_thing_type(
    thingTypeName="sensor_DoorAndTemp", thingTypeProperties={"searchableAttributes": ["deviceID"]}
)
iot.create_thing(
    thingName="truckSensor01",
    thingTypeName="sensor_DoorAndTemp",
    attributePayload={"attributes": {"deviceID": "T001"}},
)
keys = iot.create_keys_and_certificate(setAsActive=True)
iot.create_policy(policyName="truckSensor-policy", policyDocument=policy)
iot.attach_policy(policyName="truckSensor-policy", target=keys["certificateArn"])
iot.attach_thing_principal(thingName="truckSensor01", principal=keys["certificateArn"])
iot.create_topic_rule(ruleName="truckAnalyze", topicRulePayload=rule)

thing = iot.describe_thing(thingName="truckSensor01")
print("thing", thing["thingTypeName"], thing["attributes"]["deviceID"])
print("keys", "PRIVATE KEY" in keys["keyPair"]["PrivateKey"])
print("policy", iot.get_policy(policyName="truckSensor-policy")["policyDocument"] == policy)
print("principals", iot.list_thing_principals(thingName="truckSensor01")["principals"] == [keys["certificateArn"]])
print("rule", iot.get_topic_rule(ruleName="truckAnalyze")["rule"]["sql"] == rule["sql"])
