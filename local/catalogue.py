"""The tables of the twin's catalogue as they were deployed: `up` puts back what was dropped or changed since.

Neither the CDK nor the emulator notices a table that was deleted through Glue: the definition has not
changed, so there is nothing to deploy. Rows that arrive meanwhile end under `errors/`; `python -m ops
redeliver` sends them again.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from petrostream.aws.athena import DATABASE
from petrostream.aws.clients import client
from toolchain.commands import Say
from toolchain.errors import ToolError
from toolchain.twin import Twin

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient


# What defines a table; the rest of Glue's description is when and by whom it was written.
_DEFINITION = (
    "Name",
    "Description",
    "Owner",
    "Retention",
    "StorageDescriptor",
    "PartitionKeys",
    "TableType",
    "Parameters",
)

GlueTables = dict[str, dict[str, Any]]


def remember(target: Twin, glue: "GlueClient | None" = None) -> None:
    """Write down the tables as a deployment left them.

    Raises:
        ToolError: Glue does not answer.
    """
    tables = _tables(glue or client("glue"))
    target.catalogue.write_text(json.dumps(tables, indent=1, sort_keys=True), encoding="utf-8")


def repair(target: Twin, say: Say, glue: "GlueClient | None" = None) -> list[str]:
    """Put back every table that is missing or differs from what was deployed.

    Args:
        target: the twin, whose tables `remember` wrote down.
        say: prints what was repaired.
        glue: a client; the process's own when left out.

    Returns:
        Names of the tables put back. Tables that nobody deployed stay as they are.

    Raises:
        ToolError: Glue does not answer, or refuses a table.
    """
    if not (target.outputs.exists() or target.catalogue.exists()):
        return []  # nothing has been deployed
    service, deployed = glue or client("glue"), _remembered(target)
    found = _tables(service)
    if not deployed and found:
        remember(target, service)  # of a deployment older than this file
    drifted = [name for name, definition in sorted(deployed.items()) if found.get(name) != definition]
    for name in drifted:
        what = "was missing" if name not in found else "had changed"
        _put(service, deployed[name], exists=name in found)
        say(f"Table {name} {what}: put back as deployed. Rows that could not land: python -m ops redeliver")
    return drifted


def _remembered(target: Twin) -> GlueTables:
    try:
        document = json.loads(target.catalogue.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(document, dict):
        return {}
    return {name: _definition(table) for name, table in document.items()}


def _tables(glue: "GlueClient") -> GlueTables:
    try:
        pages = glue.get_paginator("get_tables").paginate(DatabaseName=DATABASE)
        return {table["Name"]: _definition(table) for page in pages for table in page["TableList"]}
    except ClientError as error:
        if error.response["Error"]["Code"] == "EntityNotFoundException":
            return {}
        raise ToolError(f"Glue could not list the tables of {DATABASE}: {error}") from error
    except BotoCoreError as error:
        raise ToolError(f"Glue does not answer: {error}", "Is the twin running? ./project_up.sh") from error


def _definition(table: Mapping[str, Any]) -> dict[str, Any]:
    # The emulator describes an owner that nobody named as an empty text, which Glue refuses.
    return {key: table[key] for key in _DEFINITION if table.get(key) not in (None, "")}


def _put(glue: "GlueClient", definition: Mapping[str, Any], *, exists: bool) -> None:
    table: Any = definition
    try:
        if exists:
            glue.update_table(DatabaseName=DATABASE, TableInput=table)
            return
        _ensure_database(glue)
        glue.create_table(DatabaseName=DATABASE, TableInput=table)
    except (BotoCoreError, ClientError) as error:
        raise ToolError(
            f"Table {definition['Name']} could not be put back: {error}",
            "python -m local down --purge and ./project_up.sh start afresh, without the data.",
        ) from error


def _ensure_database(glue: "GlueClient") -> None:
    try:
        glue.create_database(DatabaseInput={"Name": DATABASE})
    except ClientError as error:
        if error.response["Error"]["Code"] != "AlreadyExistsException":
            raise
