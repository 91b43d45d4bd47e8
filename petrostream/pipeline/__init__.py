"""The promise: nothing lost, nothing doubled. One batch of stream records: score, deliver, commit, publish.

What it needs from outside are the protocols of `pipeline/ports.py`. Must not know any service, client or
front door.
"""

__all__ = []
