"""Publish trained models to a lake that is deployed."""

from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from deploy.names import Names
from ml.registry import Registry, RegistryError, current_version, open_registry, publish
from petrostream.aws.model_registry import POINTER
from toolchain.commands import Say
from toolchain.errors import ToolError
from toolchain.paths import ROOT

MODELS = ROOT / "build" / "models"


def publish_model(names: Names, say: Say, folder: Path = MODELS) -> str | None:
    """Publish the newest trained model, if there is one.

    Returns:
        The version that is live now; None if there is none at all.

    Raises:
        ToolError: the registry or the folder does not allow it.
    """
    registry = open_registry(f"s3://{names.bucket('artifacts')}")
    try:
        if (folder / POINTER).is_file():
            version = publish(folder, registry)
            say(f"Model version {version} is live.")
            return version
        return _left_alone(registry, folder, say)
    except (RegistryError, OSError, BotoCoreError, ClientError) as error:
        raise ToolError(f"The model was not published: {error}") from error


def _left_alone(registry: Registry, folder: Path, say: Say) -> str | None:
    version = current_version(registry)
    shown = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    if version is None:
        say(f"No model in {shown}: readings are stored without a score until there is one. To publish one:")
        say(f"  make train && python -m ml.registry publish {shown} --to s3://<ArtifactsBucket>")
    else:
        say(f"No model in {shown}: version {version} stays live.")
    return version
