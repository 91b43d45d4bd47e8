"""Scores readings with the models of their wells: a well's own baseline, or the one that the fleet shares."""

import numpy as np

from petrostream.arrays import BoolArray, IntArray, anywhere
from petrostream.detection import WellModel, detect
from petrostream.gauges import Levels, Moves, WindowStats
from petrostream.readings import Readings
from petrostream.scoring.columns import Columns
from petrostream.scoring.drift import Drift, find_drift
from petrostream.scoring.levels import Taken, fresh_score, usual
from petrostream.scoring.memory import suppressed
from petrostream.scoring.moved import unexplained_score
from petrostream.scoring.points import forest_points
from petrostream.scoring.reasons import deviations
from petrostream.scoring.together import Look, Step


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
        forest[at] = _score_with(columns, columns.models[number], chosen, seen.at[at])
    if anywhere(own):
        for step, rows in zip(seen.steps, seen.rows, strict=True):
            if anywhere(own[rows]):
                of_step = own[rows], stats.part(rows), drift.part(rows)
                forest[rows] += _score_own(columns, readings, step, *of_step)
    return forest


def _score_own(
    columns: Columns, readings: Readings, step: Step, own: BoolArray, stats: WindowStats, drift: Drift
) -> IntArray:
    """Score the readings of a step that have a baseline of their own; returns points, 0 for the others."""
    forest = np.zeros(len(step.at), np.int64)
    numbers = columns.model[step.at]
    for number in sorted(set(numbers[own].tolist())):
        part = np.flatnonzero(numbers == number)
        at = step.at[part]
        seen, levels = stats, step.levels
        if len(part) < len(numbers):
            seen, levels = stats.take(part), levels.take(part)
        taken = Taken(readings.source[int(at[0])], readings.measured_ms(at))
        forest[part] = _score_with(columns, columns.models[number], seen, at, (levels, taken))
    last_ms = int(step.history.ts_ms[step.start - 1]) if step.start else None
    measured = ~suppressed(columns.governs[step.at])[-1]
    find_drift(columns, drift, stats, readings, step.at, measured, last_ms)
    return forest


def _score_with(
    columns: Columns,
    model: WellModel,
    stats: WindowStats,
    at: IntArray,
    followed: tuple[Levels, Taken] | None = None,
) -> IntArray:
    """Score readings with one model; `followed` is their levels, and where they were taken."""
    moves = Moves(columns.moves[at])
    against = None if followed is None else usual(model, *followed)
    found = detect(model, stats, against)
    columns.score[at] = found.score
    center = model.center[:, None] if against is None else against.center
    new = unexplained_score(found, stats, moves, center)
    columns.unexplained[at] = columns.fresh[at] = new
    if followed is not None and against is not None and followed[0].unsettled:
        levels = followed[0]
        fresh = fresh_score(found, stats, levels, against)
        columns.fresh[at] = np.where(moves.in_transition, new, fresh)
        columns.away[at] = levels.away(found.sensors).any(axis=0)
        columns.new_level[at] = (1 << found.sensors) @ levels.moved(found.sensors)
    columns.anomalous[at] = found.anomalous
    columns.ranking[at, : found.ranking.shape[1]] = found.ranking
    if model.is_own and anywhere(found.anomalous):
        rows = np.flatnonzero(found.anomalous)
        columns.size[at[rows]] = found.size[rows].round(1)
        usually = center if against is None else center[:, rows]
        columns.deviation[at[rows], : found.ranking.shape[1]] = deviations(
            found.ranking[rows], stats.take(rows), found.sensors, usually
        )
    return forest_points(model, found)
