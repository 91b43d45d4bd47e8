"""The examples of docs/guides/historian.md are what the code takes."""

import json
import re

import pytest

from petrostream.readings import validate_block
from producer.cdc.mapping import read_map
from tests.support.paths import ROOT

GUIDE = (ROOT / "docs" / "guides" / "historian.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.S)


def test_the_map_is_one(tmp_path):
    path = tmp_path / "map.toml"
    path.write_text(next(block for block in blocks("toml") if "[poll]" in block))
    found = read_map(path)
    assert found.columns["p_pdg"] == "pdg_pressure"
    assert (found.batch, found.look_back_s, found.zone.key) == (5000, 600, "America/Sao_Paulo")


def test_the_section_of_a_csv_file_is_one(tmp_path):
    path = tmp_path / "map.toml"
    section = next(block for block in blocks("toml") if 'kind = "csv"' in block)
    path.write_text(section + '[columns]\nwell_id = "w"\nts = "t"\n')
    assert read_map(path).delimiter == ";"


@pytest.mark.parametrize("key", ["FAC-03", "WELL-00011"])
def test_what_the_rule_of_iot_core_makes_of_a_message_is_a_reading_under_the_facilitys_key(key):
    message = next(json.loads(block) for block in blocks("json") if '"ts"' in block)
    rule = next(block for block in blocks("sql") if "topic(2)" in block)
    topic = ["wells", "FAC-03", "WELL-00011", "reading"]
    named = dict(re.findall(r"topic\((\d)\) AS (\w+)", rule))
    fixed = {name: text for text, name in re.findall(r"'(\w+)' AS (\w+)", rule)}
    reading = message | fixed | {name: topic[int(place) - 1] for place, name in named.items()}
    found = validate_block(
        json.dumps(reading).encode(), sequence="1", now_ms=1_790_000_000_000 + 10**10, partition_key=key
    )
    assert reading["well_id"] == "WELL-00011"
    assert len(found.readings) == (key == "FAC-03")
    assert [one.reasons for one in found.rejected] == ([] if key == "FAC-03" else [("facility_mismatch",)])
