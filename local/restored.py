"""What a start after a crash has restored, and what it could not, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.settings import load_settings
from ops.raw_zone import RawZone
from ops.resend import look, summary
from petrostream.aws.clients import client
from petrostream.errors import PetroStreamError

REMEDY = "petrostream resend --execute"

_CLOCK_SECONDS = 1.0
"""Names of raw objects have whole seconds."""


def restored(health: Mapping[str, Any] | None) -> str:
    """What the running emulator restored after a crash, for people; "" after a proper stop.

    Args:
        health: what the emulator says about itself.
    """
    found = (health or {}).get("recovered") or {}
    if found.get("damaged") or found.get("lost"):
        what = f"was damaged, and is set aside as {found['damaged']}" if found["damaged"] else "is gone"
        return f"The journal {what}. Stream and live table are as of the last proper stop or deployment."
    if not found or found["clean"]:
        return ""
    return (
        f"The emulator had been killed. Restored from its journal: {found['records']:,} stream records, "
        f"{found['waiting']:,} of them still to be scored, and {found['items']:,} items of the tables."
    )


def not_restored(health: Mapping[str, Any] | None) -> Iterator[str]:
    """What the journal has lost, by facility, well and source, and how to bring it back; lines for people.

    The raw bucket has every acknowledged record, and is compared with the tables. That takes seconds for
    hundreds of thousands of readings, so it is done only if the journal is damaged, gone, or behind the raw
    bucket. AWS clients must point at the twin, and the stacks be deployed.

    Args:
        health: what the emulator says about itself.
    """
    found = (health or {}).get("recovered") or {}
    if not found or found["clean"]:
        return
    try:
        if not (found["damaged"] or found["lost"] or _is_behind(found)):
            return
        missing = look().missing
    except (BotoCoreError, ClientError, PetroStreamError) as error:
        yield f"What the journal has lost could not be counted: {error}. Count with `petrostream resend`."
        return
    yield "Compared with the raw bucket, which has every record:"
    yield from summary(missing)
    if missing:
        yield (
            f"`{REMEDY}` sends exactly that again, with the same event_ids, once the replays of these wells "
            "have ended. Do not replay them instead: a new live run makes new readings."
        )


def _is_behind(found: Mapping[str, Any]) -> bool:
    """Whether the raw bucket has records that the journal does not know."""
    settings = load_settings()
    zone = RawZone.of(settings.firehose.raw.name, client("firehose"), client("s3"))
    objects = zone.objects(settings.stream.retention_hours)
    newest = max((item.arrived.timestamp() for item in objects), default=0.0)
    return newest > float(found["last_arrival"]) + _CLOCK_SECONDS or len(objects) > int(found["records"])
