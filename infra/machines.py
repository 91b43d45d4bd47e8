"""The state machines of the jobs: `infra/machines/<name>.asl.json.tpl`, in Amazon States Language.

Both definitions read the same files. Terraform fills them in by `templatefile`; `string.Template` can't do it
here, since paths of the language begin with `$` too.
"""

import re
from pathlib import Path

from infra.settings import Settings
from infra.watch import AccountRegion

FOLDER = Path(__file__).resolve().parent / "machines"
MACHINES = ("nightly", "weekly", "backfill")
"""Keys of the state machines: their settings are named so, and their files."""

SCHEDULED = ("nightly", "weekly")
"""Those that a schedule starts."""

GRACE_SECONDS = 30
"""How much longer than the function a step waits: the function's own time-out comes first, with its name."""


def definition(key: str, settings: Settings, place: AccountRegion) -> str:
    """The definition of a state machine, as JSON.

    Args:
        key: one of `MACHINES`.
        settings: the settings.
        place: where it is.

    Raises:
        KeyError: the file uses a name that `_values` does not have.
    """
    text = (FOLDER / f"{key}.asl.json.tpl").read_text(encoding="utf-8")
    values = _values(settings, place)
    return re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], text)


def _values(settings: Settings, place: AccountRegion) -> dict[str, str]:
    here, batch = f"{place.region}:{place.account}", settings.batch
    return {
        "partition": place.partition,
        "function_arn": f"arn:{place.partition}:lambda:{here}:function:{batch.function}",
        "topic_arn": f"arn:{place.partition}:sns:{here}:{settings.ops.topic}",
        "timeout_seconds": str(batch.timeout_seconds + GRACE_SECONDS),
        "concurrency": str(batch.concurrency),
        "runbooks": settings.ops.runbooks,
    }
