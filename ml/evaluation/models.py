"""Models for an evaluated well that know nothing of it but its baseline.

The shared forest and the fleet's forest are trained on the normal operation of the other wells of the folder
and on synthetic gauges, by the code that trains what is published (`ml.training.pool`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from ml.data.dataset import Instance
from ml.evaluation.limits import AT_LIMIT, PlainLimit, plain_limit
from ml.registry import Registry, RegistryError, read_live
from ml.training.baseline import Baseline, NoBaselineError, NormalPeriod, instance_baseline, normal_period
from ml.training.models import FLEET_THRESHOLD, RECORDED_MIN_NORMAL_S, THRESHOLD
from ml.training.pool import Pool, baseline_extractor, fleet_extractor
from petrostream.detection import (
    COMMISSIONED,
    FLEET,
    FLEET_WELL,
    FeatureExtractor,
    Forest,
    ModelSet,
    WellModel,
    load_forest,
    load_models,
)

VERSION = "evaluation"


@dataclass(slots=True)
class LeftOut:
    """Forests by the well left out of their training.

    Attributes:
        seed: seed of the forests.
        pool: training rows of all wells.
        wells: wells that have rows in it.
    """

    seed: int
    pool: Pool = field(default_factory=Pool)
    wells: set[str] = field(default_factory=set)
    _forests: dict[tuple[str, str | None], Forest] = field(default_factory=dict)
    _limits: dict[tuple[str, str | None], PlainLimit] = field(default_factory=dict)

    def learn(self, instance: Instance) -> NormalPeriod:
        """Adds the first part of an instance's normal period, if it has one, to the pool; returns the period.

        Must not be called after the first request for models.
        """
        period = normal_period(instance)
        try:
            baseline = instance_baseline(period, RECORDED_MIN_NORMAL_S)
        except NoBaselineError:
            return period
        self.pool.add_period(baseline, period)
        self.wells.add(baseline.well_id)
        return period

    def commissioned(self, baseline: Baseline, from_ms: int) -> ModelSet:
        """The shared forest without the baseline's well, on that baseline, in service from a time on."""
        forest = self._forest(COMMISSIONED, baseline.well_id)
        extractor = baseline_extractor(baseline)
        model = _model(baseline.well_id, COMMISSIONED, extractor, forest, THRESHOLD)
        model = replace(model, valid_from_ms=from_ms, source=baseline.source, made_ms=baseline.to_ms)
        return ModelSet(VERSION, {baseline.well_id: (model,)})

    def limited(self, kind: str, baseline: Baseline, from_ms: int) -> ModelSet:
        """As `commissioned`, with a plain limit on the same features in the forest's place.

        Args:
            kind: `max_z` or `mahalanobis`.
            baseline: the well's.
            from_ms: start of its service, epoch ms.
        """
        without = baseline.well_id if baseline.well_id in self.wells else None
        if (kind, without) not in self._limits:
            rows, _ = self.pool.training_rows(COMMISSIONED, self.seed, without=without)
            self._limits[kind, without] = plain_limit(kind, rows)
        # A limit is not a forest, and scores rows as one does; nothing else is asked of it.
        limit = cast(Forest, self._limits[kind, without])
        extractor = baseline_extractor(baseline)
        model = _model(baseline.well_id, COMMISSIONED, extractor, limit, AT_LIMIT)
        return ModelSet(VERSION, {baseline.well_id: (replace(model, valid_from_ms=from_ms),)})

    def fleet(self, well_id: str) -> ModelSet:
        """The fleet's forest without a well."""
        forest = self._forest(FLEET, well_id)
        model = _model(FLEET_WELL, FLEET, fleet_extractor(), forest, FLEET_THRESHOLD)
        return ModelSet(VERSION, {}, model)

    def _forest(self, kind: str, well_id: str) -> Forest:
        # Wells without training rows all get the same forest.
        without = well_id if well_id in self.wells else None
        if (kind, without) not in self._forests:
            fitted = self.pool.fit(kind, self.seed, without=without)
            self._forests[kind, without] = load_forest(fitted.onnx)
        return self._forests[kind, without]


def _model(
    well_id: str,
    kind: str,
    extractor: FeatureExtractor,
    forest: Forest,
    threshold: float,
) -> WellModel:
    return WellModel(
        well_id=well_id,
        kind=kind,
        version=VERSION,
        threshold=threshold,
        extractor=extractor,
        forest=forest,
    )


def live_models(registry: Registry) -> ModelSet:
    """The models that a registry has in service.

    Raises:
        RegistryError: there are none, or they are incomplete.
    """
    found = read_live(registry)
    if found is None:
        raise RegistryError("no models are in service there: publish a version first")
    manifest, files = found
    forests: dict[str, Forest] = {}

    def models(name: str, entry: Mapping[str, Any]) -> tuple[WellModel, ...]:
        path = str(entry["onnx"]["path"])
        if path not in forests:
            forests[path] = load_forest(files[path])
        return load_models({"well_id": name, "version": manifest["version"], **entry}, forests[path])

    wells = {name: models(name, entry) for name, entry in manifest["wells"].items()}
    fleet = models("*", manifest["fleet"])[-1] if manifest.get("fleet") else None
    return ModelSet(str(manifest["version"]), wells, fleet)
