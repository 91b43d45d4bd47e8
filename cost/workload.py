"""The load on the lake: wells, their rate, and how they spread over facilities."""

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from infra.settings import Settings, load_settings
from petrostream.fleet import facility_of


def block_seconds(settings: Settings) -> Fraction:
    """Time between two blocks of a facility, as the settings have it."""
    return Fraction(str(settings.stream.block_seconds))


class WorkloadError(ValueError):
    """A workload that cannot be billed; the message names the value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The load a bill is for.

    Attributes:
        wells: wells that send.
        hz: readings a second of each.
        hours: hours of each day on which they send. The stack is on all day.
        facilities: facilities the wells spread over evenly; None: as `petrostream.fleet` places
            WELL-00001, WELL-00002 and so on.
        block_seconds: time between two blocks of a facility; by default that of `infra/settings.json`.
        months: age of the lake in whole months at the end of the billed one; it decides how much is stored.
        queries_per_day: Athena queries, each over one day of readings.
        fargate: whether the services are on and behind a load balancer, whatever the settings say.
        customer_key: whether a customer-managed KMS key replaces the keys AWS manages.
    """

    wells: int = 10
    hz: Fraction = Fraction(1)
    hours: Fraction = Fraction(24)
    facilities: int | None = None
    block_seconds: Fraction = field(default_factory=lambda: block_seconds(load_settings()))
    months: int = 1
    queries_per_day: int = 20
    fargate: bool = False
    customer_key: bool = False

    def __post_init__(self) -> None:
        checks = (
            ("wells", 0 <= self.wells <= 100_000, "0 to 100000"),
            ("hz", 0 < self.hz <= 1000, "more than 0, up to 1000"),
            ("hours", 0 <= self.hours <= 24, "0 to 24"),
            ("facilities", self.facilities is None or self.facilities >= 1, "at least 1"),
            ("block_seconds", 0 < self.block_seconds <= 3600, "more than 0, up to 3600"),
            ("months", 1 <= self.months <= 120, "1 to 120"),
            ("queries_per_day", 0 <= self.queries_per_day <= 1_000_000, "0 to 1000000"),
        )
        for name, holds, allowed in checks:
            if not holds:
                raise WorkloadError(f"{name} = {getattr(self, name)}: allowed is {allowed}")

    def wells_by_facility(self) -> tuple[int, ...]:
        """Number of wells of each facility that has any, largest first."""
        if self.facilities is None:
            counts = Counter(facility_of(f"WELL-{number:05d}") for number in range(1, self.wells + 1))
            return tuple(sorted(counts.values(), reverse=True))
        each, more = divmod(self.wells, self.facilities)
        return tuple(each + (at < more) for at in range(min(self.wells, self.facilities)))
