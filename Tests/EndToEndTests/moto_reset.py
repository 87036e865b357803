"""A pytest plugin: begins each of moto's tests with an empty cloud, as moto's own server does at /moto-api/reset.

TRUCKSENSOR_FOLDER is the folder in which 'trucksensor aws' runs. Every request reads the files again.
"""

import os
import shutil

import boto3
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


@pytest.fixture(autouse=True)
def empty_cloud():
    clear()
    yield
