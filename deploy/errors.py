"""Errors of a deployment: what went wrong, and what to do about it."""

from toolchain.errors import ToolError


class DeployError(ToolError):
    """Something the person who deploys can act on.

    Attributes:
        hint: what to do about it, as a sentence; may be empty.
    """
