"""Errors between PetroStream and AWS, by type.

Bad data never raises: it is quarantined. An error of this module therefore concerns infrastructure,
configuration or a published model; its text names the object, what was found and what to do.
"""
# ruff: noqa: N818 - the names say what happened, as ConnectionRefused does


class PetroStreamError(Exception):
    """Any failure of an adapter. The event source retries the batch concerned."""


def cause_of(error: BaseException) -> str:
    """Return what an error says; its type where it says nothing, as `MemoryError` does."""
    return str(error) or type(error).__name__


def traceback_of(error: BaseException) -> BaseException | None:
    """Return what to log as `exc_info`: nothing of an adapter's failure, whose text is enough."""
    return None if isinstance(error, PetroStreamError) else error


class SettingInvalid(PetroStreamError):
    """A setting (environment variable) is missing or has a value that can't be used."""

    def __init__(self, name: str, value: str | None, expected: str) -> None:
        found = "is not set" if value is None else f"is {value!r}"
        super().__init__(f"setting {name} {found}; set it to {expected}")
        self.name = name
        self.value = value


class ServiceUnavailable(PetroStreamError):
    """A call failed in a way that a later retry may cure, and the bounded retries are used up."""

    def __init__(self, service: str, operation: str, cause: str) -> None:
        super().__init__(
            f"{service} {operation} failed after its retries: {cause}; the batch will be retried"
        )
        self.service = service
        self.operation = operation
        self.cause = cause


class Throttled(ServiceUnavailable):
    """The service asked for less load until the retries or the time ran out."""


class TimeShort(PetroStreamError):
    """The remaining work does not fit in the remaining time of the invocation."""

    def __init__(self, work: str, seconds_left: float) -> None:
        super().__init__(
            f"{seconds_left:.1f} s are not enough for {work}; the next invocation will process it. If this "
            "repeats, increase the function's time-out or memory, or reduce the batch size"
        )
        self.seconds_left = seconds_left


class DeliveryFailed(PetroStreamError):
    """Some entries were still refused when the retries or the time ran out; they are not committed."""

    def __init__(self, stream: str, undelivered: int, cause: str) -> None:
        super().__init__(
            f"stream {stream}: {undelivered} entries not accepted ({cause}); nothing is committed for them "
            "and the batch will be retried"
        )
        self.stream = stream
        self.undelivered = undelivered
        self.cause = cause


class EntryTooLarge(PetroStreamError):
    """An entry exceeds the service's limit, so no retry can deliver it: a bug in the code that built it."""

    def __init__(self, stream: str, size: int, limit: int) -> None:
        super().__init__(
            f"stream {stream}: an entry of {size} bytes is over the limit of {limit}; use smaller blocks"
        )
        self.stream = stream
        self.size = size
        self.limit = limit


class IteratorExpired(PetroStreamError):
    """A shard's iterator is over five minutes old; a new one must be asked for."""


class StateConflict(PetroStreamError):
    """Another invocation has written the facility's state since this one read it."""

    def __init__(self, facility_id: str, version: int) -> None:
        super().__init__(
            f"facility {facility_id}: its state is no longer at version {version}; read it again and repeat"
        )
        self.facility_id = facility_id
        self.version = version


class ShardClaimed(PetroStreamError):
    """Another process has claimed the shard since this one did."""

    def __init__(self, shard_id: str) -> None:
        super().__init__(
            f"shard {shard_id}: another process has claimed it; the batch will be retried by its owner"
        )
        self.shard_id = shard_id


class StateUnreadable(PetroStreamError):
    """The item of a facility's state was not written by any release."""

    def __init__(self, table: str, facility_id: str, cause: str) -> None:
        super().__init__(
            f"table {table}, facility {facility_id}: its item has no valid version or last sequence number "
            f"({cause}); delete item pk=FACILITY#{facility_id} sk=STATE to reset the facility"
        )
        self.facility_id = facility_id


class RangeInvalid(PetroStreamError, ValueError):
    """An invalid range of time; the text says what is valid."""


class ModelInvalid(PetroStreamError):
    """A published model can't be used; the model in use is kept, if there is one."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"model {where}: {problem}; publish it again or point models/current.json elsewhere")
        self.where = where
        self.problem = problem


class ModelsMissing(PetroStreamError):
    """No version is named any more, although readings of the facility were scored with one."""

    def __init__(self, facility_id: str) -> None:
        super().__init__(
            f"facility {facility_id} was scored with a model, and models/current.json is gone; its readings "
            "wait until that names a version again"
        )
        self.facility_id = facility_id


class RawMemberInvalid(PetroStreamError):
    """An object of the raw zone is damaged."""

    def __init__(self, where: str, position: int, problem: str) -> None:
        super().__init__(
            f"raw object {where}, byte {position}: {problem}; restore an earlier version of the object, or "
            "move it out of the prefix to go on without its records"
        )
        self.where = where


class BatchIncomplete(PetroStreamError):
    """Part of a batch is not committed; raised for an event source that retries only on an error."""

    def __init__(self, lowest_failed: str, failures: int, cause: str) -> None:
        super().__init__(
            f"{failures} facilities not committed, records from {lowest_failed} on are retried: {cause}"
        )
        self.lowest_failed = lowest_failed
