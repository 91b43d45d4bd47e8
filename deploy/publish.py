"""What a lake needs after its resources: the code just built, the views of SQL, a model."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deploy import gaps
from deploy.engine import Say
from deploy.errors import DeployError
from deploy.names import Names
from deploy.views import in_order
from ml.registry import POINTER, Registry, RegistryError, current_version, open_registry, publish
from petrostream.aws.athena import run_sql
from petrostream.aws.clients import client
from petrostream.errors import PetroStreamError
from toolchain.package import Package, PackageError, Target, build
from toolchain.paths import ROOT

VIEWS = ROOT / "sql" / "views"
MODELS = ROOT / "build" / "models"
_WAIT = {"Delay": 2, "MaxAttempts": 60}


def packages(names: Names) -> Mapping[str, Package]:
    """Build the function packages for this place, by the name of the package.

    Raises:
        DeployError: one cannot be built.
    """
    try:
        return build(Target.twin if names.place.twin else Target.aws)
    except PackageError as error:
        raise DeployError(
            str(error), "Check the network; python -m toolchain.package --clean starts afresh."
        ) from error


def running_code(names: Names) -> Mapping[str, str | None]:
    """SHA-256 of the code each function runs, by the name of its package; None where there is no function.

    Raises:
        DeployError: Lambda does not answer.
    """
    found: dict[str, str | None] = {}
    for package, function in names.functions.items():
        try:
            answer = client("lambda").get_function_configuration(FunctionName=function)
            found[package] = base64.b64decode(answer["CodeSha256"]).hex()
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise DeployError(f"Lambda could not describe {function}: {error}") from error
            found[package] = None
    return found


def ensure_code(names: Names, built: Mapping[str, Package], say: Say) -> None:
    """See that every function runs the code just built.

    After a rollback, or a change by hand, a tool that compares definitions with definitions sees no change
    and leaves the old code running; its digest tells.

    Raises:
        DeployError: Lambda refuses the code.
    """
    running = running_code(names)
    for package, function in names.functions.items():
        if running[package] != built[package].sha256:
            say(f"{function} runs other code than was built: updating it …")
            set_code(function, ZipFile=built[package].path.read_bytes())


def set_code(function: str, **code: object) -> None:
    """Give a function its code and wait until it runs it.

    Args:
        function: name.
        code: `ZipFile`, or `S3Bucket` and `S3Key`.

    Raises:
        DeployError: Lambda refuses it, or is not ready in two minutes.
    """
    functions: Any = client("lambda")
    try:
        functions.update_function_code(FunctionName=function, **code)
        functions.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig=_WAIT)
    except (BotoCoreError, ClientError) as error:
        raise DeployError(
            f"{function} did not take its code: {error}", "Run the same command again."
        ) from error


def apply_views(names: Names, say: Say, folder: Path = VIEWS) -> list[str]:
    """Create or replace the views of sql/views, each after those it reads.

    Returns:
        Their names; none on the emulator.

    Raises:
        DeployError: Athena refuses one, or the views have no order.
    """
    if names.place.twin:
        say(gaps.left_out("views"))
        return []
    lake = names.settings.lake
    applied = []
    for path in in_order(folder):
        try:
            run_sql(path.read_text(encoding="utf-8"), database=lake.database, workgroup=lake.workgroup)
        except PetroStreamError as error:
            raise DeployError(f"The view of {path.name} was not created: {error}") from error
        applied.append(path.stem)
    say(f"Views: {', '.join(applied)}")
    return applied


def publish_model(names: Names, say: Say, folder: Path = MODELS) -> str | None:
    """Publish the newest trained model, if there is one.

    Returns:
        The version that is live now; None where there is none at all.

    Raises:
        DeployError: the registry or the folder does not allow it.
    """
    registry = open_registry(f"s3://{names.bucket('artifacts')}")
    try:
        if (folder / POINTER).is_file():
            version = publish(folder, registry)
            say(f"Model version {version} is live.")
            return version
        return _as_it_is(registry, folder, say)
    except (RegistryError, OSError, BotoCoreError, ClientError) as error:
        raise DeployError(f"The model was not published: {error}") from error


def _as_it_is(registry: Registry, folder: Path, say: Say) -> str | None:
    version = current_version(registry)
    shown = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    if version is None:
        say(f"No model in {shown}: readings are stored without a score until there is one. To publish one:")
        say(f"  make train && python -m ml.registry publish {shown} --to s3://<ArtifactsBucket>")
    else:
        say(f"No model in {shown}: version {version} stays live.")
    return version
