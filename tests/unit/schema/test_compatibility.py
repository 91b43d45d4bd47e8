"""Releases live side by side: no schema breaks with a released one, and each reads the data of the other."""

import copy
import json

import pytest

from petrostream.lake.scored_readings import rows_to_blocks
from petrostream.readings.validation import validate_block
from petrostream.readings.wells import encode_block
from petrostream.schema.compatibility import breaks
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from tests.support.duck_lake import DuckLake
from tests.support.paths import ROOT
from tests.support.scoring_world import reading, tank_reading

RELEASED = sorted((ROOT / "tests" / "released").iterdir())


def schemas(folder):
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}


H2S = {"name": "h2s_ppm", "type": "double"}
NOW = schemas(ROOT / "petrostream" / "schema")


def field(schema, name):
    return next(entry for entry in schema["fields"] if entry.get("name") == name)


@pytest.mark.parametrize("release", RELEASED, ids=lambda path: path.name)
def test_every_release_can_live_beside_the_schemas_as_they_are(release):
    assert breaks(schemas(release), NOW) == []


def remove(schema, name):
    schema["fields"].remove(field(schema, name))


def changed(change):
    after = copy.deepcopy(NOW)
    change(after)
    return breaks(NOW, after)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s.pop("alarms"), "alarms: the schema is missing"),
        (lambda s: remove(s["well_reading"], "co2_ppm"), "well_reading.co2_ppm: missing"),
        (
            lambda s: field(s["sensors"], "p_tpt").update(unit="bar"),
            "sensors.p_tpt: unit was 'Pa' and is 'bar'",
        ),
        (
            lambda s: field(s["scored_readings"], "risk_score").update(type="string"),
            "scored_readings.risk_score: type",
        ),
        (lambda s: field(s["well_reading"], "co2_ppm").update(required=True), "older writers leave it out"),
        (lambda s: field(s["well_reading"], "source").update(required=False), "older readers reject records"),
        (
            lambda s: s["tank_reading"]["fields"].append({"name": "ph", "type": "double", "required": True}),
            "tank_reading.ph: new and required",
        ),
        (
            lambda s: s["scored_readings"].update(prefix="scored/"),
            "scored_readings: prefix was 'scored_readings/'",
        ),
        (lambda s: s["alarms"].update(partitions=[]), "alarms: its partitions changed"),
        (
            lambda s: s["sensors"]["fields"].insert(0, s["sensors"]["fields"].pop()),
            "sensors: their order changed",
        ),
    ],
)
def test_a_change_that_breaks_is_named_with_its_field(change, says):
    (problem,) = changed(change)
    assert says in problem


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["well_reading"]["fields"].append(H2S | {"required": False}),
        lambda s: s["scored_readings"]["fields"].insert(3, H2S),
        lambda s: s.update(flares={"name": "flares", "fields": []}),
        lambda s: field(s["sensors"], "p_tpt").update(max=2e8, description="Pressure"),
    ],
)
def test_optional_fields_new_tables_and_wider_bounds_break_nothing(change):
    assert changed(change) == []


def test_a_reader_older_than_the_writer_scores_the_reading_and_says_what_it_did_not_know():
    valid = validate_block(encode_block([reading(1, 0, h2s_ppm=3.0)]), sequence="1", now_ms=2**50)
    assert not valid.rejected
    (reasons,) = valid.readings.reasons
    assert reasons == ("unknown_field:h2s_ppm",)
    newer_tank = encode_block([tank_reading(0, ph=7.0)])
    assert len(validate_block(newer_tank, sequence="1", now_ms=2**50, tanks=True).tanks) == 1


def test_a_reader_newer_than_the_writer_takes_what_is_missing_for_null():
    optional = {"p_pdg", "p_tpt", "t_tpt", "class"}
    row = {name: value for name, value in reading(1, 0).items() if name not in optional}
    valid = validate_block(encode_block([row]), sequence="1", now_ms=2**50)
    assert not valid.rejected
    assert valid.readings.label == [None]


def test_rows_of_an_older_writer_are_null_in_the_columns_it_did_not_know():
    valid = validate_block(encode_block([reading(1, 0)]), sequence="1", now_ms=2**50).readings
    scored = score_batch(FacilityState("FAC-01"), valid, None, scored_at_ms=0).rows
    (block,) = rows_to_blocks(scored)
    row = json.loads(block.data)
    del row["alarm_active"]  # as a release before alarms wrote it
    old = type(block)(block.date, json.dumps(row).encode() + b"\n", 1)
    (found,) = DuckLake({"scored_readings": [old]}).ask("SELECT well_id, alarm_active FROM well_data")
    assert found == {"well_id": "WELL-00001", "alarm_active": None}
