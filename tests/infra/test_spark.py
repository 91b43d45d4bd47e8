"""Spark, which is off by default: both definitions alike, small rights, nothing that is paid while idle."""

import fnmatch
import json

import pytest

from deploy.names import SPARK_STACK
from infra import watch
from infra.settings import SETTINGS_FILE, load_settings
from tests.support import parity_cdk, parity_guards, parity_terraform
from tests.support.depth import deep_only
from tests.support.terraform import ACCOUNT_VARIABLES, planned
from toolchain.twin import ACCOUNT, REGION

SETTINGS = load_settings()
PLACE = watch.AccountRegion(account=ACCOUNT, region=REGION, partition="aws")
KINDS = {"spark", "role", "log group"}


def on(settings):
    settings["spark"]["enabled"] = True


@pytest.fixture(scope="module")
def templates(synth):
    """The app with Spark, under the rule pack."""
    return synth("aws", on, reviewed=True)


@pytest.fixture(scope="module")
def made(templates):
    return parity_cdk.facts({SPARK_STACK: templates.stacks[SPARK_STACK]})


@pytest.fixture(scope="module")
def planning(terraform_copy, tmp_path_factory):
    def run(change):
        raw = json.loads(SETTINGS_FILE.read_text())
        change(raw)
        path = tmp_path_factory.mktemp("settings") / "settings.json"
        path.write_text(json.dumps(raw))
        return terraform_copy.plan(f"-var=settings_file={path}", *ACCOUNT_VARIABLES)

    return run


@pytest.fixture(scope="module")
def plan(planning):
    return planning(on)


def test_by_default_there_is_none(aws, guardrails):
    assert SPARK_STACK not in aws.stacks
    assert "spark" not in json.dumps([*aws.stacks.values(), *guardrails.stacks.values()]).lower()


def test_by_default_terraform_plans_none(aws_plan):
    assert list(planned(aws_plan, ("module.spark",))) == []
    assert not [row for row in planned(aws_plan, ("module.guardrails",)) if row["name"] == "spark"]


def test_the_twin_has_none(synth):
    assert SPARK_STACK not in synth("twin", on).stacks


def test_it_costs_nothing_while_no_job_runs(made):
    application = made["spark", SETTINGS.spark.name]
    assert application["kept ready"] == []
    assert application["starts"] is True
    assert application["stops"] == (True, 15)
    assert application["most"] == ("64 vCPU", "512 GB", "1280 GB")
    assert application["release"] == "emr-spark-8.0.0"
    assert application["architecture"] == "ARM64"
    assert {kind for kind, _ in made} == KINDS


def test_both_make_the_same(made, plan, templates):
    terraform = parity_terraform.facts(planned(plan, ("module.spark",)))
    assert made == terraform
    outputs = set(templates.stacks[SPARK_STACK]["Outputs"])
    assert outputs == {"SparkApplicationId", "SparkRoleArn", "SparkLogGroup"}
    assert outputs <= set(plan["planned_values"]["outputs"])


def test_both_give_the_pipeline_the_same_rights_on_it(templates, plan):
    template = json.loads((templates.folder / "PetroStreamGuardrails.template.json").read_text())
    cdk = parity_guards.of_cdk(template["Resources"])
    terraform = parity_guards.of_terraform(planned(plan, ("module.guardrails",)))
    policies = {key for key in cdk if key[0] == "policy"}
    assert {name for _, name in policies if "spark" in name} == {
        f"petrostream-plan-spark-{REGION}",
        f"petrostream-deploy-spark-{REGION}",
    }
    assert policies == {key for key in terraform if key[0] == "policy"}
    for key in policies:
        known = {field: value for field, value in cdk[key].items() if field in terraform[key]}
        assert known == terraform[key], key
    for role in ("plan", "deploy"):
        mine = [
            r for r in planned(plan, ("module.guardrails",)) if r["address"].endswith(f'spark["{role} plan"]')
        ]
        assert len(mine) == 1, role


def test_jobs_run_as_the_role_only_from_applications_of_this_account_and_region(made):
    ((effect, principal, actions, _, condition),) = made["role", f"{SETTINGS.spark.name}-{REGION}"]["trust"]
    assert (effect, actions) == ("Allow", frozenset({"sts:AssumeRole"}))
    assert json.loads(principal) == {"Service": "emr-serverless.amazonaws.com"}
    assert json.loads(condition) == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:emr-serverless:{REGION}:{ACCOUNT}:/applications/*"},
    }


def _allowed(action, resource):
    return any(
        action in row["Action"] and any(fnmatch.fnmatchcase(resource, one) for one in row["Resource"])
        for row in watch.policy("spark", SETTINGS, PLACE)["Statement"]
    )


def _object(zone, key):
    return f"arn:aws:s3:::petrostream-{zone}-{ACCOUNT}-{REGION}/{key}"


@pytest.mark.parametrize(
    ("zone", "key", "reads", "writes"),
    [
        ("raw", "ingest/2026/11/01/00/a.gz", True, False),
        ("raw", "errors/a", False, False),
        ("artifacts", "models/2026-11-20/manifest.json", True, False),
        ("artifacts", "spark/petrostream.tar.gz", True, False),
        ("artifacts", "functions/batch.zip", False, False),
        ("artifacts", "backfills/june/date=2026-06-01/part-0.parquet", True, True),
        ("curated", "gold/well_data/date=2026-06-01/run=a/part-0000.parquet", False, False),
        ("curated", "scored_readings/date=2026-06-01/a.parquet", False, False),
        ("quarantine", "quarantine/a", False, False),
    ],
)
def test_a_job_reads_raw_models_and_package_and_writes_backfills_only(zone, key, reads, writes):
    where = _object(zone, key)
    assert _allowed("s3:GetObject", where) is reads
    assert _allowed("s3:PutObject", where) is writes
    assert _allowed("s3:DeleteObject", where) is writes


def test_a_job_does_nothing_but_objects_and_its_logs():
    actions = {a for row in watch.policy("spark", SETTINGS, PLACE)["Statement"] for a in row["Action"]}
    assert {action.split(":")[0] for action in actions} == {"s3", "logs"}
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group"
    assert _allowed("logs:PutLogEvents", f"{group}:/aws/emr-serverless/petrostream-spark:log-stream:a")
    assert not _allowed("logs:PutLogEvents", f"{group}:/aws/lambda/petrostream-batch:log-stream:a")


def _with_key(settings):
    on(settings)
    settings["encryption"] = "kms"


@deep_only
def test_with_a_key_of_its_own_jobs_may_use_it(synth, planning):
    (key,) = synth("aws", _with_key).resources("AWS::KMS::Key").values()
    assert f"role/{SETTINGS.spark.name}-" in json.dumps(key)
    (row,) = [
        one for one in planned(planning(_with_key), ("aws_kms_key.lake",)) if one["type"] == "aws_kms_key"
    ]
    assert f"role/{SETTINGS.spark.name}-{REGION}" in row["values"]["policy"]
