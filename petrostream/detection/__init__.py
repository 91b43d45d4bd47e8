"""How far a well is from its own baseline: features in, anomaly score and top sensors out.

Reads a published model's manifest and runs its Isolation Forest. Must not know where models are stored, nor
what is done about an anomaly.
"""

from petrostream.detection.models import ModelSet

__all__ = [
    "ModelSet",
]
