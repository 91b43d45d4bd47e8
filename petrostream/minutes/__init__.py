"""One-minute windows of a well, closed by the watermark.

A function of the scored stream, so that a retry writes the same minute again. Must not know where minutes
are stored. State as bytes: `minutes.codec`.
"""

__all__ = []
