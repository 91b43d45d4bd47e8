"""The error that every tool raises: what went wrong, and what to do about it."""


class ToolError(Exception):
    """Something the user can act on.

    Attributes:
        exit_code: of a command that ends with it.
        hint: what to do about it, as a sentence; may be empty.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.args[0]}\n{self.hint}" if self.hint else str(self.args[0])


class UsageError(ToolError):
    """The command was called wrongly; nothing was done."""

    exit_code = 2
