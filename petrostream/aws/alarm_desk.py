"""The one door for operators' actions on alarms: command line, API and dashboard all act through it.

An action changes the tag's item by a conditional write, together with the row that the alarm history is owed;
then the row is delivered like any other, and struck off. A crash in between leaves the row owed: the next
action on the tag, or the next `settle`, delivers it, with the same identity. So no action is in the history
that was not taken, and none that was taken is missing from it.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from petrostream.alarms import ALARM_TYPES, NORMAL, Action, AlarmRecord, OperatorRequest, end_shelf, perform
from petrostream.aws.live_reader import FacilityLive, LiveTable
from petrostream.aws.operator_tags import OperatorTags, TagChanged
from petrostream.errors import DeliveryFailed, PetroStreamError
from petrostream.lake import action_rows_to_blocks
from petrostream.live import OpenAlarm, OperatorTag, record_of, tag_after, unshelved_alert
from petrostream.pipeline import Alerts, Sink

logger = logging.getLogger(__name__)

ATTEMPTS = 5
"""Most repeats of an action that meets somebody else's; each time it is judged afresh."""


class UnknownTag(PetroStreamError):  # noqa: N818 - as the errors of petrostream.errors
    """There is no such well, or no such alarm type."""


@dataclass(frozen=True, slots=True)
class TagView:
    """An alarm tag as operators see it.

    Attributes:
        facility_id: the well's facility.
        record: the alarm's record, in one of the states of ISA-18.2.
        alarm: the stream's side, None if no alarm of the tag is open or has lately returned.
    """

    facility_id: str
    record: AlarmRecord
    alarm: OpenAlarm | None


@dataclass(frozen=True, slots=True)
class Done:
    """An action that was taken.

    Attributes:
        record: the alarm's record afterwards.
        action: what the alarm history records.
        delivered: False if the row waits to be delivered.
    """

    record: AlarmRecord
    action: Action
    delivered: bool


class AlarmDesk:
    """Operators' actions on the alarms of a fleet.

    Args:
        live: the stream's side of the alarms.
        tags: the operators' side.
        sink: makes a sink on the Firehose stream of the alarm history.
        clock: returns the present, epoch ms.
    """

    def __init__(
        self, live: LiveTable, tags: OperatorTags, sink: Callable[[], Sink], clock: Callable[[], int]
    ) -> None:
        self._live = live
        self._tags = tags
        self._sink = sink
        self._clock = clock

    def tags(self, fleet: Sequence[FacilityLive] | None = None) -> list[TagView]:
        """Every tag that is not normal: open, returned and not acknowledged, shelved or out of service.

        Args:
            fleet: the stream's side, by a caller that has just read it; read if None.

        Raises:
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        now_ms = self._clock()
        held = {(tag.well_id, tag.alarm_type): tag for tag in self._tags.all()}
        views = []
        for facility in self._live.fleet() if fleet is None else fleet:
            for alarm in facility.alarms:
                key = (alarm.well_id, alarm.alarm_type)
                tag = held.pop(key, OperatorTag(*key, facility.facility_id))
                views.append(TagView(facility.facility_id, record_of(tag, alarm), alarm))
        views += [TagView(tag.facility_id, record_of(tag, None), None) for tag in held.values()]
        return [view for view in views if view.record.state(now_ms) != NORMAL]

    def act(self, well_id: str, alarm_type: str, request: OperatorRequest) -> Done:
        """Do what an operator asks for.

        Raises:
            UnknownTag: there is no such well or alarm type.
            ActionRefusedError: the alarm's state does not allow the action.
            TagChanged: others acted on the tag at the same moment, again and again.
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        facility_id, alarm = self._find(well_id, alarm_type)
        for attempt in range(ATTEMPTS):
            tag = self._tags.get(well_id, alarm_type) or OperatorTag(well_id, alarm_type, facility_id)
            record, action = perform(record_of(tag, alarm), request, self._clock())
            try:
                tag = self._tags.put(tag_after(tag, record, alarm, action), self._clock())
            except TagChanged:
                if attempt + 1 == ATTEMPTS:
                    raise
                continue
            return Done(record, action, self._deliver([tag]))
        raise AssertionError(ATTEMPTS)

    def settle(self, alerts: Alerts | None = None) -> int:
        """Deliver rows that are owed, and end shelvings whose time is up.

        An alarm that is still active when its shelving ends is annunciated again.

        Args:
            alerts: where; without it, shelvings are left for a caller that has it.

        Returns:
            The number of shelvings that ended.

        Raises:
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        now_ms, ended, owed = self._clock(), 0, []
        for tag in self._tags.all():
            if alerts is not None and tag.shelved_until_ms is not None and tag.shelved_until_ms <= now_ms:
                after = self._end_shelf(tag, alerts)
                ended += after is not tag
                tag = after  # noqa: PLW2901 - the tag as it is now
            if tag.undelivered:
                owed.append(tag)
        if owed:
            self._deliver(owed)
        return ended

    def _end_shelf(self, tag: OperatorTag, alerts: Alerts) -> OperatorTag:
        facility_id, alarm = self._find(tag.well_id, tag.alarm_type)
        record, action = end_shelf(record_of(tag, alarm))
        # Annunciated before it is written: a crash repeats it, and the topic knows an alert that it has had.
        if alarm is not None and record.active and not record.suppressed and record.out_of_service_by is None:
            alerts.publish([unshelved_alert(alarm, action, facility_id)])
        try:
            return self._tags.put(tag_after(tag, record, alarm, action), self._clock())
        except TagChanged:
            return tag

    def _find(self, well_id: str, alarm_type: str) -> tuple[str, OpenAlarm | None]:
        """The facility of a well, and its alarm of this type, if one is open or has lately returned."""
        if alarm_type not in ALARM_TYPES:
            raise UnknownTag(f"alarm type {alarm_type!r}: there are {', '.join(sorted(ALARM_TYPES))}")
        for facility in self._live.fleet():
            for alarm in facility.alarms:
                if (alarm.well_id, alarm.alarm_type) == (well_id, alarm_type):
                    return facility.facility_id, alarm
            if any(well.well_id == well_id for well in facility.wells):
                return facility.facility_id, None
        raise UnknownTag(f"well {well_id!r}: no such well has sent a reading; `petrostream live` lists them")

    def _deliver(self, tags: Iterable[OperatorTag]) -> bool:
        """Deliver the rows that tags owe, and strike them off; False if they are still owed."""
        sink, owed = self._sink(), [tag for tag in tags if tag.undelivered]
        try:
            for tag in owed:
                blocks = action_rows_to_blocks(
                    tag.undelivered, {tag.well_id: tag.facility_id}, recorded_at_ms=self._clock()
                )
                for block in blocks:
                    sink.write(block.data, group=block.date)
            sink.flush()
        except DeliveryFailed as error:
            logger.warning("rows of the alarm history wait: %s", error)
            return False
        for tag in owed:
            try:
                self._tags.put(replace(tag, undelivered=()), self._clock())
            except PetroStreamError as error:
                # They are delivered again with the next action: the same identities, one row in the view.
                logger.info("delivered rows not struck off: %s", error)
        return True
