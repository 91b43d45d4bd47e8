"""Scores readings with the models of their wells: a well's own baseline, or the one that the fleet shares.

Wells differ in their baselines and levels, but all share a forest: those whose models have the same gauges
are scored side by side, each reading against what is usual for its own well.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere, everywhere
from petrostream.detection import Detection, Usual, WellModel, detect
from petrostream.gauges import Levels, Moves, WindowStats
from petrostream.readings import Readings
from petrostream.records import record
from petrostream.scoring.columns import Columns
from petrostream.scoring.drift import Drift, DriftNotes
from petrostream.scoring.levels import Taken, fresh_score, usual
from petrostream.scoring.moved import unexplained_score
from petrostream.scoring.points import forest_points
from petrostream.scoring.reasons import deviations
from petrostream.scoring.together import Look


@record(frozen=True, slots=True, eq=False)
class _Part:
    """n readings of one step that one baseline scores.

    Attributes:
        model: the baseline.
        rows: shape (n,), their positions among those of the look.
        at: shape (n,), their positions in the batch.
        levels: the levels of the well's gauges as they see them.
    """

    model: WellModel
    rows: IntArray
    at: IntArray
    levels: Levels

    def usual(self, readings: Readings) -> Usual | None:
        """What the model's gauges are measured against; None for the baseline itself."""
        taken = Taken(readings.source[int(self.at[0])], readings.measured_ms(self.at))
        return usual(self.model, self.levels, taken)


def score_readings(columns: Columns, readings: Readings, seen: Look, drift: Drift) -> IntArray:
    """Fill in scores, flags and rankings by each reading's model, and the drift from its baseline.

    Args:
        columns: with the model of each reading.
        readings: the batch.
        seen: the readings, step by step.
        drift: of the readings, to be filled in where they have a baseline of their well's own.

    Returns:
        The forest's points of each reading, shape (n,).
    """
    forest = np.zeros(len(seen.at), np.int64)
    if not columns.models:
        return forest
    numbers, stats = columns.model[seen.at], seen.seen.stats
    # Index -1, for a well without a model, selects the last entry.
    own = np.array([*(model.is_own for model in columns.models), False])[numbers]
    # A set: for a single reading np.unique takes as long as the forest.
    for number in sorted(set(numbers[~own].tolist()) - {-1}):
        at = np.flatnonzero(numbers == number)
        chosen = stats if len(at) == len(numbers) else stats.take(at)
        model = columns.models[number]
        found = _detected(columns, model, chosen, seen.at[at], None)
        forest[at] = forest_points(model, found)
    if anywhere(own):
        notes = DriftNotes(columns, drift, readings, seen)
        for parts in _alike(_parts(columns, seen, numbers, own)):
            rows = parts[0].rows if len(parts) == 1 else np.concatenate([part.rows for part in parts])
            # Positions differ, so as many ascending ones are all of them.
            is_all = len(rows) == len(numbers) and everywhere(rows[1:] > rows[:-1])
            chosen = stats if is_all else stats.take(rows)
            forest[rows] = _score_own(columns, readings, parts, chosen, seen.at[rows])
            notes.note([part.model for part in parts], [len(part.rows) for part in parts], chosen, rows)
    return forest


def _parts(columns: Columns, seen: Look, numbers: IntArray, own: BoolArray) -> Iterator[_Part]:
    """The readings that have a baseline of their well's own, by step and baseline."""
    for step, rows in zip(seen.steps, seen.rows, strict=True):
        of_step = numbers[rows]
        if everywhere(of_step == of_step[0]):
            # By far the most frequent case.
            if own[rows.start]:
                model = columns.models[int(of_step[0])]
                yield _Part(model, np.arange(rows.start, rows.stop), step.at, step.levels)
            continue
        for number in sorted(set(of_step[own[rows]].tolist())):
            part = np.flatnonzero(of_step == number)
            yield _Part(columns.models[number], rows.start + part, step.at[part], step.levels.take(part))


def _alike(parts: Iterator[_Part]) -> Iterator[list[_Part]]:
    """Parts whose models differ in nothing but their baselines."""
    alike: dict[tuple[object, ...], list[_Part]] = defaultdict(list)
    for part in parts:
        model, extractor = part.model, part.model.extractor
        alike[model.forest, model.threshold, extractor.names, extractor.sensors.tobytes()].append(part)
    yield from alike.values()


def _score_own(
    columns: Columns, readings: Readings, parts: Sequence[_Part], stats: WindowStats, at: IntArray
) -> IntArray:
    """Score readings that baselines of their wells' own measure; returns their points.

    Args:
        columns: to be filled in.
        readings: the batch.
        parts: the readings, of models that differ in nothing but their baselines.
        stats: shape (n,), window statistics of the readings, part by part.
        at: shape (n,), their positions in the batch.
    """
    model = parts[0].model
    each = [part.usual(readings) for part in parts]
    against = each[0] if len(parts) == 1 else _together(parts, each)
    found = _detected(columns, model, stats, at, against)
    begin = 0
    for part, measured in zip(parts, each, strict=True):
        rows = slice(begin, begin := begin + len(part.at))
        if measured is not None and part.levels.unsettled:
            _note_levels(columns, part, found.part(rows), stats.part(rows), measured)
    return forest_points(model, found)


def _together(parts: Sequence[_Part], each: Sequence[Usual | None]) -> Usual:
    """What is usual for each of the readings of all parts."""
    centers, scales = [], []
    for part, measured in zip(parts, each, strict=True):
        extractor, known = part.model.extractor, measured
        if known is None:
            known = Usual(extractor.center[:, None], extractor.scale[:, None])
        shape = len(extractor.sensors), len(part.at)
        centers.append(np.broadcast_to(known.center, shape))
        scales.append(np.broadcast_to(known.scale, shape))
    return Usual(np.concatenate(centers, axis=1), np.concatenate(scales, axis=1))


def _detected(
    columns: Columns, model: WellModel, stats: WindowStats, at: IntArray, against: Usual | None
) -> Detection:
    """Score readings with one model, against what is usual or the model's own baseline."""
    found = detect(model, stats, against)
    center = model.center[:, None] if against is None else against.center
    columns.score[at], columns.anomalous[at] = found.score, found.anomalous
    new = unexplained_score(found, stats, Moves(columns.moves[at]), center)
    columns.unexplained[at] = columns.fresh[at] = new
    columns.ranking[at, : found.ranking.shape[1]] = found.ranking
    if model.is_own and anywhere(found.anomalous):
        rows = np.flatnonzero(found.anomalous)
        columns.size[at[rows]] = found.size[rows].round(1)
        usually: FloatArray = center if against is None else center[:, rows]
        columns.deviation[at[rows], : found.ranking.shape[1]] = deviations(
            found.ranking[rows], stats.take(rows), found.sensors, usually
        )
    return found


def _note_levels(columns: Columns, part: _Part, found: Detection, stats: WindowStats, against: Usual) -> None:
    """Note which gauges of a well are away from their levels or on new ones, and what is new meanwhile."""
    at, levels = part.at, part.levels
    fresh = fresh_score(found, stats, levels, against)
    in_transition = Moves(columns.moves[at]).in_transition
    columns.fresh[at] = np.where(in_transition, columns.unexplained[at], fresh)
    columns.away[at] = levels.away(found.sensors).any(axis=0)
    columns.new_level[at] = (1 << found.sensors) @ levels.moved(found.sensors)
