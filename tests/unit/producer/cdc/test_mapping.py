import json

import pytest

from producer.cdc.errors import MapInvalid
from producer.cdc.mapping import read_map

WHOLE = """
[source]
table = "public.readings"
time_zone = "America/Sao_Paulo"
name = "historian/north"
[columns]
well_id = "well"
ts = "measured_at"
P-PDG = "pdg"
[wells]
"P-07 NORTH" = "WELL-00007"
[poll]
interval = "1m"
batch = 100
look_back = 900
"""


def written(folder, text, name="map.toml"):
    path = folder / name
    path.write_text(text)
    return path


def test_a_map_is_read(tmp_path):
    found = read_map(written(tmp_path, WHOLE))
    assert (found.kind, found.table, found.source) == ("postgresql", "public.readings", "historian/north")
    assert found.columns == {"well_id": "well", "ts": "measured_at", "p_pdg": "pdg"}
    assert found.wells == {"P-07 NORTH": "WELL-00007"}
    assert (found.zone.key, found.interval_s, found.batch, found.look_back_s) == (
        "America/Sao_Paulo",
        60,
        100,
        900,
    )


def test_json_of_the_same_shape_is_the_same_map(tmp_path):
    shape = {"source": {"kind": "csv", "file": "a.csv"}, "columns": {"well_id": "w", "ts": "t"}}
    found = read_map(written(tmp_path, json.dumps(shape), "map.json"))
    assert found.table == str(tmp_path / "a.csv")
    assert (found.source, found.look_back_s, found.interval_s, found.batch) == ("cdc/a.csv", 600, 5, 5000)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ('table = "public.readings"', "", "source.table: is None"),
        ("table =", "tables =", r"source.tables: is not read; did you mean table\?"),
        ("America/Sao_Paulo", "Sao Paulo", "'Sao Paulo' is no zone such as"),
        ("P-PDG", "p_pgd", r"columns.p_pgd: is no field of a reading; did you mean p_pdg\?"),
        ("P-PDG", "source", "columns.source: is no field of a reading"),
        ('ts = "measured_at"', "", "columns.ts: is missing"),
        ('"pdg"', "3", "columns.P-PDG: is 3; expected a text"),
        ('"1m"', '"soon"', "poll.interval: is 'soon'; expected a period"),
        ("batch = 100", "batch = 0", "poll.batch: is 0; expected a whole number from 1 to 100000"),
        (
            "[source]",
            '[source]\nkind = "oracle"',
            "source.kind: is 'oracle'; expected 'postgresql', 'sqlalchemy', 'csv'",
        ),
        ("[source]", '[source]\nepoch = "ns"', "source.epoch: is 'ns'; expected 's', 'ms', 'us'"),
        ("[source]", "[source", "neither JSON .* nor TOML"),
        ('P-PDG = "pdg"', 'P-PDG = "pdg"\np_pdg = "x"', "is a second column for p_pdg"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path, before, after, problem):
    assert before in WHOLE
    path = written(tmp_path, WHOLE.replace(before, after, 1))
    with pytest.raises(MapInvalid, match=problem) as caught:
        read_map(path)
    assert str(path) in str(caught.value)
