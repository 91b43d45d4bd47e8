import json
from importlib.resources import files

import numpy as np
import pytest

from petrostream.schema.sensors import (
    NAME_OF_THREE_W,
    SENSOR_INDEX,
    SENSOR_NAMES,
    SENSORS,
    TABLES,
    bounds,
    schema,
)

GLUE_TYPES = {"string", "timestamp", "date", "double", "int", "bigint", "boolean", "array<string>"}
SCHEMAS = sorted(
    path.name.removesuffix(".json")
    for path in files("petrostream").joinpath("schema").iterdir()
    if path.name.endswith(".json")
)


def test_the_tables_are_the_schemas_that_name_a_zone():
    assert set(TABLES) == {name for name in SCHEMAS if schema(name).zone is not None}


def test_the_27_variables_of_3w_go_by_their_names_in_lower_snake_case():
    assert len(SENSORS) == 27
    assert NAME_OF_THREE_W["P-MON-CKP"] == "p_mon_ckp"
    assert all(name == three_w.lower().replace("-", "_") for three_w, name in NAME_OF_THREE_W.items())


def test_a_sensor_is_found_at_its_index():
    assert [SENSOR_INDEX[name] for name in SENSOR_NAMES] == list(range(27))


def test_bounds_have_the_order_of_the_sensors_and_hold_ordinary_values():
    low, high = bounds()
    assert low.shape == high.shape == (27,)
    assert np.all(low < high)
    pressure, temperature = SENSOR_INDEX["p_pdg"], SENSOR_INDEX["t_tpt"]
    assert low[pressure] <= 2.1e7 <= high[pressure]
    assert not low[pressure] <= -1.2e42 <= high[pressure]
    assert low[temperature] <= 110.0 <= high[temperature]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_has_distinct_names_known_types_and_descriptions(name):
    fields = (*schema(name).fields, *schema(name).partitions)
    names = [field.name for field in fields]
    assert len(set(names)) == len(names)
    assert {field.type for field in fields} <= GLUE_TYPES
    assert all(field.description for field in fields)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_file_is_named_as_the_schema_it_holds(name):
    text = files("petrostream").joinpath("schema", f"{name}.json").read_text(encoding="utf-8")
    assert json.loads(text)["name"] == name


def test_the_lake_has_every_variable_of_the_stream():
    assert set(SENSOR_NAMES) <= set(schema("scored_readings").names)
    assert set(SENSOR_NAMES) <= set(schema("well_reading").names)


def test_an_unknown_field_is_refused_by_name():
    with pytest.raises(KeyError, match="no_such"):
        schema("well_reading").field("no_such")
