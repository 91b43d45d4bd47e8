"""Alarms that reach somebody who knows what to do, on metrics that exist; and a dashboard of the same."""

import json
import re
import subprocess
from dataclasses import dataclass

import pytest

from cost import figures
from infra import watch
from infra.settings import Settings, load_settings
from lambdas.scoring import cloudwatch, counts
from tests.support.paths import ROOT
from tests.support.services import everything

RUNBOOKS = ROOT / "docs" / "runbooks"
SETTINGS = load_settings()
PLACE = watch.AccountRegion(account="123456789012", region="eu-north-1", partition="aws")
ALARMS = {alarm.key: alarm for alarm in watch.operations_alarms(SETTINGS, PLACE)}


def _with_services():
    raw = SETTINGS.model_dump()
    everything()(raw)
    return Settings.model_validate(raw)


SERVED = {alarm.key: alarm for alarm in watch.operations_alarms(_with_services(), PLACE, running=True)}
"""The alarms where the services run, and one of them reads the stream."""
EMITTED = {
    SETTINGS.scoring.function: {
        *cloudwatch.OF_THE_SERVICE,
        *counts.COUNTED_ALWAYS,
        *counts.COUNTED_WITH_TANKS,
        *counts.COUNTED_IF_ANY,
    },
    SETTINGS.firehose_transform.function: set(
        re.findall(r'add_metric\(name="(\w+)"', (ROOT / "lambdas/firehose_transform/handler.py").read_text())
    ),
}
"""Names of the metrics each function publishes."""
AWS_METRICS = {
    "AWS/Athena": {"ProcessedBytes"},
    "AWS/Billing": {"EstimatedCharges"},
    "AWS/ECS": {"CPUUtilization"},
    "AWS/DynamoDB": {"ReadThrottleEvents", "SuccessfulRequestLatency", "WriteThrottleEvents"},
    "AWS/Firehose": {"DeliveryToS3.DataFreshness", "FailedConversion.Records"},
    "AWS/Kinesis": {"IncomingBytes", "IncomingRecords", "WriteProvisionedThroughputExceeded"},
    "AWS/Lambda": {"Duration", "Errors", "Invocations", "IteratorAge", "Throttles"},
    "AWS/Scheduler": {"TargetErrorCount"},
    "AWS/States": {"ExecutionsFailed", "ExecutionsSucceeded"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible"},
}
"""Metrics by the names AWS documents; a misspelt one would never have data and never fire."""


def _template_alarms(ops):
    return {
        a["Properties"]["AlarmName"]: a["Properties"]
        for a in ops.resources("AWS::CloudWatch::Alarm").values()
    }


def _graphed():
    """Namespace, name and dimensions of every metric on the dashboard."""
    for widget in json.loads(watch.dashboard(SETTINGS, PLACE))["widgets"]:
        for row in widget["properties"].get("metrics", []):
            if isinstance(row[0], str):
                places = [part for part in row[2:] if isinstance(part, str)]
                yield row[0], row[1], dict(zip(places[::2], places[1::2], strict=True))


def _alarmed():
    for alarm in (*ALARMS.values(), *SERVED.values()):
        for metric in alarm.metrics:
            yield metric.namespace, metric.name, dict(metric.dimensions)


@pytest.mark.parametrize("source", [_alarmed, _graphed])
def test_every_metric_is_one_that_somebody_emits(source):
    for namespace, name, dimensions in source():
        if namespace == "PetroStream":
            assert set(dimensions) == {"service"}, name  # the only dimension Powertools adds on every call
            assert name in EMITTED[dimensions["service"]]
        else:
            assert name in AWS_METRICS[namespace]


@pytest.mark.parametrize("source", [_alarmed, _graphed])
def test_metrics_are_those_of_the_resources_of_the_settings(source):
    known = watch.names(SETTINGS, PLACE)
    nightly = f"arn:aws:states:{PLACE.region}:{PLACE.account}:stateMachine:{known['nightly']}"
    names = {*known.values(), nightly, "USD", "PutItem"}
    assert {value for _, _, dimensions in source() for value in dimensions.values()} <= names


def test_every_metric_the_code_emits_is_on_the_dashboard():
    graphed = {
        (name, dimensions["service"]) for space, name, dimensions in _graphed() if space == "PetroStream"
    }
    emitted = {(name, function) for function, names in EMITTED.items() for name in names}
    assert graphed == {one for one in emitted if one[0] not in cloudwatch.OF_THE_SERVICE}


def test_the_dashboard_shows_what_operations_asked_for():
    shown = {(space, name) for space, name, _ in _graphed()}
    assert {
        ("AWS/Lambda", "IteratorAge"), ("AWS/Lambda", "Errors"), ("AWS/Lambda", "Duration"),
        ("PetroStream", "ReadingsScored"), ("PetroStream", "ReadingsQuarantined"),
        ("PetroStream", "RecordsSkipped"),
        ("PetroStream", "AlarmsAnnunciated"), ("PetroStream", "Anomalies"),
        ("AWS/Firehose", "DeliveryToS3.DataFreshness"),
        ("AWS/Firehose", "FailedConversion.Records"), ("AWS/DynamoDB", "WriteThrottleEvents"),
        ("AWS/Billing", "EstimatedCharges"),
    } <= shown  # fmt: skip


def test_no_two_widgets_overlap_or_leave_the_grid():
    taken = set()
    for widget in json.loads(watch.dashboard(SETTINGS, PLACE))["widgets"]:
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_red_lines_on_the_dashboard_are_the_alarms_thresholds():
    text = watch.dashboard(SETTINGS, PLACE)
    lines = [
        line["value"]
        for widget in json.loads(text)["widgets"]
        for line in widget["properties"].get("annotations", {}).get("horizontal", [])
    ]
    keys = ("scoring_behind", "quarantined_share", "raw_late", "delivery_late")
    assert lines == [ALARMS[key].settings.threshold for key in keys]


def test_the_dashboards_expressions_name_metrics_of_their_widget():
    expressions = 0
    for widget in json.loads(watch.dashboard(SETTINGS, PLACE))["widgets"]:
        rows = widget["properties"].get("metrics", [])
        ids = {row[-1]["id"] for row in rows if isinstance(row[0], str) and "id" in row[-1]}
        for row in rows:
            if isinstance(row[0], dict):
                used = set(re.findall(r"\b[a-z][a-z_]*\b", row[0]["expression"]))
                assert used
                assert used <= ids
                expressions += 1
    assert expressions


def test_alarm_expressions_name_their_metrics():
    for alarm in (*ALARMS.values(), *SERVED.values()):
        if alarm.expression is None:
            assert len(alarm.metrics) == 1, alarm.key
        else:
            used = set(re.findall(r"\b[a-z][a-z_]*\b", alarm.expression))
            assert used == {metric.id for metric in alarm.metrics}


@dataclass(frozen=True)
class _Series:
    """A time series of metric math, as far as an alarm's expression needs one: values by time stamp.

    Rules of the CloudWatch User Guide, "Using math expressions with CloudWatch metrics": in arithmetic a
    missing value is 0; of two series that are compared, the one without a value at a time stamp is 0 there;
    IF is evaluated for every time stamp of its condition.
    """

    points: dict[int, float]

    def __rmul__(self, factor):
        return _Series({at: factor * value for at, value in self.points.items()})

    def __truediv__(self, number):
        return _Series({at: value / number for at, value in self.points.items()})

    def __add__(self, other):
        times = self.points.keys() | other.points.keys()
        return _Series({at: self.points.get(at, 0) + other.points.get(at, 0) for at in times})

    def __gt__(self, other):
        times = self.points.keys() | other.points.keys()
        return _Series({at: float(self.points.get(at, 0) > other.points.get(at, 0)) for at in times})


def _silent(arriving, batches, copies=None, *, filled):
    """The alarm's expression over three periods; `filled`: whether FILL fills a series without any point."""

    def fill(series, value):
        times = range(3) if filled or series.points else ()
        return _Series({at: series.points.get(at, value) for at in times})

    def either(condition, then, otherwise):
        return _Series({at: then if value else otherwise for at, value in condition.points.items()})

    metrics = {"arriving": arriving, "batches": batches, "copies": ALWAYS if copies is None else copies}
    known = {"FILL": fill, "IF": either} | {name: _Series(points) for name, points in metrics.items()}
    return eval(ALARMS["scoring_silent"].expression, {"__builtins__": {}}, known).points


ALWAYS = {0: 5.0, 1: 5.0, 2: 5.0}


@pytest.mark.parametrize("filled", [True, False])
def test_silence_is_an_alarm_even_if_the_function_has_no_datapoint_at_all(filled):
    """The guide does not say what FILL makes of a series without any point: it must not matter."""
    arriving = {0: 600.0, 1: 300_000.0, 2: 1.0}
    assert _silent(arriving, {}, filled=filled) == {0: 1, 1: 1, 2: 1}
    assert _silent(arriving, {0: 15.0}, filled=filled) == {0: 0, 1: 1, 2: 1}
    assert set(_silent(arriving, {0: 15.0, 1: 1.0, 2: 1.0}, filled=filled).values()) == {0}
    # The raw copy is read by itself.
    assert _silent(arriving, ALWAYS, {}, filled=filled) == {0: 1, 1: 1, 2: 1}
    assert _silent(arriving, ALWAYS, {1: 5.0}, filled=filled) == {0: 1, 1: 0, 2: 1}
    assert _silent(arriving, {}, {}, filled=filled) == {0: 2, 1: 2, 2: 2}
    # Nobody sends: no alarm, with batches of what waited, and with no datapoint of either metric.
    assert set(_silent({}, {0: 15.0}, filled=filled).values()) <= {0}
    assert set(_silent({}, {}, {}, filled=filled).values()) <= {0}


def test_the_raw_zone_is_as_late_as_its_function_and_its_firehose_together():
    known = {"age": _Series({0: 200.0, 1: 310.0}), "waiting": _Series({1: 50_000.0, 2: 3_600_000.0})}
    late = eval(ALARMS["raw_late"].expression, {"__builtins__": {}}, known)
    assert late.points == {0: 200, 1: 360, 2: 3600}


def test_no_stream_is_so_large_that_one_batch_would_pass_for_silence():
    """A period's records of a thousand shards, against the factor of a batch."""
    (factor,) = set(re.findall(r"\d{4,}", ALARMS["scoring_silent"].expression))
    period = ALARMS["scoring_silent"].settings.period_seconds
    assert 1000 * figures.SHARD_RECORDS * period < int(factor)


def test_every_alarm_has_its_settings_and_the_other_way_round():
    assert set(SERVED) == set(SETTINGS.alarms.model_dump())
    assert set(SERVED) - set(ALARMS) == {"service_down", "dashboard_down"}


def test_alarms_follow_whoever_scores():
    moved = {key for key in ALARMS if ALARMS[key].metrics != SERVED[key].metrics}
    assert moved == {"scoring_silent", "scoring_behind"}
    assert SERVED["scoring_silent"].expression == ALARMS["scoring_silent"].expression
    assert {alarm.missing for alarm in ALARMS.values()} == {"notBreaching"}
    assert {SERVED[key].missing for key in ("service_down", "dashboard_down")} == {"breaching"}
    # Services that are not there yet have no alarm.
    assert {alarm.key for alarm in watch.operations_alarms(_with_services(), PLACE)} == set(ALARMS)


def test_every_alarm_has_a_runbook_with_all_its_parts_and_every_runbook_an_alarm():
    pages = {path.name for path in RUNBOOKS.glob("*.md")} - {"README.md", "budget.md"}
    assert pages == {watch.runbook(key) for key in SERVED}
    parts = ["What it means", "What to look at", "What to do", "When to escalate"]
    index = (RUNBOOKS / "README.md").read_text()
    for page in pages:
        text = (RUNBOOKS / page).read_text()
        headings = re.findall(r"^## (.+)$", text, re.M)
        assert headings == parts, page
        assert f"({page})" in index


def test_links_of_the_runbooks_lead_somewhere():
    links = [
        (page, target)
        for page in RUNBOOKS.glob("*.md")
        for target in re.findall(r"\]\(([^)#]+\.md)", page.read_text())
    ]
    assert links
    assert [f"{page.name}: {to}" for page, to in links if not (page.parent / to).is_file()] == []


def test_settings_named_in_the_runbooks_exist():
    raw = SETTINGS.model_dump()
    named = [
        (page.name, section, rest)
        for page in RUNBOOKS.glob("*.md")
        for section, rest in re.findall(r"`([a-z_]+)\.([a-z_.]+)`", page.read_text())
        if section in raw
    ]
    assert named
    for page, section, rest in named:
        found = raw[section]
        for key in rest.split("."):
            assert key in found, f"{page}: {section}.{rest}"
            found = found[key]


def test_every_alarm_reports_when_it_fires_and_when_it_is_over(ops):
    (topic,) = ops.resources("AWS::SNS::Topic")
    found = _template_alarms(ops)
    assert set(found) == {alarm.name for alarm in ALARMS.values()}
    for alarm in found.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]
        assert alarm["TreatMissingData"] == "notBreaching"
        page = alarm["AlarmDescription"].rsplit(" ", 1)[1]
        assert (ROOT / page).is_file()


def test_alarms_fire_when_the_settings_say(synth):
    def change(settings):
        settings["alarms"]["delivery_late"] = {
            "threshold": 1500,
            "period_seconds": 600,
            "periods": 4,
            "datapoints": 2,
        }
        settings["ops"]["runbooks"] = "https://wiki.example.com/runbooks"

    templates = synth("aws", change)
    template = json.loads((templates.folder / "PetroStreamOps.template.json").read_text())
    alarm = next(
        r["Properties"]
        for r in template["Resources"].values()
        if r["Properties"].get("AlarmName") == "petrostream-delivery-late"
    )
    assert (alarm["Threshold"], alarm["Period"]) == (1500, 600)
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (4, 2)
    assert alarm["AlarmDescription"].endswith("Runbook: https://wiki.example.com/runbooks/delivery-late.md")


def test_a_computed_alarm_returns_its_expression_only(ops):
    share = _template_alarms(ops)["petrostream-quarantined-share"]
    answers = [query for query in share["Metrics"] if query["ReturnData"]]
    assert [query["Expression"] for query in answers] == [ALARMS["quarantined_share"].expression]
    assert {query["MetricStat"]["Period"] for query in share["Metrics"] if "MetricStat" in query} == {300}
    assert "MetricName" not in share


def test_the_topic_takes_messages_of_this_accounts_alarms_over_tls_only(ops):
    (policy,) = ops.resources("AWS::SNS::TopicPolicy").values()
    deny, allow = policy["Properties"]["PolicyDocument"]["Statement"]
    assert deny["Effect"] == "Deny"
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


@pytest.mark.parametrize("stack", ["ops", "guardrails"])
def test_the_address_is_asked_for_and_in_no_file(stack, request):
    templates = request.getfixturevalue(stack)
    (template,) = templates.stacks.values()
    parameter = template["Parameters"]["AlertEmail"]
    assert "Default" not in parameter
    pattern = re.compile(parameter["AllowedPattern"])
    for address in ("operations@example.com", "a.b+c@sub.example.co.uk"):
        assert pattern.fullmatch(address)
    for wrong in (
        "",
        "operations",
        "operations@example",
        "a b@example.com",
        "x@example.com,y@example.com",
        "@x.com",
    ):
        assert not pattern.fullmatch(wrong)
    tracked = subprocess.run(
        ["git", "grep", "-lE", r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.(com|org|net|io)", "--", "infra", "ops"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    for name in tracked.stdout.split():
        for address in re.findall(r"[\w.%+-]+@[\w-]+\.(?:com|org|net|io)\b", (ROOT / name).read_text()):
            assert address.endswith("@example.com"), name


def test_the_bill_counts_the_alarms_and_the_dashboard_there_are(ops):
    metrics = sum(len(alarm.metrics) for alarm in ALARMS.values())
    assert (len(ALARMS), metrics) == (figures.ALARMS, figures.ALARM_METRICS)
    assert len(ops.resources("AWS::CloudWatch::Dashboard")) == figures.DASHBOARDS


def test_the_template_carries_the_dashboard(ops):
    (body,) = (d["Properties"]["DashboardBody"] for d in ops.resources("AWS::CloudWatch::Dashboard").values())
    joined = "".join(part if isinstance(part, str) else "x" for part in body["Fn::Join"][1])
    widgets = len(json.loads(watch.dashboard(SETTINGS, PLACE))["widgets"])
    assert len(json.loads(joined)["widgets"]) == widgets


def test_the_twin_has_neither_alarms_nor_budgets(twin):
    assert not (twin.folder / "PetroStreamOps.template.json").exists()
    assert not (twin.folder / "PetroStreamGuardrails.template.json").exists()


def test_ops_resources_carry_the_tags(ops):
    expected = {**SETTINGS.tags, "environment": SETTINGS.environment}
    for kind in ("AWS::SNS::Topic", "AWS::CloudWatch::Alarm"):
        for resource in ops.resources(kind).values():
            tags = {tag["Key"]: tag["Value"] for tag in resource["Properties"].get("Tags", [])}
            assert expected.items() <= tags.items()
