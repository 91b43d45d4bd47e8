"""The bill: each line's arithmetic by hand, the limits it is held to, and what may never happen to it."""

import json
import re
import subprocess
import sys
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost import figures as f
from cost.advice import advice
from cost.bill import PATH_LIMIT, TOTAL_LIMIT, Bill, bill
from cost.flow import Flow
from cost.prices import PRICES_FILE, PricesError, load_prices
from cost.report import as_json, dollars
from cost.sizes import pieces
from cost.workload import Workload, WorkloadError, block_seconds
from infra.settings import Settings, load_settings
from lambdas.scoring.counts import COUNTED_ALWAYS
from tests.support.paths import ROOT

BASE = {
    "stream": {"mode": "PROVISIONED", "shards": 1, "retention_hours": 24, "max_block_bytes": 131072},
    # A read a second: the batch goes with the read that falls on the window's end, so one comes every 10 s.
    "scoring": {
        "batching_window_seconds": 9,
        "batch_size": 100,
        "memory_mb": 512,
        "commit_seconds": 60,
        "enhanced_fan_out": False,
    },
    "live": {"point_in_time_recovery": True, "window_hours": 24},
    "raw_copy": {"batching_window_seconds": 59, "batch_size": 10_000, "memory_mb": 256},
    "runtime": {"architecture": "arm64", "log_retention_days": 1, "system_log_level": "INFO"},
}


def settings(**changes) -> Settings:
    """The project's settings with the values the hand calculations below are for, and changes by section."""
    raw = load_settings().model_dump()
    for section, values in (*BASE.items(), *changes.items()):
        raw[section].update(values)
    for name, (mb, seconds) in {"raw": (64, 300), "delivery": (64, 60), "quarantine": (5, 300)}.items():
        raw["firehose"][name].update(buffer_mb=mb, buffer_seconds=seconds)
    raw["firehose"]["delivery"].update(transform_buffer_mb=2, transform_buffer_seconds=10)
    return Settings.model_validate(raw)


HAND = Workload(wells=8, facilities=4)
"""Eight wells at 1 Hz in four facilities: a facility sends a block of 2 readings, 640 bytes, each second."""

MONTH = 2_628_000
"""Seconds of a month of 730 hours."""


def line(answer: Bill, what: str):
    found = [line for line in answer.lines if what in f"{line.item.service} {line.item.what}"]
    assert len(found) == 1, f"{what}: {[line.item.what for line in found]}"
    return found[0]


@pytest.mark.parametrize(
    ("what", "units", "usd"),
    [
        # 1 shard, 730 h, at 0.015.
        ("Kinesis shards", 730, "10.95"),
        # 4 blocks of 640 bytes a second are 4 units of 25 KB: 10,512,000 at 0.014 a million.
        ("Kinesis records in", 4 * MONTH, "0.147168"),
        # Three callers, 12 times an hour: 26,280 at 0.03 per 10,000.
        ("KMS key calls", 26280, "0.07884"),
        # A minute of the stream is 153,600 bytes, a sixteenth of it as gzip: twice 5 KB, 43,800 times.
        ("raw zone: entries in", Fraction(2 * 5120 * 43_800, 1024**3), None),
        # A batch of 10 s has 80 rows of 730 bytes, 58,400, a quarter of it as zlib: three times 5 KB. 262,800
        # batches a month.
        ("curated zone: entries in", Fraction(3 * 5120 * 262_800, 1024**3), None),
        ("curated zone: to Parquet", Fraction(3 * 5120 * 262_800, 1024**3), None),
        # Rows are placed as they are.
        ("curated zone: by date", Fraction(8 * 730 * MONTH, 1024**3), None),
        # One object a minute, at 0.005 a thousand.
        ("objects by date", 43_800, "0.219"),
        # 21,024 lines are rejected, hardly two in one batch, each entry 5 KB.
        ("quarantine: entries in", Fraction(21_024 * 5120, 1024**3), None),
        # One batch in 10 s, at 0.20 a million.
        ("scoring: invocations", 262_800, "0.05256"),
        # 2.5 + 4 * 1.9 + 8 * 1.8 + 80 * 0.09 + 8 / 6 minutes closed + 4 / 6 snapshots of 0.65 = 33.47 ms of
        # work at 512/1769 of a vCPU are 115.63 ms; with 4 + 35 + 6 and 4 / 6 * 6 of waiting 164.63, billed as
        # 165 ms. Half a gigabyte: 21,681 GB-s at 0.0000133334.
        ("scoring: 165 ms", Fraction(21_681), "0.2890814454"),
        # One a minute. 2 + 240 records * 0.005 = 3.2 ms at 256/1769 are 22.11 ms, with 35 of waiting 58.
        ("raw copy: invocations", 43_800, "0.00876"),
        ("raw copy: 58 ms", Fraction("635.1"), "0.00846804234"),
        # 2 + 80 * 0.005 = 2.4 ms at 256/1769 are 16.58 ms, billed as 17: 1,116.9 GB-s.
        ("transform: 17 ms", Fraction("1116.9"), "0.01489207446"),
        # One batch in ten thousand, three requests each.
        ("SQS", Fraction("78.84"), "0.000031536"),
        # 350 + 8 * 60 = 830 bytes with each of 262,800 batches; 0.625 a million.
        ("places of shards", 262_800, "0.16425"),
        # A small item, strongly consistent, with each batch; 0.125 a million.
        ("owners of shards", 262_800, "0.03285"),
        # 700 + 2 * (1700 + 250) = 4,600 bytes a snapshot: 5 units, 4 facilities, 43,800 minutes.
        ("snapshots, by 1 KB", 876_000, "0.5475"),
        # Eight wells close one a minute each.
        ("minutes of wells", 8 * 43_800, "0.219"),
        # 20 new processes a day read 4 states of two read units: 20 * 730 / 24 * 8, at 0.125 a million.
        ("snapshots read", Fraction(14_600, 3), None),
        # Four states, and 1,440 minutes of 180 bytes of each well.
        ("DynamoDB table", Fraction(18_400 + 8 * 1440 * 180, 1024**3), None),
        ("point-in-time", Fraction(18_400 + 8 * 1440 * 180, 1024**3), None),
        # 43,800 curated, 8,760 raw, 8,760 quarantine (a rejected line every 125 s, a buffer of 300 s).
        ("objects written", 61_320, "0.3066"),
        # 8 * 2,628,000 rows of 120 bytes.
        ("curated data", Fraction(8 * MONTH * 120, 1024**3), None),
        # Raw objects of 300 s hold 48,000 bytes: too small for S3 to move, so all of it stays standard.
        ("S3 raw data", Fraction(8 * MONTH * 20, 1024**3), None),
        # Lambda's own 330 bytes of each invocation of the three functions, and 131,400 summaries of 1,120.
        ("logs in", Fraction((2 * 262_800 + 43_800) * 330 + 131_400 * 1120, 1024**3), None),
        ("custom metrics", 3, "0.9"),
        ("alarms", 18, "1.8"),
        # 730/24 nights and a seventh of that: two calls a night and one a week, 5 s each, of 1,769 MB.
        ("runs: invocations", Fraction(730, 24) * Fraction(15, 7), None),
        ("runs: time", Fraction(730, 24) * Fraction(15, 7) * 5 * Fraction(1769, 1024), None),
        # Five steps a night and three a week, at 0.025 a thousand.
        ("steps of runs", Fraction(730, 24) * Fraction(38, 7), None),
        ("Scheduler starts", Fraction(730, 24) * Fraction(8, 7), None),
        # 36.5 days a month, two jobs each; a day has 691,200 readings, 0.06 ms each are 42 s, and twice 5 s.
        ("jobs of days: invocations", 73, "0.0000146"),
        ("jobs of days: time", Fraction(73, 2) * 52 * Fraction(1769, 1024), None),
        ("steps of days", Fraction(219, 2), "0.0027375"),
        # 1,440 objects a day are read, 12 written.
        ("reads by jobs", 52_560, "0.021024"),
        ("writes by jobs", 438, "0.00219"),
        # Three queries over half of a day's 41,472,000 bytes.
        ("quality report", Fraction(219, 2) * 20_736_000 / 1024**4, None),
        # A month of rows of 60 bytes, and for seven days a fifth of a day that was replaced.
        ("gold data", Fraction(8 * MONTH * 60, 1024**3) * (1 + Fraction(7 * 24, 5 * 730)), None),
        ("dashboard", 1, "3"),
        # 20 queries on 730/24 days; half a day's 82,944,000 bytes is over the 10 MB minimum.
        ("Athena 20 queries", Fraction(20 * 730, 24) * 41_472_000 / 1024**4, None),
        # Half of them read today's 1,440 objects, half a day that is one object, three requests each.
        ("reads by queries", Fraction(20 * 730, 24) * Fraction(1441, 2) * 3, "0.525965"),
    ],
)
def test_each_line_is_what_a_hand_calculation_gives(what, units, usd):
    found = line(bill(HAND, settings()), what)
    assert found.billed == units
    if usd is not None:
        assert found.usd == Fraction(usd)


def test_the_container_service_and_the_key_are_charged_only_when_on():
    off = bill(HAND, settings())
    on = bill(Workload(wells=8, facilities=4, fargate=True, customer_key=True), settings())
    added = {
        "0.25 vCPU": "2.954675",  # 182.5 vCPU-hours at 0.01619
        "1 GB": "1.2994",  # 730 GB-hours at 0.00178
        "Load balancer load balancer": "16.425",  # 730 hours at 0.0225
        "capacity units": "0.292",  # 36.5 at 0.008
        "public addresses": "10.95",  # 3 * 730 at 0.005
        "container images": "0.06",  # three of a fifth of a GB
        "alarms of tasks: 5": "0.5",
        "customer-managed key": "1",
    }
    assert {what: line(on, what).usd for what in added} == {
        what: Fraction(usd) for what, usd in added.items()
    }
    logs = line(on, "logs of tasks").usd
    assert logs == Fraction(900 * 60 * 730, 1024**3) / 2  # bytes a minute, at 0.50 a GB
    assert on.total - off.total == sum(map(Fraction, added.values())) + logs
    # Taking tasks that are never interrupted costs twice as much.
    kept = settings(services={"capacity": "FARGATE"})
    both = bill(Workload(wells=8, facilities=4, fargate=True), kept)
    assert line(both, "0.25 vCPU").usd == Fraction("5.90935")  # at 0.03238
    assert line(both, "1 GB").usd == Fraction("2.5988")  # at 0.00356


def test_services_of_the_settings_are_billed_as_they_are():
    """A consumer that nobody can reach: no load balancer, one address, and no invocations of the function."""
    off = bill(HAND, settings())
    on = bill(HAND, settings(services={"enabled": True}, scoring={"consumer": "service"}))
    services = [row for row in on.lines if row.item.group == "Services"]
    assert not [row for row in services if row.item.service == "Load balancer"]
    assert line(on, "public addresses: 1").usd == Fraction("3.65")  # 730 at 0.005
    assert line(on, "custom metrics of the service: 2").usd == Fraction("0.6")
    assert line(on, "alarms of tasks: 6").usd == Fraction("0.6")
    assert line(on, "scoring: invocations").usd == 0
    assert line(off, "scoring: invocations").usd > 0


def test_the_dashboard_is_a_task_more():
    one = bill(HAND, settings(services={"enabled": True}))
    dashboard = load_settings().services.dashboard.model_dump() | {"enabled": True}
    access = {"allowed_cidrs": ["203.0.113.0/24"], "certificate_arn": None, "domain": None, "sign_in": None}
    both = bill(HAND, settings(services={"enabled": True, "dashboard": dashboard, "access": access}))
    assert line(one, "public addresses").billed == 730
    assert line(both, "public addresses").billed == 4 * 730  # two tasks, two of the load balancer
    assert line(both, "petrostream-dashboard: 0.25 vCPU").usd == Fraction("2.954675")


def test_on_demand_counts_hours_and_bytes_by_1_kb():
    answer = bill(HAND, settings(stream={"mode": "ON_DEMAND"}))
    assert line(answer, "stream on demand").usd == Fraction("29.2")  # 730 h at 0.04
    assert line(answer, "data in, by 1 KB").billed == Fraction(4 * 1024 * MONTH, 1024**3)
    assert line(answer, "data out").billed == Fraction(2 * 4 * 640 * MONTH, 1024**3)
    assert not [row for row in answer.lines if row.item.what.startswith("shards")]


def test_enhanced_fan_out_is_charged_by_shards_and_bytes():
    answer = bill(HAND, settings(stream={"shards": 2}, scoring={"enhanced_fan_out": True}))
    assert line(answer, "fan-out, shards: 2").usd == Fraction("21.9")  # 1,460 shard-hours at 0.015
    # 4 * 640 bytes a second at 0.013 a GB.
    assert line(answer, "fan-out: data out").usd == Fraction(4 * 640 * MONTH, 1024**3) * Fraction("0.013")
    idle = bill(Workload(wells=0), settings(scoring={"enhanced_fan_out": True}))
    assert line(idle, "fan-out, shards: 1").usd == Fraction("10.95")
    assert not [row for row in bill(HAND, settings()).lines if "fan-out" in row.item.what]


def test_enhanced_fan_out_of_a_stream_on_demand_is_charged_by_bytes_alone():
    answer = bill(HAND, settings(stream={"mode": "ON_DEMAND"}, scoring={"enhanced_fan_out": True}))
    once = Fraction(4 * 640 * MONTH, 1024**3)
    assert line(answer, "data out, to the raw copy").billed == once
    assert line(answer, "fan-out: data out").usd == once * Fraction("0.05")


def test_with_enhanced_fan_out_the_next_record_opens_the_window():
    # 4 records a second on one shard: a window of 9 s, and a quarter of a second until the next record.
    assert Flow(settings(scoring={"enhanced_fan_out": True}), HAND).batch_seconds == Fraction(37, 4)
    # Without a window each record is a batch.
    at_once = {"enhanced_fan_out": True, "batching_window_seconds": 0}
    assert Flow(settings(scoring=at_once), HAND).batch_seconds == Fraction(1, 4)


def test_lambda_writes_no_log_of_its_own_where_only_failures_are_logged():
    quiet = bill(HAND, settings(runtime={"system_log_level": "WARN"}))
    assert line(quiet, "logs in").billed == Fraction(131_400 * 1120, 1024**3)


def test_a_small_entry_is_not_compressed():
    # A row of each of four wells a second, 2,920 bytes: sent as it is, billed as 5 KB.
    at_once = settings(scoring={"batching_window_seconds": 0})
    answer = bill(Workload(wells=4, facilities=4), at_once)
    assert line(answer, "curated zone: entries in").billed == Fraction(5120 * MONTH, 1024**3)
    assert Flow(at_once, Workload(wells=4, facilities=4)).entries(lambda size: size) == 2920


def test_the_raw_copy_goes_when_its_batch_is_full():
    full = settings(raw_copy={"batch_size": 40})
    assert line(bill(HAND, full), "raw copy: invocations").billed == MONTH / 10
    # Nothing is copied while nothing comes.
    slow = Workload(wells=1, hz=Fraction(1, 1000))
    assert line(bill(slow, settings()), "raw copy: invocations").billed == MONTH / 1000


def test_a_longer_memory_of_the_stream_is_charged():
    week = bill(HAND, settings(stream={"retention_hours": 168}))
    assert line(week, "retention beyond a day").usd == Fraction("14.6")  # 730 shard-hours at 0.02
    month = bill(HAND, settings(stream={"retention_hours": 168 + 730}))
    assert line(month, "retention beyond a week").billed == Fraction(8 * 320 * MONTH, 1024**3)


def test_a_batch_closes_when_it_is_full_by_records_or_by_bytes():
    # 4 records a second: 20 of them are there after 5 s.
    assert Flow(settings(scoring={"batch_size": 20}), HAND).batch_seconds == 5
    # 1,000 readings a second in one block each of 4: 320,000 bytes as base64 and 4 * 3 pieces' envelopes.
    flow = Flow(settings(scoring={"batching_window_seconds": 60}), Workload(wells=1000, facilities=4))
    assert flow.batch_seconds == Fraction(6 * 1024**2) / (320_000 * Fraction(4, 3) + 4 * 400)
    # Nothing comes but every 100 s, so nothing is scored in between.
    slow = Workload(wells=1, hz=Fraction(1, 100))
    assert Flow(settings(), slow).batch_seconds == 100


def test_blocks_and_entries_over_their_limit_are_cut():
    assert list(pieces(Fraction(640), 1000)) == [(1, 640)]
    assert list(pieces(Fraction(2500), 1000)) == [(2, 1000), (1, 500)]
    assert list(pieces(Fraction(2000), 1000)) == [(2, 1000)]
    # 1,000 wells in one facility: 320,000 bytes a second in records of at most 131,072, of 25 KB units.
    answer = bill(Workload(wells=1000, facilities=1), settings())
    assert line(answer, "Kinesis records in").billed == (2 * 6 + ceil((320_000 - 262_144) / 25_600)) * MONTH


def test_raw_data_cool_with_age_once_their_objects_are_large_enough():
    many = Workload(wells=80, facilities=4, months=12)
    answer = bill(many, settings())
    daily = Fraction(80 * 20 * 86_400, 1024**3)
    assert line(answer, "S3 raw data, infrequent").billed == daily * 60
    assert line(answer, "S3 raw data, Glacier").billed == daily * 275
    standard = [row for row in answer.lines if row.item.what == "raw data"]
    assert [row.billed for row in standard] == [daily * 30]
    assert line(answer, "moved to infrequent").billed == 8760
    small = bill(Workload(wells=8, facilities=4, months=12), settings())
    assert line(small, "S3 raw data").billed == Fraction(12 * 8 * MONTH * 20, 1024**3)


def test_the_free_tier_is_taken_off_once_although_lines_share_it():
    paid, free = bill(HAND, settings()), bill(HAND, settings(), free_tier=True)
    assert line(free, "custom metrics").usd == 0
    assert line(free, "alarms").billed == 8
    assert line(free, "scoring: invocations").usd == 0
    busy = settings(scoring={"batching_window_seconds": 0}, firehose={})
    requests = [row for row in bill(HAND, busy, free_tier=True).lines if row.price.key == "lambda.request"]
    jobs = 73 + Fraction(730, 24) * Fraction(15, 7)
    assert (
        sum(row.billed for row in requests)
        == MONTH + Fraction(MONTH, 10) + Fraction(MONTH, 60) + jobs - 1_000_000
    )
    assert free.total < paid.total


def test_ten_wells_at_1_hz_all_day_keep_the_limits_under_the_settings_as_they_are():
    answer = bill(Workload(wells=10, fargate=True), load_settings())
    assert answer.path < PATH_LIMIT == 20
    assert answer.total < TOTAL_LIMIT == 60
    assert bill(Workload(wells=10), load_settings()).total < 25
    assert answer.path == sum(row.usd for row in answer.lines if row.item.group == "Lambda path")
    assert answer.total == sum(row.usd for row in answer.lines)


def test_after_down_nothing_is_charged_but_buckets_that_were_kept():
    for workload in (HAND, Workload(wells=100, fargate=True, customer_key=True, months=36)):
        answer = bill(workload, settings())
        assert answer.after_down().total == 0
        kept = answer.after_down(keep_data=True)
        assert {row.item.service for row in kept.lines} == {"S3"}
        assert 0 < kept.total < answer.total


def test_without_readings_only_what_is_on_all_the_time_is_charged():
    for idle in (Workload(wells=0, fargate=True), Workload(hours=Fraction(0), fargate=True)):
        answer = bill(idle, settings())
        assert {row.item.fixed for row in answer.lines if row.usd} == {True}
        # Shard 10.95, alarms 1.80, dashboard 3.00, services without logs 32.481075, and runs without days.
        runs = sum(row.usd for row in answer.lines if row.item.group == "Jobs")
        assert 0 < runs < Fraction(1, 50)
        assert answer.total - runs - line(answer, "logs of tasks").usd == Fraction("48.231075")


wells = st.integers(0, 300)
rates = st.fractions(Fraction(1, 60), Fraction(20), max_denominator=60)
hours = st.integers(0, 24).map(Fraction)
windows = st.sampled_from([0, 1, 2, 5, 10, 20, 60])
modes = st.sampled_from(["PROVISIONED", "ON_DEMAND"])


@given(wells, st.integers(1, 60), rates, hours, st.none() | st.integers(1, 40), windows, modes)
def test_more_wells_never_cost_less(some, more, hz, daily, facilities, window, mode):
    built = settings(scoring={"batching_window_seconds": window}, stream={"mode": mode})

    def total(count: int) -> Fraction:
        asked = Workload(wells=count, hz=hz, hours=daily, facilities=facilities)
        return bill(asked, built).total

    assert total(some + more) >= total(some)


@given(wells, rates, hours, hours)
def test_more_hours_a_day_never_cost_less(some, hz, one, other):
    low, high = sorted((one, other))
    totals = [bill(Workload(wells=some, hz=hz, hours=h), settings()).total for h in (low, high)]
    assert totals[0] <= totals[1]


@given(wells, rates, hours, st.integers(1, 48), st.booleans())
def test_no_line_is_negative_and_the_parts_make_the_whole(some, hz, daily, months, free):
    answer = bill(Workload(wells=some, hz=hz, hours=daily, months=months), settings(), free_tier=free)
    assert all(row.usd >= 0 for row in answer.lines)
    assert sum(answer.by_service().values()) == answer.total
    assert answer.path <= answer.total


def test_wells_spread_evenly_or_as_the_fleet_places_them():
    assert Workload(wells=10, facilities=4).wells_by_facility() == (3, 3, 2, 2)
    assert Workload(wells=2, facilities=4).wells_by_facility() == (1, 1)
    assert sum(Workload(wells=50).wells_by_facility()) == 50
    assert len(Workload(wells=500).wells_by_facility()) == 8


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"wells": -1}, "wells = -1"),
        ({"hz": Fraction(0)}, "hz = 0"),
        ({"hours": Fraction(25)}, "hours = 25"),
        ({"facilities": 0}, "facilities = 0"),
        ({"months": 0}, "months = 0"),
    ],
)
def test_a_workload_that_makes_no_sense_is_refused_by_field(wrong, name):
    with pytest.raises(WorkloadError, match=re.escape(name)):
        Workload(**wrong)


def test_blocks_come_as_often_as_the_settings_say():
    stream = load_settings().stream
    assert Workload().block_seconds == Fraction(str(stream.block_seconds))
    seldom = load_settings().model_copy(update={"stream": stream.model_copy(update={"block_seconds": 0.1})})
    assert block_seconds(seldom) == Fraction(1, 10)


def test_advice_puts_throttling_before_savings():
    # 4,000 readings of 320 bytes a second are over one shard's 1 MB, also if they are scored once a minute.
    slow = settings(scoring={"batching_window_seconds": 59, "memory_mb": 1769})
    load = Workload(wells=4000)
    assert "needs 2: raise it, or" in advice(bill(load, slow), slow)
    hint = advice(bill(HAND, settings()), settings())
    assert re.search(r"would save \$\d+\.\d\d a month", hint)
    pushed = settings(scoring={"enhanced_fan_out": True})
    assert "enhanced_fan_out false" in advice(bill(HAND, pushed), pushed)
    rarely = Workload(wells=0)
    assert "No single change" in advice(bill(rarely, settings()), settings())


def test_a_function_that_does_not_keep_up_needs_more_shards_or_memory():
    at_once = settings(scoring={"batching_window_seconds": 0, "memory_mb": 1769})
    # In each second 1,000 * (1.8 + 0.09) + 8 * 1.9 = 1,905.2 ms, of at most 800 - 47.5 on a shard: three.
    load = Workload(wells=1000, facilities=8)
    assert Flow(at_once, load).shards_needed == 3
    assert "needs 3: raise it, or" in advice(bill(load, at_once), at_once)
    small = settings(scoring={"batching_window_seconds": 0, "memory_mb": 512})
    # The same at 512/1769: 6,582.6 ms, of at most 800 - 53.6.
    assert Flow(small, load).shards_needed == 9
    assert "needs 9: raise it or scoring.memory_mb (512, up to 1769)" in advice(bill(load, small), small)
    assert Flow(small, Workload(wells=100)).shards_needed == 1
    assert Flow(small, Workload(wells=0)).shards_needed == 1


def test_every_price_is_dated_sourced_and_used():
    prices = load_prices()
    assert all(price.source.startswith("https://aws.amazon.com/") for price in prices.values())
    used: set[str] = set()
    for mode, capacity in (("PROVISIONED", "FARGATE_SPOT"), ("ON_DEMAND", "FARGATE")):
        for architecture, pushed in (("arm64", True), ("x86_64", False)):
            built = settings(
                stream={"mode": mode, "retention_hours": 8760},
                runtime={"architecture": architecture},
                scoring={"enhanced_fan_out": pushed},
                services={"capacity": capacity},
                spark={"enabled": True},
            )
            asked = Workload(wells=100, months=12, fargate=True, customer_key=True)
            used |= {row.price.key for row in bill(asked, built).lines}
    assert used == set(prices)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"usd": 0.1}, "usd = 0.1, expected a decimal in quotes"),
        ({"usd": "-1"}, "usd = '-1'"),
        ({"per": 0}, "per = 0"),
        ({"as_of": "last year"}, "as_of = 'last year', expected YYYY-MM"),
        ({"source": "a friend"}, "source = 'a friend'"),
    ],
)
def test_a_price_table_that_cannot_be_trusted_is_refused(tmp_path, change, says):
    table = json.loads(PRICES_FILE.read_text())
    table["prices"]["s3.put"].update(change)
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(table))
    with pytest.raises(PricesError, match=re.escape(f"{path}: s3.put: {says}")):
        load_prices(path)


def test_a_missing_price_is_named():
    prices = {key: price for key, price in load_prices().items() if key != "sqs.request"}
    with pytest.raises(PricesError, match=r"sqs\.request"):
        bill(HAND, settings(), prices)


def test_metrics_billed_are_those_the_functions_publish():
    text = (ROOT / "lambdas" / "firehose_transform" / "handler.py").read_text()
    transform = set(re.findall(r'add_metric\(name="(\w+)"', text))
    # The transform's metric has no value in normal times.
    assert transform == {"BlocksFailed"}
    assert len(COUNTED_ALWAYS) == f.METRICS


def test_dollars_round_half_up_without_binary_floats():
    assert dollars(Fraction("0.005")) == "0.01"
    assert dollars(Fraction("1.004999")) == "1.00"
    assert dollars(Fraction("19.895")) == "19.90"
    assert dollars(Fraction(0)) == "0.00"


def test_json_has_every_line_and_adds_up():
    answer = bill(HAND, settings())
    shown = as_json(answer, "nothing")
    assert len(shown["lines"]) == len(answer.lines)
    assert abs(sum(Fraction(row["usd"]) for row in shown["lines"]) - answer.total) < Fraction(1, 10_000)
    assert shown["after_down_usd"] == "0.000000"
    assert shown["limits"]["lambda_path_met"] is (answer.path < 20)


def run(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cost", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_line_prints_a_table_or_json_and_can_fail_over_a_limit():
    shown = run("--wells", "10")
    assert shown.returncode == 0
    assert "Lambda path" in shown.stdout
    assert "After ./project_down.sh aws: $0.00" in shown.stdout
    answer = json.loads(run("--wells", "10", "--hz", "0.5", "--json").stdout)
    assert answer["workload"]["hz"] == 0.5
    assert run("--wells", "500", "--check").returncode == 1
    pushed = json.loads(run("--enhanced-fan-out", "--json").stdout)
    assert "enhanced fan-out, shards: 1" in {row["what"] for row in pushed["lines"]}


def test_the_command_line_refuses_what_makes_no_sense():
    refused = run("--wells", "10", "--hours", "25")
    assert refused.returncode == 2
    assert "hours = 25" in refused.stderr


def test_the_tables_in_readme_and_docs_show_what_the_model_says():
    built = load_settings()

    def sums(**workload) -> tuple[str, str]:
        answer: Bill = bill(Workload(**workload), built)
        return dollars(answer.path), dollars(answer.total)

    (path, total), (_, idle) = sums(), sums(wells=0)
    (_, everything), (_, idle_everything) = sums(fargate=True), sums(wells=0, fargate=True)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"| **Total** | **{total}** | **{idle}** |" in readme
    assert f"load balancer | {everything} | {idle_everything} |" in readme
    page = (ROOT / "docs" / "reference" / "cost.md").read_text(encoding="utf-8")
    assert f"| **10 wells** | **{path}** | **{total}** |" in page
    for label, workload in (
        ("1 well", {"wells": 1}),
        ("10 wells, 8 hours a day", {"hours": Fraction(8)}),
        ("50 wells", {"wells": 50}),
        ("100 wells", {"wells": 100}),
    ):
        assert f"| {label} | {' | '.join(sums(**workload))} |" in page


def test_a_spark_run_is_billed_by_the_core_hour_and_only_where_there_is_spark():
    off, on = bill(HAND, settings()), bill(HAND, settings(spark={"enabled": True}))
    assert not [row for row in off.lines if row.item.service == "EMR Serverless"]
    # 8 readings a second for a month, 29,500 a core-second, and 16 cores for five minutes.
    hours = (Fraction(8 * MONTH, 29_500) + 16 * 300) / 3600
    assert line(on, "Spark, a run over the month: vCPU").billed == hours
    assert line(on, "Spark, a run over the month: memory").billed == 4 * hours
    assert on.total - off.total == hours * (Fraction("0.042094") + 4 * Fraction("0.004628"))
    assert on.path == off.path
    idle = bill(Workload(wells=0), settings(spark={"enabled": True}))
    assert idle.total == bill(Workload(wells=0), settings()).total


def test_the_docs_show_the_price_of_a_spark_run():
    built = load_settings()
    on = built.model_copy(update={"spark": built.spark.model_copy(update={"enabled": True})})

    def more(**workload) -> str:
        return dollars(bill(Workload(**workload), on).total - bill(Workload(**workload), built).total)

    page = (ROOT / "docs" / "reference" / "cost.md").read_text(encoding="utf-8")
    for wells in (10, 100, 1000):
        assert f"| {wells:,} wells | {more(wells=wells)} |" in page


def test_the_docs_show_the_price_of_the_services():
    page = (ROOT / "docs" / "reference" / "cost.md").read_text(encoding="utf-8")
    off = bill(Workload(wells=10), load_settings()).total

    def more(capacity: str, cidrs: list[str], dashboard: bool) -> str:
        raw = load_settings().model_dump()
        raw["services"].update(enabled=True, capacity=capacity)
        raw["services"]["dashboard"]["enabled"] = dashboard
        raw["services"]["access"]["allowed_cidrs"] = cidrs
        raw["scoring"]["consumer"] = "service"
        return dollars(bill(Workload(wells=10), Settings.model_validate(raw)).total - off)

    office = ["203.0.113.0/24"]
    for cidrs, dashboard in (([], False), (office, False), (office, True)):
        row = (more(capacity, cidrs, dashboard) for capacity in ("FARGATE_SPOT", "FARGATE"))
        assert f"| {' | '.join(row)} |" in page


def test_the_docs_show_the_price_of_enhanced_fan_out():
    page = (ROOT / "docs" / "reference" / "cost.md").read_text(encoding="utf-8")
    latency = (ROOT / "docs" / "reference" / "latency.md").read_text(encoding="utf-8")

    def sums(window: int, pushed: bool, wells: int = 10) -> tuple[str, str]:
        built = load_settings()
        changes = {"batching_window_seconds": window, "enhanced_fan_out": pushed}
        scoring = built.scoring.model_copy(update=changes)
        answer = bill(Workload(wells=wells), built.model_copy(update={"scoring": scoring}))
        return dollars(answer.path), dollars(answer.total)

    for window in (0, 1, 2):
        row = (*sums(window, pushed=True), *sums(window, pushed=True, wells=0))
        assert f"| {window} s | {' | '.join(row)} |" in page
    section = latency.partition("## With enhanced fan-out")[2].partition("\n## ")[0]
    shown = dict(re.findall(r"^\| (\d) s \|.*\| ([\d.]+) \|$", section, re.MULTILINE))
    assert shown == {str(window): sums(window, pushed=True)[0] for window in (0, 1)}
    window = load_settings().scoring.batching_window_seconds
    path, _ = sums(window, pushed=True)
    more = Fraction(path) - Fraction(sums(window, pushed=False)[0])
    for text in (page, latency):
        assert f"${dollars(more)} a month more" in text
