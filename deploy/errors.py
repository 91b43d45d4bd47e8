"""Errors of a deployment: what went wrong, and what to do about it."""

from toolchain.errors import TwinError


class DeployError(TwinError):
    """Something the person who deploys can act on.

    Attributes:
        hint: what to do about it, as a sentence; may be empty.
    """
