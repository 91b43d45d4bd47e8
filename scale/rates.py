"""A quota a second as a queue: what is over it waits for its turn."""

from dataclasses import dataclass


@dataclass
class Rate:
    """A quota of so much a second, with a burst of one second of it.

    A call that the service would refuse is repeated until it is taken; here it waits that long at once.

    Attributes:
        per_second: the quota.
        taken: what was taken so far.
        waits: calls that had to wait.
    """

    per_second: float
    taken: float = 0.0
    waits: int = 0
    _free_at: float = -1.0

    def wait(self, now: float, amount: float) -> float:
        """Take an amount; returns the seconds until the quota has room for all of it.

        Args:
            now: seconds of the simulated clock, never less than at the call before.
            amount: what is taken, in the quota's unit.
        """
        self.taken += amount
        self._free_at = max(self._free_at, now - 1.0) + amount / self.per_second
        late = max(0.0, self._free_at - now)
        self.waits += late > 0
        return late
