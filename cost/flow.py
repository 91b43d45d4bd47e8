"""The flow of readings as blocks, batches, entries and objects, in exact rates while the wells send."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil

from cost import figures as f
from cost.basis import MEASURED, Basis
from cost.sizes import buffered, compressed, pieces, vcpus
from cost.workload import Workload
from infra.settings import Settings
from infra.settings_services import ContainerSettings
from petrostream.lake import MAX_BLOCK_BYTES

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Facility:
    """One facility's traffic.

    Attributes:
        wells: number of its wells.
        readings: readings a second.
        blocks: blocks a second, before blocks over the limit are split.
        block_bytes: bytes of one block.
    """

    wells: int
    readings: Fraction
    blocks: Fraction
    block_bytes: Fraction


@dataclass(frozen=True)
class Flow:
    """Rates a second, and sizes in bytes, of everything AWS counts; all zero if nothing is sent."""

    settings: Settings
    workload: Workload
    basis: Basis = MEASURED

    @cached_property
    def seconds(self) -> Fraction:
        """Seconds of a month in which the wells send."""
        return self.workload.hours * 3600 * f.MONTH_HOURS / 24

    @cached_property
    def facilities(self) -> tuple[Facility, ...]:
        """The facilities that send."""
        return tuple(map(self._facility, self.workload.wells_by_facility())) if self.seconds else ()

    def _facility(self, wells: int) -> Facility:
        readings = wells * self.workload.hz
        block = max(Fraction(1), readings * self.workload.block_seconds)
        return Facility(wells, readings, readings / block, block * self.basis.reading_bytes)

    @cached_property
    def readings(self) -> Fraction:
        """Readings a second."""
        return sum((facility.readings for facility in self.facilities), ZERO)

    def records(self, measure: Callable[[Fraction], int]) -> Fraction:
        """The sum a second of `measure` (of a record's bytes) over all stream records."""
        limit = self.settings.stream.max_block_bytes
        return sum(
            (facility.blocks * _measured(facility, limit, measure) for facility in self.facilities), ZERO
        )

    @cached_property
    def record_rate(self) -> Fraction:
        """Stream records a second."""
        return self.records(lambda _: 1)

    @cached_property
    def stream_bytes(self) -> Fraction:
        """Bytes a second into the stream."""
        return self.readings * self.basis.reading_bytes

    @cached_property
    def active_shards(self) -> int:
        """Shards that receive records; facilities are assumed to spread evenly."""
        stream = self.settings.stream
        shards = stream.shards if stream.mode == "PROVISIONED" else f.ON_DEMAND_SHARDS
        return min(shards, len(self.facilities))

    @cached_property
    def shards_needed(self) -> int:
        """Shards needed for the rate of records and bytes, and for functions that keep up; spread evenly."""
        rates = ceil(self.record_rate / f.SHARD_RECORDS), ceil(self.stream_bytes / f.SHARD_BYTES)
        return max(1, *rates, self.scoring_shards)

    @cached_property
    def scoring_shards(self) -> int:
        """Shards on which the scoring function has time to spare: each takes a batch with every window."""
        interval = Fraction(self.settings.scoring.batching_window_seconds + f.POLL_SECONDS)
        one = Fraction(1)
        facilities = sum((min(one, each.blocks * interval) for each in self.facilities), ZERO)
        wells = sum(each.wells for each in self.facilities) * min(one, self.workload.hz * interval)
        work = self.basis.work_ms(facilities, wells, self.readings * interval)
        cores = vcpus(self.settings.scoring.memory_mb)
        fixed = self.basis.fixed_ms / cores + f.TABLE_READ_MS + f.FIREHOSE_WRITE_MS + f.TABLE_WRITE_MS
        return ceil(work / cores / (f.BUSY_SHARE * interval * 1000 - fixed))

    def _gathered(self, batch_size: int) -> Fraction:
        """Seconds after which the batch of a shard is full, by records or by bytes."""
        records = self.record_rate / self.active_shards
        event_bytes = self.stream_bytes / self.active_shards * 4 / 3 + records * f.EVENT_RECORD_BYTES
        return min(batch_size / records, f.EVENT_BYTES / event_bytes)

    @property
    def containers(self) -> tuple[ContainerSettings, ...]:
        """The services that run: those of the settings, or with `fargate` those that they would have."""
        services = self.settings.services
        if not self.workload.fargate:
            return services.running
        return services.model_copy(update={"enabled": True}).running

    @property
    def service_reads(self) -> bool:
        """Whether the service reads the stream instead of the function."""
        return self.settings.services.enabled and self.settings.scoring.consumer == "service"

    @cached_property
    def batch_seconds(self) -> Fraction:
        """Time between two batches of one shard, unless a batch is full earlier.

        The window begins with the read that brings the first record; the batch goes with the read that falls
        on its end, and the next read is a second later. With enhanced fan-out records are pushed: the
        next one opens the next window. There is no batch without a record. The service has no window: what it
        reads is a batch.
        """
        scoring = self.settings.scoring
        records = self.record_rate / self.active_shards
        if self.service_reads:
            return max(Fraction(f.POLL_SECONDS), 1 / records)
        full = self._gathered(scoring.batch_size)
        until_next = 1 / records if scoring.enhanced_fan_out else Fraction(f.POLL_SECONDS)
        return max(min(scoring.batching_window_seconds + until_next, full), 1 / records)

    @cached_property
    def batches(self) -> Fraction:
        """Batches a second over all shards: invocations of the scoring function, if it reads the stream."""
        return self.active_shards / self.batch_seconds if self.facilities else ZERO

    def visits(self, facility: Facility) -> Fraction:
        """Batches a second in which a facility has a record."""
        return min(1 / self.batch_seconds, facility.blocks)

    def saves(self, facility: Facility) -> Fraction:
        """Snapshots a second of a facility: by `commit_seconds` or by `commit_bytes` of its shard."""
        scoring = self.settings.scoring
        filled = scoring.commit_bytes * self.active_shards / self.stream_bytes
        every = min(Fraction(scoring.commit_seconds), filled)
        return min(self.visits(facility), 1 / every) if every else self.visits(facility)

    @cached_property
    def snapshots(self) -> Fraction:
        """Snapshots a second."""
        return sum(map(self.saves, self.facilities), ZERO)

    @cached_property
    def place_bytes(self) -> Fraction:
        """Size of a shard's place, with the latest statuses of its wells."""
        wells = sum(facility.wells for facility in self.facilities)
        return f.PLACE_BYTES + Fraction(wells, self.active_shards) * f.LATEST_WELL_BYTES

    def state_bytes(self, facility: Facility) -> Fraction:
        """Size of a facility's state item."""
        kept = facility.wells * max(Fraction(1), self.workload.hz * f.STATE_SECONDS)
        live = facility.wells * f.LIVE_WELL_BYTES
        fixed = facility.wells * f.STATE_WELL_BYTES
        return f.STATE_OVERHEAD_BYTES + live + fixed + kept * f.STATE_BYTES_PER_OBSERVATION

    @cached_property
    def window_writes(self) -> Fraction:
        """Closed minutes of wells a second; a well that sends less often closes one with each reading."""
        if not self.settings.live.window_hours:
            return ZERO
        rate = min(self.workload.hz, Fraction(1, f.WINDOW_SECONDS))
        return sum((facility.wells * rate for facility in self.facilities), ZERO)

    @cached_property
    def well_visits(self) -> Fraction:
        """Batches a second in which a well has a reading, summed over all wells."""
        each = (facility.wells * min(self.visits(facility), self.workload.hz) for facility in self.facilities)
        return sum(each, ZERO)

    @cached_property
    def scoring_ms(self) -> int:
        """Billed time of one scoring invocation, rounded up to the millisecond as AWS does."""
        facilities = sum(map(self.visits, self.facilities), ZERO) / self.batches
        snapshots = self.snapshots / self.batches
        minutes = self.window_writes / self.batches
        work = self.basis.work_ms(facilities, self.well_visits / self.batches, self.readings / self.batches)
        work += self.basis.fixed_ms + self.basis.snapshot_ms * snapshots + self.basis.minute_ms * minutes
        wait = f.TABLE_READ_MS + f.FIREHOSE_WRITE_MS + f.TABLE_WRITE_MS * (1 + snapshots)
        return ceil(work / vcpus(self.settings.scoring.memory_mb) + wait)

    @cached_property
    def entry_bytes(self) -> Fraction:
        """Rows of one batch, which go to Firehose as one entry, or as several above the limit."""
        return self.readings / self.batches * f.ROW_BYTES

    def entries(self, measure: Callable[[Fraction], Fraction | int]) -> Fraction:
        """The sum a second of `measure` (of an entry's bytes as sent) over all entries of scored rows."""
        if not self.facilities:
            return ZERO
        return self.batches * sum(
            n * measure(compressed(size)) for n, size in pieces(self.entry_bytes, MAX_BLOCK_BYTES)
        )

    @cached_property
    def row_bytes(self) -> Fraction:
        """Bytes of scored rows a second."""
        return self.readings * f.ROW_BYTES

    @cached_property
    def transforms(self) -> Fraction:
        """Invocations of the transform function a second."""
        delivery = self.settings.firehose.delivery
        mb = Fraction(str(delivery.transform_buffer_mb))
        arriving = self.entries(lambda size: size)
        return buffered(self.entries(lambda _: 1), arriving, delivery.transform_buffer_seconds, mb)

    @cached_property
    def transform_ms(self) -> int:
        """Billed time of one invocation of the transform."""
        work = f.TRANSFORM_FIXED_MS + f.TRANSFORM_ROW_MS * self.readings / self.transforms
        return ceil(work / vcpus(self.settings.firehose_transform.memory_mb))

    @cached_property
    def raw_copies(self) -> Fraction:
        """Invocations of the raw copy a second, over all shards."""
        if not self.facilities:
            return ZERO
        copy = self.settings.raw_copy
        full = self._gathered(copy.batch_size)
        between = self.active_shards / self.record_rate
        return self.active_shards / max(
            min(copy.batching_window_seconds + Fraction(f.POLL_SECONDS), full), between
        )

    @cached_property
    def raw_copy_ms(self) -> int:
        """Billed time of one invocation of the raw copy."""
        work = f.RAW_COPY_FIXED_MS + f.RAW_COPY_RECORD_MS * self.record_rate / self.raw_copies
        return ceil(work / vcpus(self.settings.raw_copy.memory_mb) + f.FIREHOSE_WRITE_MS)

    def raw_entries(self, measure: Callable[[Fraction], int]) -> Fraction:
        """The sum a second of `measure` (of an entry's bytes as sent) over all entries of the raw copy."""
        if not self.facilities:
            return ZERO
        size = self.stream_bytes / self.raw_copies
        share = f.RAW_STORED_BYTES / self.basis.reading_bytes
        return self.raw_copies * sum(n * measure(part * share) for n, part in pieces(size, MAX_BLOCK_BYTES))

    @cached_property
    def raw_objects(self) -> Fraction:
        """Objects a second in the raw zone."""
        raw = self.settings.firehose.raw
        entries = self.raw_entries(lambda _: 1)
        arriving = self.readings * f.RAW_STORED_BYTES
        return buffered(entries, arriving, raw.buffer_seconds, Fraction(raw.buffer_mb))

    @cached_property
    def curated_objects(self) -> Fraction:
        """Objects a second in the curated zone."""
        to = self.settings.firehose.delivery
        return buffered(self.entries(lambda _: 1), self.row_bytes, to.buffer_seconds, Fraction(to.buffer_mb))

    @cached_property
    def rejected(self) -> Fraction:
        """Rejected readings a second."""
        return self.readings * f.QUARANTINED_SHARE

    @cached_property
    def quarantine_entries(self) -> Fraction:
        """Entries of rejected lines a second: at most one a batch, as long as they fit into one."""
        return min(self.batches, self.rejected)

    @cached_property
    def quarantine_entry_bytes(self) -> Fraction:
        """Bytes of such an entry."""
        return self.rejected / self.quarantine_entries * f.QUARANTINE_ROW_BYTES

    @cached_property
    def quarantine_objects(self) -> Fraction:
        """Objects a second in the quarantine."""
        to = self.settings.firehose.quarantine
        arriving = self.rejected * f.QUARANTINE_ROW_BYTES
        return buffered(self.quarantine_entries, arriving, to.buffer_seconds, Fraction(to.buffer_mb))


def _measured(facility: Facility, limit: int, measure: Callable[[Fraction], int]) -> int:
    return sum(count * measure(size) for count, size in pieces(facility.block_bytes, limit))
