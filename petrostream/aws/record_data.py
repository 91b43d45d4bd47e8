"""Decodes the data of records of a Kinesis event."""

import base64

import pybase64

from petrostream.lake import NOT_BASE64


def decoded(text: str) -> tuple[bytes, str | None]:
    """Decode the `data` of a record.

    Args:
        text: its base64.

    Returns:
        The bytes, and None; for text that is not base64 its own bytes, and the reason `NOT_BASE64`.
    """
    try:
        # A block of 80 kB in 7 microseconds instead of 250.
        return pybase64.b64decode(text, validate=True), None
    except ValueError:
        pass
    try:
        # It refuses some padding that the standard library takes, which decides.
        return base64.b64decode(text, validate=True), None
    except ValueError:
        return text.encode(), NOT_BASE64
