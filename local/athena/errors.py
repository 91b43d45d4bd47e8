"""What is said of SQL that is wrong, or that the twin cannot run."""


class SqlError(ValueError):
    """The SQL is wrong, or the twin cannot run it; the text says which, where and what to do."""
