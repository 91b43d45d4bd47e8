"""Scores a batch: a pure function from state and readings to the new state and scored readings."""

from dataclasses import replace

from petrostream.arrays import IntArray
from petrostream.detection import ModelSet, WellModel
from petrostream.readings import Readings
from petrostream.records import record
from petrostream.scoring.columns import Columns, to_rows
from petrostream.scoring.continued import continued
from petrostream.scoring.feeds import feed_parts
from petrostream.scoring.finish import finish
from petrostream.scoring.history import FacilityState
from petrostream.scoring.prepare import WellParts, prepare
from petrostream.scoring.scored import Scored
from petrostream.scoring.together import by_well, newest_sequence, sensors_in_use
from petrostream.scoring.units import settle_units


@record(frozen=True, slots=True)
class ScoredBatch:
    """A facility's state after a batch, and the batch's rows."""

    state: FacilityState
    rows: Scored


def score_batch(
    state: FacilityState, readings: Readings, models: ModelSet | None, *, scored_at_ms: int
) -> ScoredBatch:
    """Score a batch of one facility's readings.

    The result does not depend on batch boundaries. A reading at or before the newest time of its feed (late,
    or a duplicate), and one whose time is too far ahead to be right (`petrostream.scoring.feeds`), keeps its
    row and its emission points, with the reason `late:ts` or `ahead:ts`, but gets no anomaly score and enters
    no window. A new feed of the well (another source, a second replay, a backfill) starts with empty windows,
    whatever its event times.

    Args:
        state: the facility's state after the previous batch.
        readings: valid readings of that facility, in stream order.
        models: the registry's current models, None before the first one is published.
        scored_at_ms: the time to write into the rows, epoch ms.

    Returns:
        The new state, its `last_sequence` the highest one seen, and the scored rows.
    """
    columns = Columns.empty(len(readings))
    known = dict(state.wells)
    wells = []
    each = by_well(readings.well_id)
    models_of = [_choose_models(columns, readings, at, models, well_id) for well_id, at in each]
    readings = settle_units(readings, columns)
    for (well_id, at), chosen in zip(each, models_of, strict=True):
        before = known.pop(well_id, None)
        usual = continued(before, readings, at)
        parts = list(feed_parts(before, readings, at))[::-1] if usual is None else [usual]
        wells.append(WellParts(well_id, before, parts, sensors_in_use(chosen)))
    # Those of the batch come last: wells stay in the order in which they last reported.
    alarms = {well.well_id: None if well.state is None else well.state.alarms for well in wells}
    for step in finish(columns, readings, prepare(columns, wells, readings)):
        alarms[step.well_id] = step.alarms_after(columns, readings, alarms[step.well_id])
    for well in wells:
        # A well is only scored if it has readings.
        assert well.state is not None
        known[well.well_id] = replace(well.state, alarms=alarms[well.well_id])
    sequence = newest_sequence(state.last_sequence, readings.sequence)
    return ScoredBatch(
        FacilityState(state.facility_id, sequence, known), to_rows(readings, columns, scored_at_ms)
    )


def _choose_models(
    columns: Columns, readings: Readings, at: IntArray, models: ModelSet | None, well_id: str
) -> list[WellModel]:
    """Assign a model to each of a well's readings, by the time at its source; returns those models."""
    chosen = []
    if models is None:
        return []
    measured_ms = readings.measured_ms(at)
    columns.expired[at] = models.expired(well_id, measured_ms)
    for model, part in models.segments(well_id, measured_ms):
        if model is not None:
            columns.model[at[part]] = columns.number_of(model)
            chosen.append(model)
    return chosen
