"""What the API's routes work with."""

from collections.abc import Callable
from dataclasses import dataclass

from petrostream.aws.alarm_desk import AlarmDesk
from petrostream.aws.live_reader import LiveTable
from petrostream.pipeline import Models
from petrostream.scoring import FacilityState


@dataclass(frozen=True, slots=True)
class Services:
    """Adapters, and the clock.

    Attributes:
        models: the models in use.
        state: returns a facility's scoring state as last committed; raises ServiceUnavailable.
        live: the live table.
        desk: operators' actions.
        now_ms: returns the present, epoch ms.
    """

    models: Models
    state: Callable[[str], FacilityState]
    live: LiveTable
    desk: AlarmDesk
    now_ms: Callable[[], int]
