"""The page Well in each of its states, and the views it is made of."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from dashboard.charts.bands import with_gaps
from dashboard.units import FIELD, SI
from dashboard.views import trend, well
from petrostream.aws.athena import QueryFailed
from tests.support.dashboard import (
    NOW_MS,
    FakeLake,
    FakeLive,
    World,
    fleet,
    instant,
    minute,
    page,
    reading,
    texts,
    unavailable,
)
from tests.support.dashboard import well as live_well

START = datetime.fromtimestamp(NOW_MS / 1000, UTC) - timedelta(hours=1)
END = START + timedelta(hours=1)
SCENE = trend.Scene(
    START, END, trend.event_bands(pd.DataFrame(), 60), trend.alarm_bands(pd.DataFrame(), START, END)
)


def stretches(count: int = 30, **changes) -> pd.DataFrame:
    """Stretches of a minute, the last one of 30 minutes ago, the tenth flagged."""
    first = NOW_MS // 60_000 * 60_000 - 60_000 * (count + 30)
    numbers = range(count)
    return pd.DataFrame(
        {
            "bucket": [instant(first + 60_000 * n) for n in numbers],
            "readings": [60.0] * count,
            **{f"p_tpt_{kind}": [1e7 + 1e5 * n for n in numbers] for kind in ("mean", "min", "max")},
            **{f"t_tpt_{kind}": [80.0] * count for kind in ("mean", "min", "max")},
            **{f"qgl_{kind}": [float("nan")] * count for kind in ("mean", "min", "max")},
            **{f"estado_m1_{kind}": [1.0] * count for kind in ("mean", "min", "max")},
            "score_mean": [0.4] * count,
            "score_max": [0.9 if n == 10 else 0.5 for n in numbers],
            "anomalies": [7.0 if n == 10 else 0.0 for n in numbers],
            "risk_max": [60.0 if n == 10 else 0.0 for n in numbers],
            "quality_min": [100.0] * count,
            "label": [102.0 if 5 <= n < 8 else 2.0 if 8 <= n < 12 else 0.0 for n in numbers],
            "worst_ts": [instant(first + 60_000 * n + 5000) for n in numbers],
            "top_sensors": [*[None] * 10, "p_tpt, t_tpt", *[None] * (count - 11)],
            "reason": [*[None] * 10, "P-TPT 7 bar above normal", *[None] * (count - 11)],
            "rules": [None] * count,
            "health": ["t_tpt:frozen" if n >= count // 2 else None for n in numbers],
            "model_kind": ["commissioned"] * count,
            "model_version": ["20261127T000000Z"] * count,
            "baseline_age_days": [1.25] * count,
            "level_shift": [-6.0] * count,
            "level_shift_sensor": ["p_tpt"] * count,
        }
        | changes
    )  # fmt: skip


ALARMS = pd.DataFrame(
    {
        "alarm_id": ["a"], "alarm_type": ["dhsv_closure"], "priority": ["high"],
        "began": [instant(NOW_MS - 50 * 60_000)], "ended": pd.Series([None], dtype="datetime64[ms, UTC]"),
        "sentence": ["P-TPT rose"], "likely_event": ["spurious closure of DHSV"], "evidence": ["rule"],
    }
)  # fmt: skip
FRAMES = {"score_max": stretches(), "alarm_history": ALARMS}


def _world(**changes) -> World:
    live = FakeLive(fleet(live_well("WELL-00001"), live_well("WELL-00002")))
    return World(**({"live": live, "lake": FakeLake(FRAMES)} | changes))


def test_a_well_shows_trends_anomaly_baseline_and_health(monkeypatch):
    with reading(_world(), monkeypatch):
        app = page("well", {"well": "WELL-00002"})
    said = texts(app)
    assert not app.exception
    assert app.selectbox[0].value == "WELL-00002"
    assert "P-TPT, T-TPT" in said
    assert "P-TPT 7 bar above normal" in said
    assert "1.2 days" in said
    assert "-6.0 scales (P-TPT); no longer describes the well" in said
    assert "No value of P-PDG" in said
    assert "WHERE well_id = 'WELL-00002'" in said
    assert len(app.get("vega_lite_chart")) == 6


def test_an_unknown_well_is_named_and_another_can_be_chosen(monkeypatch):
    with reading(_world(), monkeypatch):
        app = page("well", {"well": "WELL-<b>99999"})
        assert "No well WELL-&lt;b&gt;99999 has sent a reading." in texts(app)
        app.selectbox[0].select("WELL-00001").run()
    assert not app.exception
    assert "P-TPT, T-TPT" in texts(app)


def test_an_empty_lake_and_an_empty_range_say_what_to_do(monkeypatch):
    with reading(World(), monkeypatch):
        assert "No well has sent a reading yet." in texts(page("well"))
    empty = {name: frame.iloc[:0] for name, frame in FRAMES.items()}
    with reading(_world(lake=FakeLake(empty)), monkeypatch):
        app = page("well")
    assert not app.exception
    assert "There are no readings in this range." in texts(app)
    silent = _world(lake=FakeLake(empty), live=FakeLive(fleet(live_well("WELL-00001", age_s=7200))))
    with reading(silent, monkeypatch):
        app = page("well")
    assert "The well's latest reading is of 2025-11-27T08:03:00Z, 2 h ago" in texts(app)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (QueryFailed("Query exhausted resources"), "Athena failed the query."),
        (unavailable("athena", "ExpiredTokenException"), "The AWS credentials have expired."),
    ],
)
def test_a_failing_lake_leaves_the_latest_reading(monkeypatch, error, said):
    with reading(_world(lake=FakeLake(error=error)), monkeypatch):
        app = page("well")
    assert not app.exception
    assert said in texts(app)
    assert "150.0 bar" in texts(app)


def test_stale_data_is_named(monkeypatch):
    world = _world(live=FakeLive(fleet(live_well("WELL-00001", age_s=7300))))
    with reading(world, monkeypatch):
        app = page("well")
    assert "The newest reading is 2 h old" in texts(app)


def test_units_change_every_figure(monkeypatch):
    with reading(_world(), monkeypatch):
        app = page("well")
        assert "150.0 bar" in texts(app)
        app.sidebar.radio(key="units").set_value(FIELD).run()
    assert "2,175.6 psi" in texts(app)
    assert "185.0 °F" in texts(app)


def test_a_refresh_asks_the_lake_for_nothing(monkeypatch):
    world = _world()
    with reading(world, monkeypatch) as reader:
        page("well")
        asked = len(world.lake.asked)
        assert asked == 2
        reader.cache._clock = lambda: 1e12  # every time to live is over
        from dashboard.panels import well_trend

        end = datetime.fromtimestamp(NOW_MS / 1000, UTC).replace(second=0) + timedelta(minutes=1)
        known = well_trend._answers(
            well_trend.Asked("WELL-00001", end - timedelta(hours=1), end, well.DEFAULT_GAUGES, True)
        )
    assert len(known) == 2
    assert len(world.lake.asked) == asked


def test_live_minutes_follow_the_lake_and_repeat_nothing():
    frame = stretches()
    minutes = [minute("W", back) for back in range(40, -1, -1)]
    both = trend.with_live(frame, minutes)
    assert both["bucket"].is_monotonic_increasing
    assert both["bucket"].is_unique
    assert len(both) == len(frame) + 31
    assert both["p_tpt_max"].iloc[-1] == 1.6e7
    assert trend.with_live(frame, []) is frame
    assert len(trend.with_live(frame.iloc[:0], minutes)) == 41


def test_a_line_does_not_cross_a_gap():
    frame = stretches().drop(index=[12, 13, 14]).reset_index(drop=True)
    gapped = with_gaps(frame, 60)
    (hole,) = gapped[gapped["readings"].isna()].index
    assert gapped["bucket"][hole] == frame["bucket"][11] + pd.Timedelta(minutes=1)
    assert len(with_gaps(stretches(), 60)) == len(stretches())


def test_labels_become_bands_with_their_names():
    bands = trend.event_bands(stretches(), 60)
    assert bands["text"].tolist() == [
        "3W label: spurious closure of DHSV (transient)",
        "3W label: spurious closure of DHSV",
    ]
    lengths = (bands["ended"] - bands["began"]).dt.total_seconds().tolist()
    assert lengths == [180.0, 240.0]


def test_alarms_are_cut_to_the_range():
    bands = trend.alarm_bands(ALARMS, START, END)
    assert bands["ended"].tolist() == [pd.Timestamp(END)]
    early = trend.alarm_bands(ALARMS.assign(began=[instant(0)]), START, END)
    assert early["began"].tolist() == [pd.Timestamp(START)]


def test_gauges_are_shown_in_the_units_chosen_and_only_where_they_have_values():
    rows = trend.gauge_rows(stretches(11), ["p_tpt", "qgl"], FIELD)
    assert rows["gauge"].unique().tolist() == ["P-TPT"]
    assert rows["mean"][0] == pytest.approx(1e7 / 6894.757)
    assert trend.gauge_rows(stretches(11), ["t_tpt"], FIELD)["mean"][0] == pytest.approx(176.0)
    assert trend.gauge_chart(stretches(), ["qgl"], SI, SCENE) is None
    assert trend.valve_chart(stretches(), ["estado_w1"], 60, SCENE) is None
    assert SI.label("p_pdg") == "bar"


def test_anomalies_are_listed_by_score_and_explained():
    found = well.anomalies(stretches())
    assert found["score_max"].tolist() == [0.9]
    facts = dict(well.anomaly_facts(found.iloc[0]))
    assert facts["Top sensors"] == "P-TPT, T-TPT"
    assert facts["Score"] == "0.900, 7 of 60 readings flagged"
    assert "Rules that held" not in facts


def test_health_counts_the_stretches_in_which_a_gauge_was_ok():
    health = well.gauge_health(stretches(), ["p_tpt", "t_tpt"]).set_index("gauge")
    assert health.loc["T-TPT", "status"] == "frozen"
    assert health.loc["T-TPT", "ok"] == 0.5
    assert health.loc["P-TPT", "ok"] == 1.0


def test_a_gauge_without_any_value_is_not_called_ok():
    frame = stretches().assign(health=lambda rows: rows["health"].fillna("estado_w1:missing"))
    health = well.gauge_health(frame, ["qgl", "aber_ckp", "estado_w1"]).set_index("gauge")
    assert health.loc[["QGL", "ABER-CKP"], "status"].tolist() == ["no value", "no value"]
    assert health.loc[["QGL", "ABER-CKP"], "ok"].isna().all()
    # What the scoring said of a gauge stays, also where no value is left of it.
    assert health.loc["ESTADO-W1", "ok"] == 0.5


def test_the_status_is_of_the_same_readings_as_the_risk_beside_it():
    paired = live_well("WELL-00001", risk_score=10, joined_risk=60, joined_status="ALERT")
    assert dict(well.status_facts(paired, SI, NOW_MS))["Status"] == "ALERT, risk 60 of 100"
    alone = live_well("WELL-00001", risk_score=10)
    assert dict(well.status_facts(alone, SI, NOW_MS))["Status"] == "NORMAL, risk 10 of 100"


def test_a_well_without_a_baseline_says_how_to_make_one():
    bare = stretches().assign(baseline_age_days=float("nan"), level_shift=float("nan"), model_kind="fleet")
    assert "petrostream commission" in dict(well.baseline_facts(bare))["Baseline"]
    assert well.baseline_facts(stretches().iloc[:0])[0][1].startswith("none")
