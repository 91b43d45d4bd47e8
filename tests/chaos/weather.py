"""What goes wrong, and when: every service in memory asks before each call."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.fakes import OK

FOREVER_MS = 2**62


@dataclass
class Clock:
    """The simulated time of a trial, epoch milliseconds; `skew_ms` is how wrong the consumer's clock is."""

    now_ms: int
    skew_ms: int = 0

    def of_consumer(self) -> int:
        """What a process of the consumer takes for the present."""
        return self.now_ms + self.skew_ms


@dataclass
class Rule:
    """One fault of one service.

    Attributes:
        service: name of the service.
        outcome: what happens to a call: a word of `tests.support.fakes`.
        kinds: kinds of calls it concerns (of the table: 0 snapshots read, 1 written, 2 minutes and markers,
            3 owners and places); all if empty.
        first_ms, last_ms: when it holds.
        left: how many calls it still concerns; None for all of that time.
        chance: the share of calls that it strikes.
        meanwhile: called when it strikes, before the call goes on.
    """

    service: str
    outcome: str
    kinds: frozenset[int] = frozenset()
    first_ms: int = 0
    last_ms: int = FOREVER_MS
    left: int | None = None
    chance: float = 1.0
    meanwhile: Callable[[], None] = lambda: None


@dataclass
class Weather:
    """The faults of a trial, and those that have struck: when, and which service.

    They are over at `calm_ms`: a trial ends in calm weather. `shelter` suspends them at once.
    """

    clock: Clock
    rng: random.Random
    rules: list[Rule] = field(default_factory=list)
    struck: list[tuple[int, str, str]] = field(default_factory=list)
    shelter: bool = False
    calm_ms: int = FOREVER_MS

    def strike(self, service: str, kind: int = 0) -> str:
        """What happens to a call that is about to be made."""
        if self.shelter or self.clock.now_ms >= self.calm_ms:
            return OK
        for rule in self.rules:
            if self._holds(rule, service, kind) and self.rng.random() < rule.chance:
                rule.left = None if rule.left is None else rule.left - 1
                self.note(service, rule.outcome)
                rule.meanwhile()
                return rule.outcome
        return OK

    def note(self, service: str, what: str) -> None:
        """Remember that a fault has struck."""
        self.struck.append((self.clock.now_ms, service, what))

    def _holds(self, rule: Rule, service: str, kind: int) -> bool:
        return (
            rule.service == service
            and (not rule.kinds or kind in rule.kinds)
            and rule.first_ms <= self.clock.now_ms < rule.last_ms
            and rule.left != 0
        )
