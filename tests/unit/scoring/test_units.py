import numpy as np
import pytest

from petrostream.schema import SENSOR_INDEX
from petrostream.scoring import FacilityState, score_batch
from petrostream.units import UNITS
from tests.support.wells import FACILITY, event_values, models, normal_values, readings

PRESSURES = [SENSOR_INDEX[name] for name in ("p_pdg", "p_tpt", "p_mon_ckp")]
T_TPT = SENSOR_INDEX["t_tpt"]


def in_unit(values, unit, rows=slice(None), columns=PRESSURES):
    """The values with some columns as gauges set to a unit would send them, in some rows."""
    changed = values.copy()
    at = np.ix_(np.arange(len(values))[rows], columns)
    quantity = "temperature" if unit in UNITS["temperature"] else "pressure"
    changed[at] = UNITS[quantity][unit].from_si(values[at])
    return changed


def scored(values, model_set, state=None):
    batch = readings(values)
    return score_batch(state or FacilityState(FACILITY), batch, model_set, scored_at_ms=0).rows


class TestCommissionedWell:
    @pytest.mark.parametrize("unit", ["bar", "kPa", "psi"])
    def test_is_told_in_which_unit_its_gauges_are(self, unit):
        rows = scored(in_unit(normal_values(5), unit), models())
        expected = tuple(f"unit:{name}:{unit}" for name in ("p_mon_ckp", "p_pdg", "p_tpt"))
        assert rows.readings.reasons == [expected] * 5

    def test_has_the_values_as_sent_and_gauges_that_are_well(self):
        values = in_unit(normal_values(5), "psi")
        rows = scored(values, models())
        np.testing.assert_array_equal(rows.readings.values, values)
        assert rows.sensor_health == [()] * 5

    @pytest.mark.parametrize("unit", ["bar", "kPa", "psi"])
    def test_is_scored_as_if_it_had_sent_pascals(self, unit):
        values = event_values(600, 400)
        changed = scored(in_unit(values, unit, slice(200, None)), models())
        usual = scored(values, models())
        np.testing.assert_allclose(changed.anomaly_score, usual.anomaly_score, atol=0.02)
        assert changed.anomaly_flag[400:].any()
        assert [event.change.alarm_type for event in changed.alarms] == [
            event.change.alarm_type for event in usual.alarms
        ]

    def test_a_gauge_far_from_its_baseline_is_converted_while_another_one_says_the_unit(self):
        values = normal_values(5)
        values[:, PRESSURES[2]] *= 1.6
        rows = scored(in_unit(values, "psi"), models())
        assert rows.readings.reasons[-1] == tuple(f"unit:{p}:psi" for p in ("p_mon_ckp", "p_pdg", "p_tpt"))

    def test_a_gauge_that_nobody_vouches_for_is_left_out(self):
        values = in_unit(normal_values(5), "psi", columns=PRESSURES[1:2])
        values[:, PRESSURES[1]] *= 0.6
        rows = scored(values, models())
        ((reason,), *_) = rows.readings.reasons
        assert reason.startswith("unit:p_tpt:")
        assert reason.endswith("?")
        assert rows.sensor_health[-1] == ("p_tpt:implausible",)

    def test_has_a_lower_quality(self):
        rows = scored(in_unit(normal_values(2), "degF", columns=[T_TPT]), models())
        assert rows.readings.reasons == [("unit:t_tpt:degF",)] * 2
        # Three of four values sent, two of five core gauges without t_jus_ckp and t_tpt.
        assert rows.readings.quality.tolist() == [pytest.approx(70 * 3 / 4 + 30 * 3 / 5)] * 2

    @pytest.mark.parametrize("unit", ["bar", "kPa", "psi"])
    def test_a_change_in_mid_stream_raises_nothing(self, unit):
        values = in_unit(normal_values(600), unit, slice(200, 400))
        rows = scored(values, models())
        assert not rows.anomaly_flag.any()
        assert [event.change.event for event in rows.alarms] == []
        assert [bool(reasons) for reasons in rows.readings.reasons] == [200 <= i < 400 for i in range(600)]

    def test_an_event_after_the_change_back_is_found(self):
        values = in_unit(event_values(600, 400), "psi", slice(100, 200))
        rows = scored(values, models())
        assert not rows.anomaly_flag[:400].any()
        assert rows.anomaly_flag[400:].any()

    def test_batches_do_not_matter(self):
        values = in_unit(normal_values(120), "bar", slice(50, 90))
        whole = readings(values)
        state, parts = FacilityState(FACILITY), []
        for part in (slice(0, 60), slice(60, 61), slice(61, 120)):
            batch = score_batch(state, whole.take(np.arange(120)[part]), models(), scored_at_ms=0)
            state = batch.state
            parts.append(batch.rows)
        once = score_batch(FacilityState(FACILITY), whole, models(), scored_at_ms=0).rows
        assert [r for part in parts for r in part.readings.reasons] == once.readings.reasons
        np.testing.assert_array_equal(
            np.concatenate([p.readings.quality for p in parts]), once.readings.quality
        )
        np.testing.assert_array_equal(np.concatenate([p.anomaly_score for p in parts]), once.anomaly_score)

    def test_the_batch_of_the_caller_is_left_alone(self):
        batch = readings(in_unit(normal_values(3), "bar"))
        score_batch(FacilityState(FACILITY), batch, models(), scored_at_ms=0)
        assert batch.reasons == [()] * 3
        assert batch.quality.tolist() == [100.0] * 3


def test_a_well_without_a_baseline_keeps_what_validation_said():
    batch = readings(in_unit(normal_values(3), "psi"))
    batch.reasons[:] = [("unit:p_tpt:kPa/psi?",)] * 3
    rows = score_batch(FacilityState(FACILITY), batch, None, scored_at_ms=0).rows
    assert rows.readings.reasons == batch.reasons
    assert rows.sensor_health == [("p_tpt:implausible",)] * 3


def test_a_baseline_replaces_what_validation_said_and_keeps_what_it_nulled():
    values = in_unit(normal_values(2), "psi")
    values[:, T_TPT] = np.nan
    batch = readings(values)
    batch.reasons[:] = [("unit:p_tpt:kPa/psi?", "unit:t_tpt:K?", "out_of_range:t_tpt", "unknown_field:x")] * 2
    rows = score_batch(FacilityState(FACILITY), batch, models(), scored_at_ms=0).rows
    expected = tuple(f"unit:{name}:psi" for name in ("p_mon_ckp", "p_pdg", "p_tpt"))
    rest = ("unit:t_tpt:K?", "out_of_range:t_tpt", "unknown_field:x")
    assert rows.readings.reasons == [(*expected, *rest)] * 2
    # Nothing of the four values sent is usable.
    assert rows.readings.quality.tolist() == [0.0, 0.0]
