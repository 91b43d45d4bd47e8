"""One line of advice: the single change that would save most, found by billing each one."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from cost.bill import Bill, bill
from cost.figures import VCPU_MB
from cost.flow import Flow
from cost.workload import Workload
from infra.settings import Settings

SLOWER_WINDOW_S = 30
SLOWER_DELIVERY_S = 300
SLOWER_BLOCKS_S = Fraction(5)
WORTH_SAYING = Fraction(1, 4)
"""Dollars a month below which a change is not worth its drawbacks."""


def advice(current: Bill, settings: Settings, *, free_tier: bool = False) -> str:
    """The most useful advice on a bill; too few shards come before any saving."""
    flow = Flow(settings, current.workload)
    provisioned = settings.stream.mode == "PROVISIONED"
    if provisioned and flow.facilities and flow.shards_needed > settings.stream.shards:
        return (
            f"stream.shards is {settings.stream.shards}, this load needs {flow.shards_needed}: "
            f"raise it{_or_memory(flow, settings)}, or readings will be late and the bill will be wrong."
        )
    best, text = Fraction(0), ""
    for what, other_workload, other_settings in _changes(current.workload, settings):
        saving = current.total - bill(other_workload, other_settings, free_tier=free_tier).total
        if saving > best:
            best, text = saving, what
    if best < WORTH_SAYING:
        return "No single change of pace saves as much as a quarter of a dollar."
    return f"{text} would save ${float(best):.2f} a month."


def _or_memory(flow: Flow, settings: Settings) -> str:
    """The other way out, where functions do not keep up and could have more of a vCPU."""
    memory = settings.scoring.memory_mb
    if flow.scoring_shards < flow.shards_needed or memory >= VCPU_MB:
        return ""
    return f" or scoring.memory_mb ({memory}, up to {VCPU_MB})"


def _changes(workload: Workload, settings: Settings) -> Iterator[tuple[str, Workload, Settings]]:
    scoring, delivery = settings.scoring, settings.firehose.delivery
    if scoring.batching_window_seconds < SLOWER_WINDOW_S:
        # A longer window has no effect if batches are full before it is over.
        slower = scoring.model_copy(
            update={"batching_window_seconds": SLOWER_WINDOW_S, "batch_size": max(scoring.batch_size, 300)}
        )
        text = f"Scoring every {SLOWER_WINDOW_S} s (scoring.batching_window_seconds; batch_size 300 or more)"
        yield text, workload, settings.model_copy(update={"scoring": slower})
    if scoring.enhanced_fan_out:
        polled = scoring.model_copy(update={"enhanced_fan_out": False})
        text = "Reading each shard once a second (scoring.enhanced_fan_out false)"
        yield text, workload, settings.model_copy(update={"scoring": polled})
    if delivery.buffer_seconds < SLOWER_DELIVERY_S:
        later = delivery.model_copy(update={"buffer_seconds": SLOWER_DELIVERY_S})
        firehose = settings.firehose.model_copy(update={"delivery": later})
        text = f"Writing Parquet every {SLOWER_DELIVERY_S} s (firehose.delivery.buffer_seconds)"
        yield text, workload, settings.model_copy(update={"firehose": firehose})
    if workload.block_seconds < SLOWER_BLOCKS_S:
        rarer = replace(workload, block_seconds=SLOWER_BLOCKS_S)
        yield f"Sending blocks every {SLOWER_BLOCKS_S} s (Firehose counts each as 5 KB)", rarer, settings
    if settings.stream.mode == "ON_DEMAND":
        needed = Flow(settings, workload).shards_needed if workload.wells else 1
        stream = settings.stream.model_copy(update={"mode": "PROVISIONED", "shards": needed})
        yield (
            f"stream.mode PROVISIONED, shards {needed},",
            workload,
            settings.model_copy(update={"stream": stream}),
        )
