"""A facility's state and its readings in, the next state and scored readings out.

Brings gauges, detection, risk and alarms together, independent of how the stream is cut into batches. Must
not know tanks, tables of the lake, or where a state is kept. State as bytes: `scoring.codec`.
"""

from petrostream.scoring.history import NO_FEED, FacilityState, Feed, feed_parts
from petrostream.scoring.score import score_batch
from petrostream.scoring.scored import NO_POINTS, Scored

__all__ = [
    "NO_FEED",
    "NO_POINTS",
    "FacilityState",
    "Feed",
    "Scored",
    "feed_parts",
    "score_batch",
]
