"""How far a well is from its own baseline: features in, anomaly score and top sensors out.

Reads a published model's manifest and runs its Isolation Forest. Must not know where models are stored, nor
what is done about an anomaly.
"""

from petrostream.detection.cells import Cells
from petrostream.detection.detector import TOP_SENSORS, Detection, detect
from petrostream.detection.extraction import (
    COMMISSIONED,
    FLEET,
    FeatureExtractor,
    RowArray,
    Usual,
    feature_names,
    series_rows,
)
from petrostream.detection.forest import Forest, average_path_length, load_forest
from petrostream.detection.models import FLEET_WELL, ModelSet, WellModel, load_models

__all__ = [
    "COMMISSIONED",
    "FLEET",
    "FLEET_WELL",
    "TOP_SENSORS",
    "Cells",
    "Detection",
    "FeatureExtractor",
    "Forest",
    "ModelSet",
    "RowArray",
    "Usual",
    "WellModel",
    "average_path_length",
    "detect",
    "feature_names",
    "load_forest",
    "load_models",
    "series_rows",
]
