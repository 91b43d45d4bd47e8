"""What a lake needs besides its resources: the code just built, and the SQL views."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batch.catalogue import Catalogue, gold_dates
from batch.views import GoldDates, with_dates
from deploy.names import Names
from deploy.output import Output
from deploy.views import in_order
from petrostream.aws.athena import run_sql
from petrostream.aws.clients import client
from petrostream.errors import PetroStreamError
from toolchain.commands import Say
from toolchain.errors import ToolError
from toolchain.package import Package, Target, build
from toolchain.paths import VIEWS

_WAIT = {"Delay": 2, "MaxAttempts": 60}


def packages(names: Names) -> Mapping[str, Package]:
    """Build the function packages for this place, by the name of the package.

    Raises:
        ToolError: one cannot be built.
    """
    return build(Target.twin if names.place.twin else Target.aws)


def running_code(names: Names) -> Mapping[str, str | None]:
    """SHA-256 of the code each function runs, by the name of its package; None if there is no function.

    Raises:
        ToolError: Lambda does not answer.
    """
    found: dict[str, str | None] = {}
    for package, function in names.functions.items():
        try:
            answer = client("lambda").get_function_configuration(FunctionName=function)
            found[package] = base64.b64decode(answer["CodeSha256"]).hex()
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise ToolError(f"Lambda could not describe {function}: {error}") from error
            found[package] = None
    return found


def ensure_code(names: Names, built: Mapping[str, Package], say: Say) -> None:
    """Make every function run the code just built.

    After a rollback or a manual change, a tool that compares definitions sees no difference and leaves the
    old code running; the digest of the code shows it.

    Raises:
        ToolError: Lambda refuses the code.
    """
    running = running_code(names)
    for package, function in names.functions.items():
        if running[package] != built[package].sha256:
            say(f"{function} runs other code than the package just built: updating it …")
            set_code(function, ZipFile=built[package].path.read_bytes())


def set_code(function: str, **code: object) -> None:
    """Set a function's code and wait until it runs.

    Args:
        function: name.
        code: `ZipFile`, or `S3Bucket` and `S3Key`.

    Raises:
        ToolError: Lambda refuses it, or is not ready within two minutes.
    """
    functions: Any = client("lambda")
    try:
        functions.update_function_code(FunctionName=function, **code)
        functions.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig=_WAIT)
    except (BotoCoreError, ClientError) as error:
        raise ToolError(
            f"The code of {function} could not be updated: {error}", "Run the same command again."
        ) from error


def apply_views(names: Names, output: Output, folder: Path = VIEWS) -> list[str]:
    """Create or replace the views of sql/views, each after those it reads.

    Returns:
        Their names; none on the emulator.

    Raises:
        ToolError: Athena refuses one, or the views have no order.
    """
    if names.place.twin:
        output.left_out("views")
        return []
    lake = names.settings.lake
    applied = []
    dates = _dates_in_gold(lake.database)
    for path in in_order(folder):
        try:
            text = with_dates(path.read_text(encoding="utf-8"), dates)
            run_sql(text, database=lake.database, workgroup=lake.workgroup)
        except PetroStreamError as error:
            raise ToolError(f"The view of {path.name} was not created: {error}") from error
        applied.append(path.stem)
    output.say(f"Views: {', '.join(applied)}")
    return applied


def _dates_in_gold(database: str) -> GoldDates:
    """Dates that the views go on reading from gold."""
    try:
        return gold_dates(Catalogue(client("glue"), database))
    except (BotoCoreError, ClientError) as error:
        raise ToolError(
            f"Glue could not list the days in gold: {error}", "Run the same command again."
        ) from error
