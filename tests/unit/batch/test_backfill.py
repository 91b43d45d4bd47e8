"""A backfill replaces the days it is asked for with the rows of another model, whole or not at all."""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from itertools import count

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch import JobRequest, RequestInvalid
from batch.backfill import backfill
from batch.gold import Gold
from batch.recompute import Recomputation
from batch.stream_order import StreamOrder
from petrostream.aws.models import ModelStore
from petrostream.errors import ModelInvalid
from petrostream.lake import RawRecord, members, read_members
from petrostream.readings import encode_block
from petrostream.times import to_iso
from tests.support.depth import DEEP
from tests.support.gold_lake import NOW, SETTINGS, gold_lake
from tests.support.scoring_world import published

FIRST = date(2026, 11, 20)
DAYS = [FIRST + timedelta(days=n) for n in range(3)]
ROWS = (
    "SELECT date, event_id, anomaly_flag, model_version, kinesis_sequence FROM well_data ORDER BY ts, well_id"
)
MODEL_OF_DAY = (
    "SELECT CAST(date AS VARCHAR) AS day, model_version, COUNT(*) AS n FROM well_data "
    "GROUP BY date, model_version"
)


def midnight(day):
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def record(well, start_ms, seconds, late_ms=500):
    """A stream record: a well's readings, one a second."""
    rows = [
        {
            "kind": "well",
            "well_id": f"WELL-{well:05d}",
            "facility_id": f"FAC-{well:02d}",
            "ts": to_iso(start_ms + 1000 * second),
            "source": f"0/WELL-{well:05d}_a",
            "p_pdg": 2.1e7 + 1e4 * (second % 7),
            "p_tpt": 1.4e7 - 1e4 * (second % 5),
            "t_tpt": 95.0,
        }
        for second in range(seconds)
    ]
    arrival_ms = start_ms + 1000 * seconds + late_ms
    sequence = f"{arrival_ms * 1000 + well:056d}"
    return RawRecord(encode_block(rows), sequence, f"FAC-{well:02d}", arrival_ms)


def registry():
    """Versions v1, which is live, and v2, for which every reading is anomalous."""
    objects = dict(published())
    manifest = json.loads(objects["models/v1/manifest.json"])
    objects["models/v2/model.onnx"] = objects["models/v1/model.onnx"]
    second = manifest | {"version": "v2", "fleet": manifest["fleet"] | {"threshold": 1e-9, "version": "v2"}}
    objects["models/v2/manifest.json"] = json.dumps(second).encode()
    joblib = b"no pickle is read"
    for version in ("v1", "v2"):
        whole = json.loads(objects[f"models/{version}/manifest.json"])
        whole["fleet"]["joblib"] = {"path": "model.joblib", "sha256": hashlib.sha256(joblib).hexdigest()}
        objects[f"models/{version}/manifest.json"] = json.dumps(whole).encode()
        objects[f"models/{version}/model.joblib"] = joblib
    return objects


class Stream:
    """A stream whose records are in the raw zone, and whose rows are in the curated zone."""

    def __init__(self, lake):
        self.lake = lake
        self.records = []
        for day in DAYS:
            for well in (1, 2):
                for hour in (0, 12, 23):
                    self.records.append(record(well, midnight(day) + 3_600_000 * hour + 3_480_000, 200))

    def put(self, key, records):
        body = b"".join(members(records))
        self.lake.client("s3").put_object(Bucket=SETTINGS.raw_bucket, Key=key, Body=body)

    def land_raw(self):
        """Objects by date of arrival, the last record of each first and twice."""
        by_date = {}
        for one in sorted(self.records, key=lambda one: one.arrival_ms):
            by_date.setdefault(datetime.fromtimestamp(one.arrival_ms / 1000, UTC).date(), []).append(one)
        for day, records in by_date.items():
            name = f"ingest/date={day}/petrostream-raw-1-{day}-00-00-0"
            self.put(f"{name}0-a.gz", [*records[1:], records[-1]])
            self.put(f"{name}1-b.gz", records[:1])

    def score(self, version="v1"):
        """Rows by date, as the stream's consumer writes them."""
        models = ModelStore(SETTINGS.artifacts_bucket, self.lake.client("s3")).load(version)
        files = [(0, read_members("all", b"".join(members(self.records))))]
        found = {}
        for day, rows in Recomputation(models, lambda: 1_795_000_000_000).rows(StreamOrder().take(files)):
            found.setdefault(day, []).append(rows)
        return found

    def land_curated(self):
        for day, tables in self.score().items():
            for number, rows in enumerate(tables):
                self.lake.land(rows, f"part-{number}", day=day)


@pytest.fixture
def lake(tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with gold_lake(tmp_path) as made:
        s3 = made.client("s3")
        for bucket in (SETTINGS.raw_bucket, SETTINGS.artifacts_bucket):
            s3.create_bucket(Bucket=bucket)
        for key, body in registry().items():
            s3.put_object(Bucket=SETTINGS.artifacts_bucket, Key=key, Body=body)
        yield made


@pytest.fixture
def stream(lake):
    made = Stream(lake)
    made.land_raw()
    made.land_curated()
    return made


def ask(lake, *, step=lambda _: None, **event):
    return backfill(Gold(lake.context(), step=step), JobRequest.from_event({"job": "backfill", **event}))


def pointer(lake):
    body = lake.client("s3").get_object(Bucket=SETTINGS.artifacts_bucket, Key="models/current.json")["Body"]
    return json.loads(body.read())["version"]


def days_of(lake):
    return {(row["day"], row["model_version"]): row["n"] for row in lake.ask(MODEL_OF_DAY)}


def test_a_backfill_with_the_same_model_makes_the_same_rows(lake, stream):
    every = "SELECT * FROM well_data ORDER BY ts, well_id"
    before = [{**row, "scored_at": None} for row in lake.ask(every)]
    result = ask(lake, **{"from": str(DAYS[0]), "to": str(DAYS[2]), "model": "v1"})
    assert not result.failed
    assert [done["changed_flags"] for done in result.days.values()] == [0, 0, 0]
    assert [done["kept"] for done in result.days.values()] == [0, 0, 0]
    after = lake.ask(every)
    again = {row["scored_at"] for row in after if row["date"] in DAYS}
    assert again == {NOW.replace(tzinfo=None)}
    assert [{**row, "scored_at": None} for row in after] == before
    assert result.details["raw_repeated"] == 4
    assert result.details["exact"] is True


def test_another_model_replaces_exactly_the_chosen_days(lake, stream):
    lake.compact()
    before = {row["event_id"]: row for row in lake.ask(ROWS)}
    result = ask(lake, date=str(DAYS[1]), model="v2")
    after = {row["event_id"]: row for row in lake.ask(ROWS)}
    assert after.keys() == before.keys()
    assert {row["date"] for row in after.values() if row["model_version"] == "v2"} == {DAYS[1]}
    changed = [one for one in after if after[one]["anomaly_flag"] != before[one]["anomaly_flag"]]
    assert {after[one]["date"] for one in changed} == {DAYS[1]}
    assert result.days[DAYS[1]]["changed_flags"] == len(changed) > 100
    assert all(after[one]["kinesis_sequence"] == before[one]["kinesis_sequence"] for one in after)
    assert pointer(lake) == "v1"


def test_twice_changes_nothing(lake, stream):
    ask(lake, date=str(DAYS[1]), model="v2")
    rows, keys = lake.ask(ROWS), lake.keys("gold/")
    result = ask(lake, date=str(DAYS[1]), model="v2")
    assert result.days == {DAYS[1]: {"state": "unchanged"}}
    assert (lake.ask(ROWS), lake.keys("gold/")) == (rows, keys)
    ask(lake, date=str(DAYS[1]), model="v2", again=True)
    assert lake.ask(ROWS) == rows


def test_compaction_keeps_what_a_backfill_wrote(lake, stream):
    ask(lake, date=str(DAYS[1]), model="v2")
    lake.compact()
    assert {model for day, model in days_of(lake) if day == str(DAYS[1])} == {"v2"}
    lake.compact(date=str(DAYS[1]), rebuild=True)
    assert {model for day, model in days_of(lake) if day == str(DAYS[1])} == {"v1"}


class Killed(BaseException):
    pass


AROUND_THE_CHANGE = (
    *("upload well_data_gold", "point well_data_gold", "point well_data_runs", "point gold_months"),
)
"""The first step of a run, the last, and those around the one that shows the new day."""


def _stops_at(place):
    """Kills a run at a step, by its number or its name."""
    numbers = count()

    def step(name):
        if place in (next(numbers), name):
            raise Killed(name)

    return step


def test_a_kill_at_any_step_leaves_the_old_day_or_the_new_one(lake, stream):
    """A reader after a kill sees what one between the same two steps of a run that goes on sees."""
    lake.compact()
    old = lake.ask(ROWS)
    seen = {}
    for place in count() if DEEP else (*AROUND_THE_CHANGE, "nowhere"):
        try:
            ask(lake, date=str(DAYS[1]), model="v2", again=True, views=False, step=_stops_at(place))
        except Killed as kill:
            rows = lake.ask(ROWS)
            (seen[str(kill)],) = {row["model_version"] for row in rows if row["date"] == DAYS[1]}
            assert [row["event_id"] for row in rows] == [row["event_id"] for row in old]
            assert rows == old or days_of(lake)[str(DAYS[1]), "v2"] == 1200
        else:
            break
    assert seen.keys() >= set(AROUND_THE_CHANGE)
    assert [*seen.values()] == sorted(seen.values())
    assert set(seen.values()) == {"v1", "v2"}


def test_readings_that_the_raw_zone_lost_are_kept_and_counted(lake, stream):
    ids = [row["event_id"] for row in lake.ask(ROWS)]
    key = f"ingest/date={DAYS[1]}/petrostream-raw-1-{DAYS[1]}-00-00-01-b.gz"
    lake.client("s3").delete_object(Bucket=SETTINGS.raw_bucket, Key=key)
    result = ask(lake, date=str(DAYS[1]), model="v2")
    assert result.days[DAYS[1]]["kept"] > 0
    assert [row["event_id"] for row in lake.ask(ROWS)] == ids
    assert days_of(lake)[str(DAYS[1]), "v1"] == result.days[DAYS[1]]["kept"]


def test_readings_that_arrived_days_later_are_found_by_their_curated_objects(lake):
    stream = Stream(lake)
    late = record(3, midnight(DAYS[0]), 60, late_ms=5 * 86_400_000)
    stream.records.append(late)
    stream.land_raw()
    stream.land_curated()
    # The curated objects of these tests are written today, as those of a replay of old data.
    result = ask(lake, date=str(DAYS[0]), model="v2")
    assert result.days[DAYS[0]]["kept"] == 0
    assert days_of(lake)[str(DAYS[0]), "v2"] == 2 * 520 + 60
    bounded = ask(lake, date=str(DAYS[0]), model="v2", again=True, arrived_to=str(DAYS[2]))
    assert bounded.days[DAYS[0]]["kept"] == 60


def test_the_model_is_promoted_on_request_when_all_days_are_done(lake, stream):
    lake.now = datetime(2026, 11, 22, 9, tzinfo=UTC)
    result = ask(lake, **{"from": str(DAYS[1]), "to": str(DAYS[2]), "model": "v2", "promote": True})
    assert "not over" in result.failed[DAYS[2]]
    assert (result.details["promoted"], pointer(lake)) == ("no: not every day is done", "v1")
    result = ask(lake, date=str(DAYS[1]), model="v2", promote=True)
    assert (result.details["promoted"], pointer(lake)) == ("v2", "v2")


def test_without_a_model_the_live_one_scores(lake, stream):
    assert ask(lake, date=str(DAYS[0])).details["model"] == "v1"


def test_a_day_without_raw_records_stays_as_it_is(lake):
    Stream(lake).land_curated()
    rows = lake.ask(ROWS)
    result = ask(lake, date=str(DAYS[0]), model="v2")
    assert "no raw object" in result.failed[DAYS[0]]
    assert lake.ask(ROWS) == rows


@pytest.mark.parametrize("place", ["folder", "s3"])
def test_rows_of_another_engine_are_taken_to_gold(lake, stream, tmp_path, place):
    rows = pa.concat_tables(stream.score("v2")[DAYS[1]])
    pq.write_table(rows, tmp_path / "part-0.parquet")
    if place == "s3":
        where = f"s3://{SETTINGS.artifacts_bucket}/backfills/a"
        key = f"backfills/a/date={DAYS[1]}/part-0.parquet"
        lake.client("s3").upload_file(str(tmp_path / "part-0.parquet"), SETTINGS.artifacts_bucket, key)
    else:
        where = str(tmp_path / "rows")
        (tmp_path / "rows" / f"date={DAYS[1]}").mkdir(parents=True)
        (tmp_path / "part-0.parquet").rename(tmp_path / "rows" / f"date={DAYS[1]}" / "part-0.parquet")
    with pytest.raises(RequestInvalid, match="are of v2; name that version"):
        ask(lake, date=str(DAYS[1]), model="v1", rows=where)
    asked = {"from": str(DAYS[0]), "to": str(DAYS[1]), "model": "v2", "rows": where}
    result = ask(lake, **asked)
    assert (result.days[DAYS[1]]["readings"], result.days[DAYS[1]]["kept"]) == (1200, 0)
    assert "no rows" in result.failed[DAYS[0]]
    assert days_of(lake)[str(DAYS[1]), "v2"] == 1200
    assert ask(lake, **asked).days == {DAYS[1]: {"state": "unchanged"}}


def test_a_warm_up_that_begins_after_the_first_record_is_told(lake, stream):
    result = ask(lake, date=str(DAYS[2]), model="v1", warm_up_days=0)
    assert result.details["exact"] is False
    assert ask(lake, date=str(DAYS[2]), model="v1", warm_up_days=-1, again=True).details["exact"] is True


@pytest.mark.parametrize(
    ("event", "error", "named"),
    [
        ({}, RequestInvalid, "from = None"),
        ({"date": "2026-11-20", "model": "../v1"}, RequestInvalid, r"'\.\./v1' must be"),
        ({"date": "2026-11-20", "model": "v9"}, ModelInvalid, "no such object"),
        ({"date": "2026-11-20", "warm_up_days": "much"}, RequestInvalid, "warm_up_days = 'much'"),
        ({"date": "2026-11-20", "arrived_to": "later"}, RequestInvalid, "arrived_to = 'later'"),
    ],
)
def test_an_unusable_request_is_refused_by_name(lake, event, error, named):
    with pytest.raises(error, match=named):
        ask(lake, **event)
