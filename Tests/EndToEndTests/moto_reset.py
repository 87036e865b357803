"""A pytest plugin: begins each of moto's tests with an empty cloud, as moto's own server does at /moto-api/reset.

TRUCKSENSOR_FOLDER is the folder in which 'trucksensor aws' runs. Every request reads the files again.
"""

import os
import shutil

import boto3
import botocore.client
import pytest

FOLDER = os.environ["TRUCKSENSOR_FOLDER"]


def clear():
    for name in ["data/registry.json", "policies", "rules", "data/certificates", "data/shadows"]:
        path = os.path.join(FOLDER, name)
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.exists(path):
            os.remove(path)
    if os.environ.get("TRUCKSENSOR_HAS_WRITE"):
        clear_databases()


def clear_databases():
    client = boto3.client(
        "timestream-write",
        region_name="us-east-1",
        endpoint_url=os.environ["TEST_SERVER_MODE_ENDPOINT"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    for database in client.list_databases(MaxResults=20)["Databases"]:
        name = database["DatabaseName"]
        for table in client.list_tables(DatabaseName=name, MaxResults=20)["Tables"]:
            client.delete_table(DatabaseName=name, TableName=table["TableName"])
        client.delete_database(DatabaseName=name)


# One test of timestream-write makes the bucket that a table's property names; the bucket itself doesn't matter.
make_api_call = botocore.client.BaseClient._make_api_call


def without_s3(client, operation, arguments):
    if client.meta.service_model.service_name == "s3":
        return {}
    return make_api_call(client, operation, arguments)


botocore.client.BaseClient._make_api_call = without_s3


@pytest.fixture(autouse=True)
def empty_cloud():
    clear()
    yield
