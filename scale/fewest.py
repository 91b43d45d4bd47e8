"""The fewest shards on which a step runs, for records of any size."""

from fractions import Fraction

from cost import figures as f
from cost.sizes import vcpus
from infra.settings import Settings
from scale.shards import facilities_of_shards, names
from scale.speed import Speed
from scale.steps import ScaleStep

MOST_SHARDS = 20_000
FULL = Fraction(95, 100)
"""Part of a shard's bytes and records that its facilities may fill."""


def fewest_shards(step: ScaleStep, settings: Settings, speed: Speed, reading_bytes: Fraction) -> int:
    """Fewest shards of which the fullest takes in what its facilities send, and is scored in time.

    Args:
        step: the load.
        settings: its settings; the shards in them do not matter.
        speed: the measured speed.
        reading_bytes: a reading in the stream.

    Raises:
        ValueError: more than `MOST_SHARDS` would be needed.
    """
    interval = settings.scoring.batching_window_seconds + f.POLL_SECONDS
    block_s = settings.stream.block_seconds
    readings = Fraction(step.of_a_facility * step.hz)
    by_bytes = FULL * f.SHARD_BYTES / (readings * reading_bytes)
    by_records = FULL * f.SHARD_RECORDS * Fraction(str(block_s))
    work = speed.batch_ms(interval / block_s, 1, step.of_a_facility, float(readings) * interval, step.hz)
    each_s = (work - speed.fixed) / 1000 / float(vcpus(settings.scoring.memory_mb))
    fixed_s = speed.fixed / 1000 + float(f.TABLE_READ_MS + f.FIREHOSE_WRITE_MS + f.TABLE_WRITE_MS) / 1000
    by_time = (float(f.BUSY_SHARE) * interval - fixed_s) / each_s
    room = min(float(by_bytes), float(by_records), by_time)
    keys, shards = names(step.facilities), max(1, int(step.facilities / room))
    while shards <= MOST_SHARDS:
        if facilities_of_shards(keys, shards).max() <= room:
            return shards
        shards = max(shards + 1, shards * 21 // 20)
    raise ValueError(f"step {step.name}: more than {MOST_SHARDS} shards would be needed")
