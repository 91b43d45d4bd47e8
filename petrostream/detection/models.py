"""The models of a registry version: a well's baselines, each with its period of validity.

A well's levels drift by bars from month to month, so a well is commissioned repeatedly. Each commissioning
makes a baseline, and a reading is scored against the newest one already valid when it was taken. A reading
from before the first baseline, or after the end of a baseline that has one, is scored by the fleet's model.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.detection.extraction import COMMISSIONED, FLEET, FeatureExtractor
from petrostream.detection.forest import Forest, ForestFormatError, load_forest
from petrostream.gauges import DEFAULT_RULES, QUANTA, Anchor, LevelRules, spread_bounds
from petrostream.schema import SENSOR_NAMES
from petrostream.times import HOUR_MS, parse_ms

ALWAYS_MS = int(np.iinfo(np.int64).min)
NEVER_MS = int(np.iinfo(np.int64).max)
_ALWAYS = (ALWAYS_MS, NEVER_MS)

FLEET_WELL = "*"
"""What the fleet model has in place of a well's name."""


class ModelFormatError(ValueError):
    """A manifest entry or ONNX file cannot be served; the message names the well, field and value."""


@dataclass(frozen=True, slots=True, eq=False)
class WellModel:
    """One baseline of a well, with the forest that scores it.

    Attributes:
        well_id: the well, or `FLEET_WELL` for the fleet model.
        kind: `commissioned` (the well's own baseline) or `fleet`.
        version: registry version.
        threshold: lowest anomalous score.
        extractor: computes the forest's features; it holds the sensors and the baseline.
        forest: the forest, which other models may share.
        valid_from_ms, valid_until_ms: epoch ms, start inclusive, end exclusive.
        source: instance the baseline was made from.
        made_ms: end of the period it was made from, epoch ms; `ALWAYS_MS` where that is not known.
        level: how the well's levels are followed; None to measure against the baseline for as long as it is
            valid.
    """

    well_id: str
    kind: str
    version: str
    threshold: float
    extractor: FeatureExtractor
    forest: Forest
    valid_from_ms: int = ALWAYS_MS
    valid_until_ms: int = NEVER_MS
    source: str = ""
    made_ms: int = ALWAYS_MS
    level: LevelRules | None = DEFAULT_RULES

    @property
    def sensors(self) -> tuple[str, ...]:
        """Names of the s sensors of the baseline."""
        return tuple(SENSOR_NAMES[index] for index in self.extractor.sensors.tolist())

    @property
    def center(self) -> FloatArray:
        """The baseline's level of each sensor: shape (s,), in sensor units."""
        return self.extractor.center

    @property
    def is_own(self) -> bool:
        """Whether it is the well's own baseline, not the fleet's."""
        return self.kind == COMMISSIONED

    @property
    def since_ms(self) -> int | None:
        """When it was made, else when its validity begins, epoch ms; None if neither is known."""
        known = [ms for ms in (self.made_ms, self.valid_from_ms) if ms != ALWAYS_MS]
        return known[0] if known else None

    def trusted(self, source: str, measured_ms: int) -> bool:
        """Whether the baseline's own centre still counts where the well's level is not known.

        It does for readings of the recording it was made from, for `LevelRules.trust_h` after its period.
        What happened between two recordings is not known, and a day later levels may have wandered. A
        baseline that does not say what it was made from, or when, is trusted.

        Args:
            source: the recording or simulation that a reading came from.
            measured_ms: when it was taken, epoch ms.
        """
        if self.level is None or (self.source and self.source != source):
            return self.level is None
        return self.made_ms == ALWAYS_MS or measured_ms - self.made_ms <= self.level.trust_h * HOUR_MS

    def anchor(self, *, trusted: bool) -> Anchor | None:
        """Return the baseline as levels need it; None for the fleet's, and where levels are not followed."""
        if self.kind != COMMISSIONED or self.level is None:
            return None
        center: list[float | None] = [None] * len(SENSOR_NAMES)
        scale: list[float | None] = [None] * len(SENSOR_NAMES)
        at, quanta = self.extractor.sensors, QUANTA[self.extractor.sensors]
        bounds: list[tuple[float, float] | None] = [None] * len(SENSOR_NAMES)
        low, high = spread_bounds(self.level, at, self.extractor.scale)
        columns = [values / quanta for values in (self.extractor.center, self.extractor.scale, low, high)]
        for sensor, row in zip(at.tolist(), np.array(columns).T.tolist(), strict=True):
            center[sensor], scale[sensor], *bound = row
            bounds[sensor] = bound[0], bound[1]
        return Anchor(self.valid_from_ms, center, scale, bounds, trusted, self.level)


@dataclass(frozen=True, slots=True)
class ModelSet:
    """All models of one registry version.

    Attributes:
        version: the version.
        wells: by well, its baselines in order of `valid_from_ms`, at least one each.
        fleet: the model for readings without a valid baseline, None if there is none.
    """

    version: str
    wells: Mapping[str, tuple[WellModel, ...]] = field(default_factory=dict)
    fleet: WellModel | None = None

    def for_well(self, well_id: str, at_ms: int | None = None) -> WellModel | None:
        """Return the baseline valid at a time (by default the newest), else the fleet's model, else None."""
        held = self.wells.get(well_id, ())
        if at_ms is None:
            return held[-1] if held else self.fleet
        return next(self.segments(well_id, np.array([at_ms], np.int64)))[0]

    def expired(self, well_id: str, at_ms: IntArray) -> BoolArray:
        """Return at which of n times a well has had a baseline but none is valid any more: shape (n,).

        Args:
            well_id: the well.
            at_ms: shape (n,), epoch ms.
        """
        held = self.wells.get(well_id, ())
        ended = [model.valid_until_ms for model in held if model.valid_until_ms != NEVER_MS]
        if not ended:
            return np.zeros(len(at_ms), np.bool_)
        after: BoolArray = at_ms >= min(ended)
        for model in held:
            after &= (at_ms < model.valid_from_ms) | (at_ms >= model.valid_until_ms)
        return after

    def segments(self, well_id: str, at_ms: IntArray) -> Iterator[tuple[WellModel | None, IntArray]]:
        """Split n readings of a well by the model that scores them.

        Args:
            well_id: the well.
            at_ms: shape (n,), n >= 1, when each reading was taken, epoch ms, in any order.

        Yields:
            A model (None where there is none) and the positions of its readings, int64; each reading once.
        """
        held = self.wells.get(well_id, ())
        if not held or (len(held) == 1 and (held[0].valid_from_ms, held[0].valid_until_ms) == _ALWAYS):
            yield (held[0] if held else self.fleet), np.arange(len(at_ms))
            return
        begins = np.array([model.valid_from_ms for model in held], np.int64)
        ends = np.array([model.valid_until_ms for model in held] or [NEVER_MS], np.int64)
        chosen = np.searchsorted(begins, at_ms, side="right") - 1
        chosen = np.where(at_ms < ends[chosen], chosen, -1)
        for one in np.unique(chosen).tolist():
            yield (self.fleet if one < 0 else held[one]), np.flatnonzero(chosen == one)


def load_model(entry: Mapping[str, Any], onnx: bytes | Forest) -> WellModel:
    """Load the newest baseline of a manifest entry, the last one of `load_models`.

    Raises:
        ModelFormatError: see `load_models`.
    """
    return load_models(entry, onnx)[-1]


def load_models(entry: Mapping[str, Any], onnx: bytes | Forest) -> tuple[WellModel, ...]:
    """Load all baselines of a manifest entry.

    Args:
        entry: `well_id`, `kind`, `version`, `sensors`, `center`, `scale`, `threshold`, `feature_names`; and
            optionally `baselines`, each with fields that override those of the entry, and with `valid_from`,
            `valid_until` (ISO 8601 with a zone) and `source`.
        onnx: the forest, or the bytes of its file.

    Returns:
        The models, in order of `valid_from_ms`.

    Raises:
        ModelFormatError: a field is missing or inconsistent, or the bytes are not a matching forest.
    """
    well = str(entry.get("well_id", "*"))
    try:
        forest = onnx if isinstance(onnx, Forest) else load_forest(onnx)
        parts = entry.get("baselines") or [{}]
        models = [_model(well, {**entry, **part}, forest) for part in parts]
    except KeyError as error:
        raise ModelFormatError(f"model of {well}: manifest lacks {error}; publish it again") from None
    except (TypeError, ValueError, ForestFormatError) as error:
        raise ModelFormatError(f"model of {well}: {error}") from error
    return tuple(sorted(models, key=lambda model: model.valid_from_ms))


def _model(well: str, entry: Mapping[str, Any], forest: Forest) -> WellModel:
    kind, threshold = _kind_and_threshold(entry)
    extractor = _extractor(entry)
    if len(extractor.names) != forest.features:
        raise ValueError(
            f"feature_names {list(extractor.names)} do not match the forest of {forest.features} features"
        )
    begin, end, made = entry.get("valid_from"), entry.get("valid_until"), entry.get("to")
    return WellModel(
        well_id=well,
        kind=kind,
        version=str(entry.get("version", "")),
        threshold=threshold,
        extractor=extractor,
        forest=forest,
        valid_from_ms=ALWAYS_MS if begin is None else parse_ms(begin),
        valid_until_ms=NEVER_MS if end is None else parse_ms(end),
        source=str(entry.get("source", "")),
        made_ms=ALWAYS_MS if made is None else parse_ms(made),
        level=_level(entry.get("level", {})),
    )


def _level(raw: Any) -> LevelRules | None:  # noqa: ANN401  (parsed JSON)
    if raw is None:
        return None
    rules = LevelRules(**{name: float(value) for name, value in raw.items()})
    rules.check()
    return rules


def _kind_and_threshold(entry: Mapping[str, Any]) -> tuple[str, float]:
    kind, threshold = str(entry["kind"]), float(entry["threshold"])
    if kind not in (COMMISSIONED, FLEET):
        raise ValueError(f"kind {kind!r} must be {COMMISSIONED!r} or {FLEET!r}")
    if not 0 < threshold < 1:
        raise ValueError(f"threshold {threshold} must be between 0 and 1")
    return kind, threshold


def _extractor(entry: Mapping[str, Any]) -> FeatureExtractor:
    sensors, names = tuple(entry["sensors"]), tuple(entry["feature_names"])
    if not sensors or not names:
        raise ValueError(
            f"{len(sensors)} sensors and {len(names)} features: a model needs at least one of each"
        )
    center = _numbers("center", entry["center"], len(sensors))
    scale = _numbers("scale", entry["scale"], len(sensors))
    if not (scale > 0).all():
        raise ValueError(f"scale {scale.tolist()} must be positive")
    return FeatureExtractor.build(names, sensors, center, scale)


def _numbers(name: str, raw: Any, length: int) -> FloatArray:  # noqa: ANN401  (parsed JSON)
    values = np.asarray(raw, np.float64)
    if values.shape != (length,) or not np.isfinite(values).all():
        raise ValueError(f"{name} must be {length} finite numbers, got {raw}")
    return values
