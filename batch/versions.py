"""The model version that a job scores with."""

from collections.abc import Mapping
from typing import Any

from batch.jobs import RequestInvalid
from ml.registry import Registry, RegistryError, check_version, current_version


def chosen_version(options: Mapping[str, Any], registry: Registry) -> str:
    """The version that a request names in `model`, or the live one.

    Raises:
        RequestInvalid: it names none and none is live, its name can't be a version's, or the pointer can't be
            read.
    """
    asked = options.get("model")
    try:
        asked = asked or current_version(registry)
        if not asked:
            raise RequestInvalid("model", None, "no version is live; name one, or publish one first")
        return check_version(str(asked))
    except RegistryError as error:
        raise RequestInvalid("model", asked, str(error)) from error
