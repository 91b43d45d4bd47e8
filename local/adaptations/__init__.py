"""What the twin changes in the emulator, each with its reason. Nothing here changes what AWS clients see.

Every replaced function is first compared with the one the replacement was written for (`guard.py`): after
an upgrade of the emulator the twin refuses to start rather than to behave differently.
"""

from local.adaptations.guard import IncompatibleEmulatorError

__all__ = ["IncompatibleEmulatorError", "install"]


def install() -> list[str]:
    """Put every adaptation in place, in this process.

    Returns:
        The names of the adapted services.

    Raises:
        IncompatibleEmulatorError: the installed emulator is not the known one.
    """
    from local.adaptations import athena, firehose, kinesis, recovery  # noqa: PLC0415  not before they are needed

    adapted = (firehose, kinesis, athena, recovery)
    for service in adapted:
        service.install()
    return [service.__name__.rpartition(".")[2] for service in adapted]
