"""Send what a Firehose could not deliver to it again: `python -m ops redeliver`, by default a dry run.

A Firehose writes what it could not place or convert under its error prefix, a JSON document a line with the
entry in base64 (Firehose Developer Guide, "Handling errors for data format conversion" and "Data
transformation failure handling"). The entry is the block of rows as scoring sent it: the transform passes it
on unchanged. So it is put on the same Firehose once more. An object is deleted only when every entry of it
was accepted; a row that did land before lands twice, and every view shows it once. What fails again comes
back under the error prefix as a new object.
"""

import base64
import binascii
import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from infra.settings import load_settings
from petrostream.aws.firehose import COMPRESSED, FirehoseSink
from petrostream.aws.undelivered import Undelivered
from petrostream.backoff import Backoff
from petrostream.errors import PetroStreamError

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_s3 import S3Client

_GZIP = b"\x1f\x8b"


class ErrorObjectInvalid(PetroStreamError):  # noqa: N818 - says what the object is
    """An object under an error prefix is not of the form that Firehose writes."""


def firehose_names() -> list[str]:
    """Every Firehose of `infra/settings.json`."""
    return list(load_settings().firehose.names)


def redeliver(
    found: Undelivered,
    firehose: "FirehoseClient",
    s3: "S3Client",
    on_object: Callable[[str], None] = lambda _: None,
    backoff: Backoff | None = None,
) -> Undelivered:
    """Put every entry of every object on its Firehose again, and delete the objects that went whole.

    Returns:
        The same with the number of entries sent, and the objects that stay with the reasons.
    """
    sent, left, troubles = 0, [], []
    for key in found.keys:
        try:
            body = s3.get_object(Bucket=found.bucket, Key=key)["Body"].read()
            entries = list(entries_of(body))
            sink = FirehoseSink(found.stream, firehose, backoff=backoff)
            for number, entry in enumerate(entries):
                _put(sink, entry, str(number))
            sink.flush()
        except PetroStreamError as error:
            left.append(key)
            troubles.append(f"{key}: {error}")
            continue
        s3.delete_object(Bucket=found.bucket, Key=key)
        sent += len(entries)
        on_object(key)
    return replace(found, keys=tuple(left), entries=sent, troubles=tuple(troubles))


def _put(sink: FirehoseSink, entry: bytes, group: str) -> None:
    """Put an entry on its Firehose apart from the others, as it was: one bad entry fails alone."""
    if entry.startswith(COMPRESSED):
        sink.write_entry(entry)  # not a byte more: a line feed at its end would make it damaged
    else:
        sink.write(entry, group=group)


def entries_of(body: bytes) -> Iterator[bytes]:
    """The entries of an object that Firehose wrote under its error prefix.

    Raises:
        ErrorObjectInvalid: it is not of Firehose's form; names the line.
    """
    text = gzip.decompress(body) if body.startswith(_GZIP) else body
    for number, line in enumerate(text.splitlines()):
        if not line.strip():
            continue
        try:
            document: dict[str, Any] = json.loads(line)
            yield base64.b64decode(document["rawData"], validate=True)
        except (binascii.Error, KeyError, TypeError, ValueError) as error:
            raise ErrorObjectInvalid(f"line {number} is no error of a Firehose: {error!r}") from error
