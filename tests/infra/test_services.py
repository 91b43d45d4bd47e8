"""The services, which are off by default, in each form that the settings allow: both definitions alike."""

import copy
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import SETTINGS_FILE, SettingsError, load_settings
from lambdas.scoring.api.callers import IamSettings
from tests.support import parity_cdk, parity_services_cdk, parity_services_terraform
from tests.support.depth import DEEP, deep_only
from tests.support.paths import ROOT
from tests.support.services import COGNITO, FORMS, OFFICE, TAG, everything, services
from tests.support.terraform import ACCOUNT_VARIABLES, planned
from toolchain.twin import ACCOUNT, REGION

STACK = "PetroStreamServices"
REVIEWED = tuple(FORMS) if DEEP else ("everything, cognito",)
"""Forms that the rule pack and cfn-lint look at: but for a deep run the largest alone."""


@pytest.fixture(scope="module")
def templates(synth):
    """The app in each form."""
    return {
        form: synth("aws", change, reviewed=form in REVIEWED, image_tag=TAG) for form, change in FORMS.items()
    }


@pytest.fixture(scope="module")
def full(templates):
    """The stack with everything."""
    return parity_services_cdk.of_cdk(templates["everything, cognito"].stacks[STACK])


def written(tmp_path: Path, change) -> Path:
    raw = json.loads(SETTINGS_FILE.read_text())
    change(raw)
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(raw))
    return path


@pytest.fixture(scope="module")
def plan(terraform_copy, tmp_path_factory):
    def run(change, *more):
        path = written(tmp_path_factory.mktemp("settings"), change)
        return terraform_copy.plan(f"-var=settings_file={path}", *more, *ACCOUNT_VARIABLES)

    return run


def mapping_enabled(document):
    """Whether the scoring function reads the stream in a plan."""
    (mapping,) = [
        row
        for row in planned(document, ("module.scoring",))
        if row["type"] == "aws_lambda_event_source_mapping" and row["name"] == "stream"
    ]
    return mapping["values"]["enabled"]


# --- alike -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        pytest.param("consumer, office, no certificate", marks=deep_only),
        pytest.param("everything, cognito", marks=deep_only),
        "everything, oidc",
    ],
)
def test_both_make_the_same_services(templates, plan, form):
    cdk = parity_services_cdk.of_cdk(templates[form].stacks[STACK])
    document = plan(FORMS[form], f"-var=image_tag={TAG}")
    terraform = parity_services_terraform.of_terraform(planned(document, ("module.services",)))
    assert set(cdk) == set(terraform)
    assert len(cdk) > 40
    for key, ours in cdk.items():
        assert ours == terraform[key], key
    assert mapping_enabled(document) is False
    outputs = set(templates[form].stacks[STACK]["Outputs"])
    assert outputs <= set(document["planned_values"]["outputs"])


def test_without_an_image_there_is_room_for_it_and_the_function_goes_on(synth, plan):
    stacks = synth("aws", everything()).stacks
    cdk = parity_services_cdk.of_cdk(stacks[STACK])
    document = plan(everything())
    terraform = parity_services_terraform.of_terraform(planned(document, ("module.services",)))
    assert cdk == terraform
    kinds = {kind for kind, _ in cdk}
    assert kinds >= {"repository", "cluster", "network", "role", "log group"}
    assert not kinds & {"service", "task", "balancer", "scaled", "group"}
    facts = parity_cdk.facts({"scoring": stacks["PetroStreamScoring"]})
    assert facts["mapping", "petrostream-scoring"]["enabled"] is True
    assert mapping_enabled(document) is True


def test_by_default_there_are_none(aws, aws_plan):
    assert STACK not in aws.stacks
    assert list(planned(aws_plan, ("module.services",))) == []


# --- what it is ---------------------------------------------------------------------------------------------


def test_tasks_run_as_nobody_and_write_nothing(full):
    tasks = [values for (kind, _), values in full.items() if kind == "task"]
    assert len(tasks) == 2
    for task in tasks:
        (container,) = task["containers"]
        assert container["user"] == "10001:10001"
        assert container["readonlyRootFilesystem"] is True
        assert container["linuxParameters"]["capabilities"]["drop"] == ["ALL"]
        assert container["image"].endswith(f":{TAG}")
        assert container["stopTimeout"] == 120
        assert task["platform"] == ("ARM64", "LINUX")
        assert task["roles"][0] != task["roles"][1]


def test_callers_who_sign_are_let_in_under_a_name_of_this_deployment(templates, full):
    settings = IamSettings.from_environment(_environment(full))
    assert settings is not None
    assert settings.service == f"petrostream-services.{ACCOUNT}.{REGION}"
    assert settings.principals == {f"arn:aws:iam::{ACCOUNT}:role/engineer"}
    other = parity_services_cdk.of_cdk(templates["consumer, nobody"].stacks[STACK])
    assert not [name for name in _environment(other) if name.startswith("API_IAM")]


def _environment(facts):
    return facts["task", "petrostream-scoring-service"]["containers"][0]["environment"]


def test_keys_come_from_parameter_store_and_are_in_no_template(full):
    container = full["task", "petrostream-scoring-service"]["containers"][0]
    (secret,) = container["secrets"]
    assert secret["name"] == "API_KEY_DIGESTS"
    assert secret["valueFrom"].endswith(":parameter/petrostream/api-key-digests")
    assert "API_KEY_DIGESTS" not in container["environment"]


def test_the_environment_is_what_the_service_reads(full):
    from lambdas.scoring.api.server import ApiSettings
    from petrostream.aws.settings import ConsumerSettings, ServiceSettings

    environment = full["task", "petrostream-scoring-service"]["containers"][0]["environment"]
    consumer = ConsumerSettings.from_environment(environment)
    assert consumer.live_table == load_settings().live.table
    assert consumer.alert_topic.startswith("arn:aws:sns:")
    assert ServiceSettings.from_environment(environment).stream == load_settings().stream.name
    api = ApiSettings.from_environment({**environment, "API_KEY_DIGESTS": "0" * 64})
    assert (api.host, api.port) == ("0.0.0.0", 8080)


def test_the_environment_is_what_the_dashboard_reads(full):
    from dashboard.settings import DashboardSettings

    environment = full["task", "petrostream-dashboard"]["containers"][0]["environment"]
    settings = DashboardSettings.from_environment(environment)
    assert settings.live_table == load_settings().live.table
    assert settings.workgroup == load_settings().lake.workgroup
    assert settings.firehoses == load_settings().firehose.names
    assert settings.budget == "petrostream-monthly"
    assert settings.billed
    assert settings.cloudwatch_url.endswith("#dashboards/dashboard/petrostream")
    assert environment["STREAMLIT_SERVER_PORT"] == "8501"


def test_the_service_may_do_with_the_lake_what_the_function_may(full, aws):
    function = parity_cdk.facts(aws.stacks)["role", "petrostream-scoring-us-east-1"]["rights"]
    service = full["role", "petrostream-scoring-service-us-east-1"]["rights"]
    assert service == {name: rights for name, rights in function.items() if name not in {"logs", "failures"}}


def test_without_the_stream_the_service_serves_the_api_alone(templates):
    facts = parity_services_cdk.of_cdk(templates["api only, nobody"].stacks[STACK])
    container = facts["task", "petrostream-scoring-service"]["containers"][0]
    assert container["entryPoint"] == ["python3", "-m", "lambdas.scoring.api"]
    assert "stream" not in facts["role", "petrostream-scoring-service-us-east-1"]["rights"]
    assert ("policy", "petrostream-scoring-service-behind") not in facts
    mapping = parity_cdk.facts({"s": templates["api only, nobody"].stacks["PetroStreamScoring"]})
    assert mapping["mapping", "petrostream-scoring"]["enabled"] is True


def test_nobody_is_let_in_unless_the_settings_say_so(templates):
    facts = parity_services_cdk.of_cdk(templates["consumer, nobody"].stacks[STACK])
    assert not {kind for kind, _ in facts} & {"balancer", "listener", "targets"}
    ways = [label for kind, label in facts if kind == "rule"]
    assert ways == ["out AWS, over TLS scoring 0.0.0.0/0 443"]


def test_without_a_certificate_only_the_networks_of_the_settings_reach_it(templates):
    facts = parity_services_cdk.of_cdk(templates["consumer, office, no certificate"].stacks[STACK])
    entries = {label for kind, label in facts if kind == "rule" and "allowed_cidrs" in label}
    assert entries == {f"in services.access.allowed_cidrs {cidr} 80" for cidr in OFFICE}
    assert [label for kind, label in facts if kind == "listener"] == ["80"]


def test_with_a_certificate_port_80_only_redirects(full):
    (action,) = full["listener", "80"]["otherwise"]
    assert action["type"] == "redirect"
    assert full["listener", "443"]["policy"].startswith("ELBSecurityPolicy-TLS13-1-2")
    assert full["listener", "443"]["otherwise"][0]["details"]["statusCode"] == "404"


@pytest.mark.parametrize(
    ("form", "kind"),
    [("everything, cognito", "authenticate-cognito"), ("everything, oidc", "authenticate-oidc")],
)
def test_people_sign_in_before_they_see_the_dashboard(templates, form, kind):
    facts = parity_services_cdk.of_cdk(templates[form].stacks[STACK])
    assert [action["type"] for action in facts["listener rule", "20"]["actions"]] == [kind, "forward"]
    # The API's paths come first, and it asks for keys itself.
    assert facts["listener rule", "10"]["paths"] == {"/v1/*", "/health", "/ready", "/metrics"}


def test_a_deployment_that_does_not_start_is_taken_back(full):
    for name in ("petrostream-scoring-service", "petrostream-dashboard"):
        assert full["service", name]["breaker"] == (True, True)
        assert full["service", name]["between"] == (100, 200)


# --- what is refused ---------------------------------------------------------------------------------------


REFUSED = [
    (services(allowed_cidrs=["0.0.0.0/0"]), "needs certificate_arn"),
    (services(allowed_cidrs=["0.0.0.0/1", "128.0.0.0/1"]), "needs certificate_arn"),
    (services(allowed_cidrs=OFFICE, sign_in=COGNITO), "sign_in needs certificate_arn"),
    (services(dashboard=True), "nobody could open the dashboard"),
]


@pytest.mark.parametrize(("change", "expected"), REFUSED)
def test_an_access_that_is_too_wide_is_refused(tmp_path, change, expected):
    with pytest.raises(SettingsError, match=re.escape(expected)):
        load_settings(written(tmp_path, change))


def test_an_open_dashboard_without_sign_in_is_refused(tmp_path):
    def change(settings):
        everything()(settings)
        settings["services"]["access"]["sign_in"] = None

    with pytest.raises(SettingsError, match=re.escape("access.sign_in is required")):
        load_settings(written(tmp_path, change))


def test_a_size_that_fargate_does_not_offer_is_refused(tmp_path):
    def change(settings):
        settings["services"]["scoring"].update(cpu=256, memory_mb=4096)

    with pytest.raises(SettingsError, match="Fargate offers 512, 1024, 2048"):
        load_settings(written(tmp_path, change))


def test_a_consumer_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=re.escape("scoring.consumer = service needs services.enabled")):
        load_settings(written(tmp_path, lambda settings: settings["scoring"].update(consumer="service")))


# --- what others find --------------------------------------------------------------------------------------


def test_the_rule_pack_reports_nothing(templates):
    for form in REVIEWED:
        report = json.loads((templates[form].folder / "validation-report.json").read_text())
        assert report["pluginReports"] == [], form


def test_every_exception_is_needed(synth, tmp_path, monkeypatch):
    pytest.importorskip("cdk_nag")
    from infra.cdk import review

    monkeypatch.setattr(review, "services_acknowledged", lambda app: ())
    with pytest.raises(RuntimeError, match="ValidationFailed") as refused:
        synth("aws", everything(), reviewed=True, image_tag=TAG)
    findings = re.findall(
        r"^ +(PetroStream\S+) .*\n +Acknowledge with 'AwsSolutions::(\S+)'", str(refused.value), re.M
    )
    found = {(path.removesuffix("/Resource"), rule) for path, rule in findings}
    with_everything = load_settings(written(tmp_path, everything()))
    listed = [
        *(
            (f"{STACK}/{path}", *rest)
            for path, *rest in review.exceptions(with_everything, review.AS_REPORTED)
        ),
        *review.services_wildcards(with_everything),
    ]
    assert found == {(path, rule) for path, rule, _ in listed}
    assert all(len(reason) > 40 for _, _, reason in listed)


def test_cfn_lint_finds_nothing(templates):
    command = shutil.which("cfn-lint", path=str(Path(sys.executable).parent)) or shutil.which("cfn-lint")
    if command is None:
        pytest.skip("needs cfn-lint: pip install -e '.[lint]'")
    found = [str(templates[form].folder / f"{STACK}.template.json") for form in REVIEWED]
    config = ["--config-file", str(ROOT / "infra" / "cdk" / ".cfnlintrc")]
    result = subprocess.run(
        [command, *config, "--", *found], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_difference_would_be_seen(templates):
    """The comparison sees each property of a task and of a service."""
    stack = templates["everything, cognito"].stacks[STACK]
    before = parity_services_cdk.of_cdk(stack)
    for kind, name, value in (
        ("AWS::ECS::TaskDefinition", "Cpu", "4096"),
        ("AWS::ECS::Service", "PropagateTags", "TASK_DEFINITION"),
        ("AWS::ECR::Repository", "ImageTagMutability", "MUTABLE"),
        ("AWS::EC2::Subnet", "MapPublicIpOnLaunch", True),
    ):
        changed = copy.deepcopy(stack)
        row = next(row for row in changed["Resources"].values() if row["Type"] == kind)
        row["Properties"][name] = value
        assert parity_services_cdk.of_cdk(changed) != before, (kind, name)
