"""What was dropped or changed in the twin's catalogue is put back as it was deployed."""

import copy

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from local import catalogue
from toolchain.errors import ToolError
from toolchain.twin import Twin

READINGS = {
    "Name": "scored_readings",
    "StorageDescriptor": {"Columns": [{"Name": "ts", "Type": "timestamp"}], "Location": "s3://b/x/"},
    "PartitionKeys": [{"Name": "date", "Type": "date"}],
    "Parameters": {"projection.enabled": "true"},
}
ALARMS = {**READINGS, "Name": "alarms"}


def refused(code, operation):
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


class Glue:
    """Tables of one database, described with what Glue adds."""

    def __init__(self, *tables):
        self.tables = {table["Name"]: copy.deepcopy(table) for table in tables}
        self.database = True
        self.error = None

    def get_paginator(self, _):
        return self

    def paginate(self, **_):
        if self.error:
            raise self.error
        if not self.database:
            raise refused("EntityNotFoundException", "GetTables")
        listed = [
            {**table, "CreateTime": "now", "DatabaseName": "petrostream"} for table in self.tables.values()
        ]
        return [{"TableList": listed[:1]}, {"TableList": listed[1:]}]

    def create_database(self, **_):
        if self.database:
            raise refused("AlreadyExistsException", "CreateDatabase")
        self.database = True

    def create_table(self, TableInput, **_):  # noqa: N803
        assert self.database
        assert TableInput["Name"] not in self.tables
        assert "Owner" not in TableInput
        self.tables[TableInput["Name"]] = TableInput

    def update_table(self, TableInput, **_):  # noqa: N803
        assert TableInput["Name"] in self.tables
        self.tables[TableInput["Name"]] = TableInput


@pytest.fixture
def deployed(tmp_path):
    target, glue = Twin(4650, tmp_path), Glue(READINGS, ALARMS)
    catalogue.remember(target, glue)
    return target, glue


def test_an_unchanged_catalogue_is_left_alone(deployed):
    target, glue = deployed
    glue.tables["mine"] = {"Name": "mine"}
    assert catalogue.repair(target, print, glue) == []
    assert set(glue.tables) == {"scored_readings", "alarms", "mine"}


def test_a_dropped_and_a_changed_table_are_put_back_and_named(deployed):
    target, glue = deployed
    del glue.tables["scored_readings"]
    glue.tables["alarms"]["StorageDescriptor"]["Columns"].append({"Name": "x", "Type": "int"})
    said = []
    assert catalogue.repair(target, said.append, glue) == ["alarms", "scored_readings"]
    assert glue.tables == {"scored_readings": READINGS, "alarms": ALARMS}
    assert "alarms had changed" in said[0]
    assert "scored_readings was missing" in said[1]
    assert catalogue.repair(target, said.append, glue) == []


def test_a_dropped_database_comes_back_with_its_tables(deployed):
    target, glue = deployed
    glue.tables.clear()
    glue.database = False
    assert catalogue.repair(target, lambda _: None, glue) == ["alarms", "scored_readings"]


def test_before_the_first_deployment_there_is_nothing_to_repair(tmp_path):
    assert catalogue.repair(Twin(4650, tmp_path), print, Glue()) == []


def test_a_deployment_older_than_the_record_is_recorded(tmp_path):
    target, glue = Twin(4650, tmp_path), Glue(READINGS)
    target.outputs.parent.mkdir(parents=True, exist_ok=True)
    target.outputs.write_text("{}")
    assert catalogue.repair(target, print, glue) == []
    glue.tables.clear()
    assert catalogue.repair(target, lambda _: None, glue) == ["scored_readings"]


def test_an_absent_glue_is_named(deployed):
    target, glue = deployed
    glue.error = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
    with pytest.raises(ToolError, match="Glue does not answer"):
        catalogue.repair(target, print, glue)
